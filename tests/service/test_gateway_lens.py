"""The moving frame over a WebSocket: every service real, in one process."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from typing import Any

import httpx
import pytest
from finger_builders import a_finger, an_open
from gateway_builders import AGateway, a_gateway
from metrics_told import value_of
from picture_builders import a_picture
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from services.gateway.core import KEY_COOKIE

RED, GREEN, BLUE = (200, 40, 40), (40, 170, 60), (40, 60, 200)
LEFT = {"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}
OUTSIDE = {"x": 2, "y": 0, "width": 1, "height": 1}


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def shop(gateway):
    """A tenant with red, green and blue pictures, the red one an item's. Its person's key, and the pictures' ids by colour."""
    key = gateway.key(tenant="shop", subject="mina")
    with gateway.client(key) as client:
        ids = {
            name: searchable(client, a_picture(colour=colour, seed=seed), purpose="catalogue")
            for seed, (name, colour) in enumerate((("red", RED), ("green", GREEN), ("blue", BLUE)))
        }
        offer = {"shop": "s", "url": "https://s.example/1", "market": "KR", "currency": "KRW", "price_minor": 9000}
        item = {"title": {"en": "red"}, "media_ids": [ids["red"]], "offers": [offer]}
        client.put("/v1/items/red-1", json=item).raise_for_status()
        eventually(lambda: found_items(client, ids["green"]) == ["red-1"])
        yield key, ids


def searchable(client: httpx.Client, data: bytes, **fields: str) -> str:
    response = client.post("/v1/media", files={"file": ("painting.jpg", data)}, data=fields)
    assert response.status_code in (200, 202), response.text
    media_id = response.json()["media_id"]
    eventually(lambda: client.get(f"/v1/media/{media_id}").json()["state"] == "searchable")
    return media_id


def found_items(client: httpx.Client, media_id: str) -> list[str]:
    query = {"media_id": media_id, "filters": {"items_only": True}, "record": False}
    return [hit["item"]["id"] for hit in client.post("/v1/search", json=query).json()["hits"]]


def eventually(condition) -> None:
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come to be")


def frames_by_outcome() -> dict[str, float]:
    name = "nungil_gateway_lens_frames_total"
    return {outcome: value_of(name, outcome=outcome) for outcome in ("answered", "superseded")}


def test_frames_are_answered_while_they_move_and_the_newest_is_answered_in_full_when_it_rests(gateway, shop):
    key, ids = shop
    before = frames_by_outcome()
    with an_open(gateway, key, ids["red"]) as finger:
        ready = finger.hear("ready")
        assert ready["number"] == 0
        assert ready["rows"] > 0
        assert ready["regions"][0]["n"] == 0
        for step in range(60):
            last = finger.ask(frame={"box": {"x": step / 100, "y": 0.1, "width": 0.4, "height": 0.8}})
        answer = finger.answer_to(last, full=True)
        assert {hit["media_id"] for hit in answer["hits"]} == {ids["green"], ids["blue"]}
        assert answer["box"] == {"x": 0.59, "y": 0.1, "width": 0.4, "height": 0.8}
        numbers = [told["answer"]["number"] for told in finger.told if "answer" in told]
        assert numbers == sorted(numbers)
    outcomes = {name: count - before[name] for name, count in frames_by_outcome().items()}
    assert outcomes["answered"] == len(set(numbers))
    assert outcomes["answered"] + outcomes["superseded"] == 60
    assert value_of("nungil_http_requests_total", route="/v1/lens", method="GET", status="101") > 0


def test_items_are_told_once_and_hits_name_them(gateway, shop):
    key, ids = shop
    with an_open(gateway, key, ids["green"]) as finger:
        finger.hear("ready")
        first = finger.answer_to(finger.ask(frame={"region": 0, "rest": True}), full=True)
        finger.answer_to(finger.ask(frame={"box": LEFT, "rest": True}), full=True)
    assert "red-1" in [hit["item_id"] for hit in first["hits"]]
    items = [item for told in finger.told for item in told.get("answer", {}).get("items", [])]
    assert [item["id"] for item in items] == ["red-1"]
    assert items[0]["offers"][0]["price_minor"] == 9000


