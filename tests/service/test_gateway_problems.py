"""What is refused, and how it is said."""

from __future__ import annotations

import httpx
import pytest
from gateway_builders import a_gateway, problem_of

from nungil.database.open import open_database
from nungil.pictures.boxes import ACCEPTED
from nungil.runtime.errors import Misconfigured
from services.gateway.__main__ import listening
from services.gateway.store import API_KEYS


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("profile") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def owner(gateway):
    with gateway.as_person() as client:
        yield client


def chunked(size_bytes: int):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    yield head
    for _ in range(size_bytes // 1_000_000):
        yield b"x" * 1_000_000


def search_text(client, text: str) -> httpx.Response:
    return client.post("/v1/search", content=text, headers={"Content-Type": "application/json"})


def test_what_is_not_there_says_so(owner):
    assert problem_of(owner.get("/v2/media")) == (404, "no-such-route")
    assert problem_of(owner.get("/nothing.js")) == (404, "no-such-route")


def test_a_method_that_a_route_does_not_take_is_refused_with_those_that_it_takes(owner):
    response = owner.patch("/v1/search")
    assert problem_of(response) == (405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "box",
    [
        '{"x": NaN, "y": 0, "width": 1, "height": 1}',
        '{"x": 0, "y": 0, "width": Infinity, "height": 1}',
        '{"x": 0, "y": 0, "width": 1e999, "height": 1}',
        '{"x": "0.1", "y": 0, "width": 1, "height": 1}',
        '{"x": true, "y": 0, "width": 1, "height": 1}',
        '{"x": null, "y": 0, "width": 1, "height": 1}',
        '{"x": 0, "y": 0, "width": 1}',
        "[0, 0, 1, 1]",
        '"0,0,1,1"',
    ],
)
def test_a_box_that_is_not_numbers_is_told_what_is_accepted(owner, box):
    response = search_text(owner, '{"media_id": "m", "box": ' + box + "}")
    assert problem_of(response) == (422, "invalid-box")
    assert ACCEPTED in response.json()["detail"]
    assert all(fault["field"].startswith("box") for fault in response.json()["errors"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"text": " "}, "body"),
        ({"text": "강아지", "region": 1}, "body"),
        ({"media_id": "m", "regions": "all", "box": {"x": 0, "y": 0, "width": 1, "height": 1}}, "body"),
        ({"media_id": "m", "regions": "some"}, "regions"),
        ({"media_id": "m", "narrow": [{"kind": "colour"}]}, "narrow.0.id"),
        ({"media_id": "m", "exclude": [{"kind": "smell", "id": "rose"}]}, "exclude.0.kind"),
        ({"media_id": "m", "narrow": [{"kind": "colour", "id": "red"}] * 21}, "narrow"),
        ({"media_id": "m", "sort": "cheapest"}, "sort"),
        ({"media_id": "m", "text": "x" * 301}, "text"),
        ({"media_id": 7}, "media_id"),
        ({"media_id": "m", "limit": 0}, "limit"),
        ({"media_id": "m", "limit": 101}, "limit"),
        ({"media_id": "m", "filters": {"market": "Korea"}}, "filters.market"),
        ({"media_id": "m", "filters": {"max_price_minor": 100}}, "filters"),
        ({"media_id": "m", "filters": {"max_price_minor": -1, "currency": "KRW"}}, "filters.max_price_minor"),
        ({"media_id": "m", "filters": {"instock": True}}, "filters.instock"),
        ({"media_id": "m", "color": "red"}, "color"),
    ],
)
def test_a_field_that_is_wrong_or_unknown_is_named(owner, body, field):
    response = owner.post("/v1/search", json=body)
    assert problem_of(response) == (422, "invalid-request")
    assert [fault["field"] for fault in response.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ({"narrow": [{"kind": "smell", "id": "rose"}]}, "'label', 'colour', 'category', 'shop' or 'brand'"),
        ({"sort": "cheapest"}, "'likeness', 'price' or 'newest'"),
    ],
)
def test_a_kind_of_chip_or_a_sort_that_is_none_is_told_the_known_ones(owner, body, known):
    response = owner.post("/v1/search", json={"media_id": "m"} | body)
    assert problem_of(response) == (422, "invalid-request")
    assert known in response.json()["detail"]


def test_all_regions_at_once_go_with_a_picture_and_filters_alone(owner):
    response = owner.post("/v1/search", json={"media_id": "m", "regions": "all", "chips": True, "cursor": "c"})
    assert problem_of(response) == (422, "invalid-request")
    assert "not with chips, cursor" in response.json()["detail"]


@pytest.mark.parametrize(
    "text", ['{"media_id"', "", "[" * 100_000, '{"media_id": "\ud800"}'.encode("utf-8", "surrogatepass")]
)
def test_a_body_that_is_no_json_is_refused(owner, text):
    assert problem_of(search_text(owner, text))[0] in (400, 422)


def test_a_box_and_a_region_together_are_refused(owner):
    box = {"x": 0, "y": 0, "width": 1, "height": 1}
    response = owner.post("/v1/search", json={"media_id": "m", "box": box, "region": 1})
    assert problem_of(response) == (422, "invalid-request")
    assert "not both" in response.json()["detail"]


