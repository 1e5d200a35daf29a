"""The OpenAPI document says what the gateway does."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from gateway_builders import a_gateway

from services.gateway.wire.common import BoxModel
from services.gateway.wire.people import ConsentChangeModel
from services.gateway.wire.search import SearchModel
from services.gateway.wire.watches import WatchGivenModel

ROUTES = {
    "/v1/media": {"get", "post"},
    "/v1/media/{media_id}": {"get", "delete"},
    "/v1/media/{media_id}/image": {"get"},
    "/v1/items/{item_id}": {"get", "put", "delete"},
    "/v1/imports": {"post"},
    "/v1/imports/{import_id}": {"get"},
    "/v1/imports/{import_id}/events": {"get"},
    "/v1/search": {"post"},
    "/v1/me/interests": {"get"},
    "/v1/me/interests/{interest_id}": {"get", "patch", "delete"},
    "/v1/me/learning": {"put"},
    "/v1/me/about": {"get", "put", "delete"},
    "/v1/me/story": {"get"},
    "/v1/me/tried": {"get"},
    "/v1/me/recommendations": {"get"},
    "/v1/campaigns": {"get"},
    "/v1/campaigns/{campaign_id}": {"get", "put", "delete"},
    "/v1/campaigns/{campaign_id}/ledger": {"get"},
    "/v1/interests": {"get"},
    "/v1/me/consent": {"get", "put"},
    "/v1/me/watches": {"get", "post"},
    "/v1/me/watches/{watch_id}": {"delete"},
    "/v1/unmet": {"get"},
    "/v1/me/boards": {"get", "post"},
    "/v1/me/boards/shared": {"post"},
    "/v1/me/boards/shared/{board_id}": {"delete"},
    "/v1/me/boards/{board_id}": {"get", "patch", "delete"},
    "/v1/me/boards/{board_id}/pins": {"post"},
    "/v1/me/boards/{board_id}/pins/{pin_id}": {"patch", "delete"},
    "/v1/me/boards/{board_id}/pins/{pin_id}/image": {"get"},
    "/v1/me/boards/{board_id}/more": {"post"},
    "/v1/me/boards/{board_id}/share": {"post", "delete"},
    "/v1/boards/shared/{token}": {"get"},
    "/v1/boards/shared/{token}/pins/{pin_id}/image": {"get"},
    "/v1/items/{item_id}/goes-with": {"get"},
    "/v1/me": {"delete"},
    "/v1/me/export": {"get"},
    "/v1/erasures/{receipt_id}": {"get"},
    "/v1/receipt-key": {"get"},
    "/v1/me/segments": {"get"},
    "/v1/segments": {"get"},
    "/v1/segments/{segment_id}": {"get", "put", "delete"},
    "/v1/segments/{segment_id}/dry-run": {"post"},
    "/v1/segments/{segment_id}/publish": {"post"},
    "/v1/activity": {"post"},
    "/v1/events": {"get"},
    "/v1/status": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
}


@pytest.fixture(scope="module")
def gateway():
    with a_gateway() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def document(gateway):
    return httpx.get(f"{gateway.url}/v1/openapi.json").raise_for_status().json()


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_is_described_and_no_other(document):
    assert document["openapi"].startswith("3.1")
    assert {path: set(methods) for path, methods in document["paths"].items()} == ROUTES


def test_every_reference_leads_somewhere(document):
    for name in re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_operation_has_a_name_of_its_own_a_description_and_problems_for_errors(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for path, method, operation in operations(document):
        assert operation["description"], (method, path)
        assert "application/problem+json" in operation["responses"]["default"]["content"], (method, path)
        assert "422" not in operation["responses"]


def test_what_needs_a_key_says_so(document):
    for path, _, operation in operations(document):
        by_link = path.startswith(("/v1/boards/shared/", "/v1/erasures/", "/v1/receipt-key"))
        assert ("security" in operation) == (path.startswith("/v1/") and not by_link), path


def test_writes_take_an_idempotency_key(document):
    for path, method, operation in operations(document):
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        assert names.count("Idempotency-Key") == (1 if method in ("put", "post", "patch", "delete") else 0), (
            method,
            path,
        )


@pytest.mark.parametrize("model", [SearchModel, BoxModel, ConsentChangeModel, WatchGivenModel])
def test_the_examples_are_valid(document, model):
    examples = document["components"]["schemas"][model.__name__]["examples"]
    assert [model.model_validate(example) for example in examples]


def test_the_page_and_the_contract_name_no_other_host(gateway):
    page = httpx.get(gateway.url).text
    assert "<html" in page
    for source in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert not re.match(r"(?:[a-z]+:)?//", source), source