def test_a_frame_that_leaves_the_picture_is_clipped_and_one_outside_is_a_fault_with_its_number(gateway, shop):
    key, ids = shop
    with an_open(gateway, key, ids["red"]) as finger:
        over = finger.ask(frame={"box": {"x": 0.5, "y": -1, "width": 1, "height": 3}, "rest": True})
        answer = finger.answer_to(over, full=True)
        assert answer["clipped"]
        assert answer["box"] == {"x": 0.5, "y": 0, "width": 0.5, "height": 1}
        for wrong in (OUTSIDE, LEFT | {"width": 0}, LEFT | {"height": -1}, LEFT | {"x": "left"}):
            number = finger.ask(frame={"box": wrong})
            fault = finger.hear("fault")
            assert (fault["number"], fault["type"]) == (number, "urn:nungil:error:invalid-box")
            assert "between 0 and 1" in fault["detail"]
        finger.answer_to(finger.ask(frame={"box": LEFT}), full=True)


def test_a_refine_gathers_the_pool_again_and_the_frame_is_answered_under_it(gateway, shop):
    key, ids = shop
    with an_open(gateway, key, ids["green"]) as finger:
        finger.answer_to(finger.ask(frame={"box": LEFT}), full=True)
        number = finger.ask(refine={"filters": {"market": "KR", "items_only": True}})
        answer = finger.answer_to(number, full=True)
        assert finger.ready_of(number)["rows"] > 0
        assert [hit["item_id"] for hit in answer["hits"]] == ["red-1"]
        unknown = finger.ask(refine={"filters": {"market": "ZZ"}})
        fault = finger.hear("fault")
        assert fault["number"] == unknown
        assert "KR" in fault["detail"]


def test_words_and_chips_hold_while_the_frame_moves(gateway, shop):
    key, ids = shop
    with an_open(gateway, key, ids["green"], text="red 10,000원 이하") as finger:
        understood = finger.hear("ready")["understood"]
        assert understood["filters"]["max_price_minor"] == 10_000
        assert ("colour", "red") in [(chip["kind"], chip["id"]) for chip in understood["narrow"]]
        answer = finger.answer_to(finger.ask(frame={"box": LEFT}), full=True)
        assert [hit["item_id"] for hit in answer["hits"]] == ["red-1"]
        assert answer["counted"] == 1
        number = finger.ask(refine={"exclude": [{"kind": "colour", "id": "red"}]})
        hits = finger.answer_to(number, full=True)["hits"]
        assert [hit["media_id"] for hit in hits] == [ids["blue"]]
        finger.ask(refine={"labels": ["unicorn_of_mars"]})
        assert "unicorn_of_mars" in finger.hear("fault")["detail"]


def test_a_picture_that_is_deleted_closes_its_session(gateway):
    key = gateway.key(subject="lee")
    with gateway.client(key) as client:
        media_id = searchable(client, a_picture(colour=RED, seed=20))
        with an_open(gateway, key, media_id) as finger:
            finger.hear("ready")
            assert client.delete(f"/v1/media/{media_id}").status_code == 204
            assert finger.close_code() == 4404
    assert finger.told[-1]["closed"]["type"] == "urn:nungil:error:no-such-picture"


def test_a_picture_only_searched_with_can_be_opened(gateway, shop):
    key, ids = shop
    with gateway.client(key) as client:
        media_id = searchable(client, a_picture(colour=BLUE, seed=21), purpose="search")
    with an_open(gateway, key, media_id) as finger:
        answer = finger.answer_to(finger.ask(frame={"rest": True}), full=True)
    assert answer["hits"][0]["media_id"] == ids["blue"]


def test_anothers_picture_and_an_unknown_one_are_refused_alike(gateway, shop):
    _, ids = shop
    stranger = gateway.key(subject="jun")
    details = []
    for media_id in (ids["red"], str(uuid.uuid4())):
        with an_open(gateway, stranger, media_id) as finger:
            assert finger.close_code() == 4404
        [closed] = finger.told
        details.append((closed["closed"]["type"], closed["closed"]["detail"].replace(media_id, "")))
    assert details[0] == details[1]