@pytest.mark.parametrize("size_bytes", [30_000_001, 31_000_000, 31 * 1024 * 1024])
def test_a_picture_over_30_mb_is_too_large(owner, size_bytes):
    response = owner.post("/v1/media", files={"file": ("a.jpg", b"x" * size_bytes)})
    assert problem_of(response) == (413, "too-large")


def test_a_body_that_does_not_say_its_size_is_counted(owner):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = owner.post("/v1/media", content=chunked(31_000_000), headers=headers)
    assert problem_of(response) == (413, "too-large")


def test_a_body_is_not_read_for_who_has_no_key(gateway):
    response = httpx.post(f"{gateway.url}/v1/media", files={"file": ("a.jpg", b"x" * 5_000_000)})
    assert problem_of(response) == (401, "unknown-key")


def test_json_over_1_mb_is_too_large(owner):
    assert problem_of(owner.post("/v1/search", json={"media_id": "m" * 1_000_001})) == (413, "too-large")


def test_a_form_without_a_picture_is_refused(owner):
    response = owner.post("/v1/media", data={"purpose": "personal"})
    assert problem_of(response) == (422, "invalid-request")
    assert response.json()["errors"][0]["field"] == "file"


def test_a_purpose_that_is_none_is_refused(owner):
    response = owner.post("/v1/media", files={"file": ("a.jpg", b"x")}, data={"purpose": "public"})
    assert problem_of(response) == (422, "invalid-request")


def test_the_date_taken_is_not_kept_without_consent(owner):
    response = owner.post("/v1/media", files={"file": ("a.jpg", b"x")}, data={"keep_taken_on": "true"})
    assert problem_of(response) == (403, "consent-needed")


def test_a_feed_of_another_type_is_refused(owner):
    response = owner.post("/v1/imports", json={"items": []})
    assert problem_of(response) == (415, "unsupported-body")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.169.254", ""])
def test_a_host_that_is_not_ours_is_refused(owner, host):
    """A page of another name that was made to resolve to this machine must not read anything."""
    assert problem_of(owner.get("/v1/me/consent", headers={"Host": host})) == (421, "unknown-host")
    assert problem_of(owner.get("/", headers={"Host": host})) == (421, "unknown-host")


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8080"])
def test_our_own_hosts_are_served(owner, host):
    assert owner.get("/v1/me/consent", headers={"Host": host}).status_code == 200


def test_a_service_that_is_away_is_a_503_that_says_when_to_retry_and_no_address(owner):
    response = owner.get("/v1/media")
    assert problem_of(response) == (503, "dependency-away")
    assert int(response.headers["retry-after"]) >= 1
    assert "sock" not in response.text


def test_the_process_lives_and_is_not_ready_while_a_service_is_away(gateway):
    assert httpx.get(f"{gateway.url}/healthz").json() == {"status": "ok"}
    response = httpx.get(f"{gateway.url}/readyz")
    assert problem_of(response) == (503, "not-ready")
    assert "ingest" in response.json()["detail"]
    assert "profile" not in response.json()["detail"]


def test_the_status_tells_who_is_away(owner):
    status = owner.get("/v1/status").json()
    assert not status["healthy"]
    assert {name: service["healthy"] for name, service in status["services"].items()} == {
        "gateway": True,
        "profile": True,
        "ingest": False,
        "embed": False,
        "search": False,
    }
    assert status["index"] is None
    assert {"topic": "media.changed", "group": "embed", "records": 0} in status["lag"]


def test_a_trace_that_comes_with_a_request_is_continued(owner):
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    response = owner.get("/v1/nothing", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
    assert response.json()["trace_id"] == trace_id


def test_what_we_did_not_foresee_is_a_problem_too_and_tells_nothing():
    with a_gateway() as broken:
        client = broken.client(broken.key())
        with open_database(broken.database_url) as engine:
            API_KEYS.drop(engine)
        response = client.get("/v1/status")
    assert problem_of(response) == (500, "unforeseen")
    assert "api_keys" not in response.text


def test_every_answer_carries_the_headers_that_keep_a_browser_safe(owner):
    for path in ("/", "/v1/me/consent", "/v1/nothing"):
        headers = owner.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers


def test_answers_with_someones_things_are_not_kept_by_caches(owner):
    assert owner.get("/v1/me/consent").headers["cache-control"] == "no-store"


def test_an_answer_is_not_held_back_for_the_next_packet(owner):
    """Nagle's algorithm with delayed acknowledgements costs 40 ms a request; the best of many shows it off."""
    took_ms = [owner.get("/healthz").elapsed.total_seconds() * 1000 for _ in range(50)]
    assert min(took_ms) < 25


def test_a_port_that_is_taken_and_an_address_that_is_none_are_told(gateway):
    port = httpx.URL(gateway.url).port
    for address in (f"127.0.0.1:{port}", "127.0.0.1", "127.0.0.1:99999", "no.such.host.invalid:1"):
        with pytest.raises(Misconfigured, match="NUNGIL_LISTEN"), listening(address):
            pass
