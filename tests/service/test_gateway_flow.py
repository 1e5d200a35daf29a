"""From a picture to what looks like a part of it, and to the interest that follows: every service real, in one process."""

from __future__ import annotations

import json
import threading
import uuid

import httpx
import pytest
from gateway_builders import a_gateway, problem_of
from picture_builders import a_picture

from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.api.profile.v1.profile_pb2 import ACTIVITY_KIND_CROP_SEARCHED
from nungil.event_log.open import open_event_log
from nungil.event_log.topics import USER_ACTIVITY
from services.gateway.core import Who, event_id_of

RED, GREEN, BLUE = (200, 40, 40), (40, 170, 60), (40, 60, 200)
LEFT = {"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        yield gateway


def give(client: httpx.Client, data: bytes, **fields: str) -> dict:
    response = client.post("/v1/media", files={"file": ("painting.jpg", data)}, data=fields)
    assert response.status_code in (200, 202), response.text
    return response.json()


def searchable(client: httpx.Client, data: bytes, **fields: str) -> str:
    """Gives a picture and follows its states until it can be searched with and found."""
    media_id = give(client, data, **fields)["media_id"]
    with client.stream("GET", "/v1/events", params={"media_id": media_id}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and json.loads(line.removeprefix("data: "))["state"] != "accepted":
                break
    pause = threading.Event()
    while (told := client.get(f"/v1/media/{media_id}").json())["state"] == "accepted":
        pause.wait(0.05)
    assert told["state"] == "searchable", told["reason"]
    return media_id


def found(client: httpx.Client, media_id: str, **query) -> dict:
    response = client.post("/v1/search", json={"media_id": media_id} | query)
    assert response.status_code == 200, response.text
    return response.json()


def eventually(condition):
    pause = threading.Event()
    for _ in range(200):
        if condition():
            return True
        pause.wait(0.05)
    return False


def an_item(media_id: str, *offers: dict) -> dict:
    plain = {"shop": "gaguhaus", "url": "https://g.example/1", "currency": "KRW", "price_minor": 20000}
    return {
        "title": {"ko": "그림", "en": "painting"},
        "media_ids": [media_id],
        "offers": [plain | offer for offer in offers],
    }


def test_a_picture_that_looks_alike_is_found_and_ones_own_comes_with_its_file_name(gateway):
    with gateway.as_person("ana") as client:
        red = searchable(client, a_picture(colour=RED))
        also_red = searchable(client, a_picture(colour=RED, seed=1))
        green = searchable(client, a_picture(colour=GREEN))
        answer = found(client, red)
    assert [hit["media_id"] for hit in answer["hits"]] == [also_red, green]
    assert answer["hits"][0]["score"] > answer["hits"][1]["score"]
    assert answer["hits"][0]["file_name"] == "painting.jpg"
    assert answer["box"] == {"x": 0, "y": 0, "width": 1, "height": 1}
    assert not answer["clipped"]


def test_a_box_partly_outside_is_clipped_and_said_so(gateway):
    with gateway.as_person("ben") as client:
        media_id = searchable(client, a_picture(colour=BLUE))
        answer = found(client, media_id, box={"x": -0.5, "y": 0, "width": 1, "height": 1})
        outside = client.post(
            "/v1/search", json={"media_id": media_id, "box": {"x": 2, "y": 0, "width": 1, "height": 1}}
        )
        empty = client.post("/v1/search", json={"media_id": media_id, "box": LEFT | {"width": 0}})
    assert answer["clipped"]
    assert answer["box"] == LEFT
    for response in (outside, empty):
        assert problem_of(response) == (422, "invalid-box")
        assert "between 0 and 1" in response.json()["detail"]


def test_another_persons_picture_is_no_hit_and_cannot_be_searched_with(gateway):
    mina, jun = gateway.as_person("mina"), gateway.as_person("jun")
    of_mina = searchable(mina, a_picture(colour=RED, seed=2))
    of_jun = searchable(jun, a_picture(colour=RED, seed=3))
    assert of_mina not in [hit["media_id"] for hit in found(jun, of_jun)["hits"]]
    theirs = jun.post("/v1/search", json={"media_id": of_mina})
    unknown = jun.post("/v1/search", json={"media_id": str(uuid.uuid4())})
    assert problem_of(theirs)[0] == problem_of(unknown)[0] == 404
    assert theirs.json()["type"] == unknown.json()["type"]


def test_market_price_and_stock_must_hold_for_one_offer(gateway):
    with gateway.as_person("shop", tenant="shop") as client:
        item_media = searchable(client, a_picture(colour=GREEN, seed=4), purpose="catalogue")
        query = searchable(client, a_picture(colour=GREEN, seed=5))
        korean_gone = {"market": "KR", "in_stock": False}
        dollars = {"market": "US", "currency": "USD", "price_minor": 1500, "in_stock": True}
        put = client.put("/v1/items/p-1", json=an_item(item_media, korean_gone, dollars))
        assert put.status_code == 200, put.text

        def items(**filters) -> list[dict]:
            hits = found(client, query, filters={"items_only": True} | filters)["hits"]
            return [hit["item"] for hit in hits]

        assert eventually(lambda: [item["id"] for item in items()] == ["p-1"])
        assert [offer["market"] for offer in items(market="KR")[0]["offers"]] == ["KR"]
        assert items(market="KR", in_stock=True) == []
        assert [offer["price_minor"] for offer in items(max_price_minor=1500, currency="USD")[0]["offers"]] == [1500]
        assert items(max_price_minor=1499, currency="USD") == []


def test_a_picture_only_searched_with_is_ready_at_once_and_kept_from_every_list(gateway):
    with gateway.as_person("eve") as client:
        kept = searchable(client, a_picture(colour=BLUE, seed=6))
        response = client.post(
            "/v1/media", files={"file": ("x.jpg", a_picture(colour=BLUE, seed=7))}, data={"purpose": "search"}
        )
        assert response.status_code == 200
        media = response.json()
        assert media["state"] == "searchable"
        assert media["expires_at"]
        assert media["regions"][0]["n"] == 0
        assert [hit["media_id"] for hit in found(client, media["media_id"], box=LEFT)["hits"]] == [kept]
        assert [m["media_id"] for m in client.get("/v1/media").json()["media"]] == [kept]
    other = gateway.as_person("adam").post("/v1/search", json={"media_id": media["media_id"]})
    assert problem_of(other)[0] == 404


def test_a_deleted_picture_is_a_hit_no_more(gateway):
    with gateway.as_person("lee") as client:
        query = searchable(client, a_picture(colour=RED, seed=8))
        other = searchable(client, a_picture(colour=RED, seed=9))
        assert [hit["media_id"] for hit in found(client, query)["hits"]] == [other]
        assert client.delete(f"/v1/media/{other}").status_code == 204
        assert eventually(lambda: found(client, query)["hits"] == [])


def test_a_save_that_is_sent_twice_counts_once(gateway):
    with gateway.as_person("kim") as client:
        client.put("/v1/me/consent", json={"image_interest": True})
        media_id = searchable(client, a_picture(colour=RED, seed=10))
        assert eventually(lambda: client.get("/v1/me/interests").json()["interests"])
        headers = {"Idempotency-Key": "save-1"}
        save = {"kind": "saved", "media_id": media_id, "box": {"x": 0.1, "y": 0.1, "width": 5, "height": 5}}
        first = client.post("/v1/activity", json=save, headers=headers)
        again = client.post("/v1/activity", json=save, headers=headers)
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json() == again.json()

        def kinds() -> list[str]:
            [heaviest, *_] = client.get("/v1/me/interests").json()["interests"]
            return [evidence["kind"] for evidence in heaviest["evidence"]]

        assert eventually(lambda: "saved" in kinds())
        assert kinds().count("saved") == 1


def test_only_a_search_that_is_meant_is_counted(gateway):
    with gateway.as_person("park") as client:
        client.put("/v1/me/consent", json={"image_interest": True})
        media_id = searchable(client, a_picture(colour=RED, seed=11))

        def kinds() -> set[str]:
            interests = client.get("/v1/me/interests").json()["interests"]
            return {evidence["kind"] for interest in interests for evidence in interest["evidence"]}

        assert eventually(lambda: kinds() == {"uploaded"})
        found(client, media_id, box=LEFT | {"y": 0.5, "height": 0.5, "x": 0.5}, record=False)
        noted = {"kind": "liked", "media_id": media_id}
        client.post("/v1/activity", json=noted)
        assert eventually(lambda: "liked" in kinds())  # what came after it is there
        assert "crop_searched" not in kinds()
        found(client, media_id, box=LEFT | {"y": 0.5, "height": 0.5, "x": 0.5})
        assert eventually(lambda: "crop_searched" in kinds())


def test_a_search_is_recorded_under_the_event_of_its_idempotency_key(gateway):
    with gateway.as_person("lim") as client:
        media_id = searchable(client, a_picture(colour=RED, seed=17))
        query = {"media_id": media_id, "box": LEFT}
        assert client.post("/v1/search", json=query, headers={"Idempotency-Key": "look-1"}).status_code == 200
    with open_event_log(gateway.log_url) as log, log.tail([USER_ACTIVITY], since="start") as tail:
        events = [UserActivity.FromString(record.value) for record in tail.poll(max_records=500, timeout_s=5)]
    [event] = [event for event in events if event.media_id == media_id and event.kind == ACTIVITY_KIND_CROP_SEARCHED]
    who = Who("local", event.person_id, frozenset())
    assert event.event_id == event_id_of(who, "look-1")


def test_when_every_service_answers_the_gateway_is_ready_and_nothing_waits(gateway):
    assert httpx.get(f"{gateway.url}/readyz").status_code == 200
    with gateway.as_person() as client:
        status = client.get("/v1/status").json()
    assert status["healthy"]
    assert status["index"]["rows"] > 0
    assert status["index"]["encoder_space"].startswith("tiny")


def test_a_picture_that_nobody_embeds_yet_is_not_ready():
    with a_gateway("ingest", "search", "profile") as gateway, gateway.as_person("zoe") as client:
        media_id = give(client, a_picture(colour=RED))["media_id"]
        waiting = client.post("/v1/search", json={"media_id": media_id})
        with gateway.as_person("yan") as another:
            unknown = another.post("/v1/search", json={"media_id": media_id})
    assert problem_of(waiting) == (409, "picture-not-ready")
    assert problem_of(unknown) == (404, "no-such-picture")
