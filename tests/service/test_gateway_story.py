"""The story of a gallery and what a person states of themselves, over HTTP, with every service that they need."""

from __future__ import annotations

import threading

import pytest
from gateway_builders import a_gateway, problem_of
from picture_builders import a_picture

CONSENTS = {"image_interest": True, "taken_on": True}


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        yield gateway


@pytest.fixture
def client(gateway, request):
    with gateway.as_person(request.node.name[:200]) as client:
        yield client


def give(client, seed: int, taken_on: str | None) -> str:
    data = a_picture(seed=seed, taken_on=taken_on)
    given = client.post("/v1/media", files={"file": ("a.jpg", data)}, data={"keep_taken_on": "true"})
    media_id = given.json()["media_id"]
    pause = threading.Event()
    for _ in range(400):
        if client.get(f"/v1/media/{media_id}").json()["state"] == "searchable":
            return media_id
        pause.wait(0.05)
    raise AssertionError("the picture did not become searchable")


def counts(client):
    story = client.get("/v1/me/story").json()
    return {(y["year"], s["season"]): s["pictures"] for y in story["years"] for s in y["seasons"]}, story["undated"]


def test_pictures_are_told_by_season_and_one_that_is_deleted_is_gone_at_once(client):
    client.put("/v1/me/consent", json=CONSENTS)
    summer = give(client, 31, "2024-07-01")
    give(client, 32, "2025-01-05")
    give(client, 33, None)
    assert counts(client) == ({(2024, "winter"): 1, (2024, "summer"): 1}, 1)
    assert client.delete(f"/v1/media/{summer}").status_code == 204
    assert counts(client) == ({(2024, "winter"): 1}, 1)


def test_withdrawing_taken_on_forgets_the_days(client):
    client.put("/v1/me/consent", json=CONSENTS)
    media_id = give(client, 34, "2024-07-01")
    client.put("/v1/me/consent", json={"taken_on": False})
    assert client.get("/v1/me/story").json()["missing_consents"] == ["taken_on"]
    assert client.get(f"/v1/media/{media_id}").json()["taken_on"] is None
    client.put("/v1/me/consent", json={"taken_on": True})
    assert counts(client) == ({}, 1)


def test_what_is_stated_is_read_replaced_and_deleted(client):
    nothing = client.get("/v1/me/about").json()
    assert (nothing["gender"], nothing["purposes"]) == (None, [])
    stated = {"age_band": "30s", "hair": "curly", "style": "편한 옷", "purposes": ["recommendations"]}
    put = client.put("/v1/me/about", json=stated)
    assert put.status_code == 200, put.text
    assert client.get("/v1/me/about").json() == nothing | stated
    client.put("/v1/me/about", json={"gender": "woman"})
    assert client.get("/v1/me/about").json() == nothing | {"gender": "woman"}
    assert client.delete("/v1/me/about").status_code == 204
    assert client.get("/v1/me/about").json() == nothing


@pytest.mark.parametrize(
    "stated", [{"occupation": "teacher"}, {"gender": "other"}, {"purposes": ["everything"]}, {"nationality": "KR"}]
)
def test_what_is_no_field_or_word_of_the_contract_is_refused(client, stated):
    assert problem_of(client.put("/v1/me/about", json=stated)) == (422, "invalid-request")