def test_what_cannot_be_opened_says_why(gateway, shop):
    key, ids = shop
    with an_open(gateway, key, ids["red"], labels=["unicorn_of_mars"]) as finger:
        assert finger.close_code() == 4422
    assert "unicorn_of_mars" in finger.told[0]["closed"]["detail"]


def test_a_picture_that_nobody_embeds_yet_is_not_ready():
    with a_gateway("ingest", "search", "profile") as gateway:
        key = gateway.key()
        with gateway.client(key) as client:
            given = client.post("/v1/media", files={"file": ("a.jpg", a_picture())}).json()
        with an_open(gateway, key, given["media_id"]) as finger:
            assert finger.close_code() == 4409
    assert finger.told[0]["closed"]["type"] == "urn:nungil:error:picture-not-ready"


def refused(gateway: AGateway, key: str | None = None, **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as error, a_finger(gateway, key, **options):
        pass
    response = error.value.response
    body = json.loads(response.body)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Nungil-Trace"] == body["trace_id"]
    return response.status_code, body["type"].removeprefix("urn:nungil:error:")


def test_without_a_key_nothing_is_opened(gateway):
    assert refused(gateway) == (401, "unknown-key")
    assert refused(gateway, "nk_unknown") == (401, "unknown-key")


def test_a_cookie_counts_from_our_own_page_alone(gateway, shop):
    key, ids = shop
    cookie = {"Cookie": f"{KEY_COOKIE}={key}"}
    port = gateway.url.rpartition(":")[2]
    for origin in (None, "https://evil.example", "http://127.0.0.1:1", f"http://localhost:{port}", "null"):
        assert refused(gateway, headers=cookie, origin=origin) == (403, "cross-site")
    with a_finger(gateway, headers=cookie, origin=gateway.url) as finger:
        finger.ask(open={"media_id": ids["red"]})
        finger.hear("ready")


def test_another_host_is_refused(gateway, shop):
    key, _ = shop
    port = int(gateway.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw, pytest.raises(InvalidStatus) as error:
        connect("ws://evil.example/v1/lens", sock=raw, additional_headers={"Authorization": f"Bearer {key}"})
    assert error.value.response.status_code == 421


def test_there_is_a_limit_to_a_messages_size(gateway, shop):
    key, _ = shop
    with a_finger(gateway, key) as finger:
        finger.connection.send("x" * 65_537)
        assert finger.close_code() == 1009


def test_as_many_sessions_as_may_be_and_no_more():
    with a_gateway("profile", lens_sessions=1) as gateway:
        key = gateway.key()
        with a_finger(gateway, key):
            assert refused(gateway, key) == (503, "lens-full")


def test_a_client_that_does_not_read_finds_the_newest_answer_and_not_a_queue(gateway, shop):
    key, ids = shop
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", int(gateway.url.rpartition(":")[2])))
    with a_finger(gateway, key, sock=raw, max_queue=1) as finger:
        finger.ask(open={"media_id": ids["red"], "limit": 100, "record": False})
        finger.hear("ready")
        pause = threading.Event()
        for step in range(200):
            last = finger.ask(frame={"box": {"x": step / 400, "y": 0.1, "width": 0.4, "height": 0.8}})
            pause.wait(1 / 100)  # a finger's pace, so that each could be answered
        finger.answer_to(last, full=True)
    heard = [told["answer"]["number"] for told in finger.told if "answer" in told]
    assert heard == sorted(heard)
    assert len(set(heard)) < 150


def test_sessions_end_with_the_process_and_say_so():
    with a_gateway("profile") as gateway:
        with a_finger(gateway, gateway.key()) as finger:
            gateway.stop.set()
            assert finger.close_code() == 1012
        assert finger.told[-1]["closed"]["type"] == "urn:nungil:error:lens-moved"


def test_a_session_that_is_asked_nothing_is_closed():
    with a_gateway("profile", lens_idle_s=0.05) as gateway, a_finger(gateway, gateway.key()) as finger:
        assert finger.close_code() == 4408


def test_without_search_a_session_says_that_a_service_is_away():
    with a_gateway("profile") as gateway, an_open(gateway, gateway.key(), str(uuid.uuid4())) as finger:
        assert finger.close_code() == 4503
    assert "unix" not in json.dumps(finger.told)
