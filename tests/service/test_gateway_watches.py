"""A crop that nothing to buy was found for is kept, and told once something is: every service real, in one process."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import httpx
import pytest
from gateway_builders import a_gateway, problem_of
from picture_builders import a_picture

from nungil.api.profile.v1.profile_pb2 import IdentifyRequest
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceStub
from nungil.api.search.v1.events_pb2 import WatchMatched
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord
from nungil.event_log.topics import WATCH_CHANGED, WATCH_MATCHED
from nungil.runtime.rpc import open_channel

RED, GREEN = (200, 40, 40), (40, 170, 60)
LEFT = {"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        yield gateway


def searchable(client: httpx.Client, data: bytes, **fields: str) -> str:
    given = client.post("/v1/media", files={"file": ("painting.jpg", data)}, data=fields)
    assert given.status_code in (200, 202), given.text
    media_id = given.json()["media_id"]
    assert eventually(lambda: client.get(f"/v1/media/{media_id}").json()["state"] == "searchable")
    return media_id


def eventually(condition):
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return True
        pause.wait(0.05)
    return False


def put_item(client: httpx.Client, item_id: str, media_id: str, **offer) -> None:
    plain = {"shop": "gaguhaus", "url": "https://g.example/1", "market": "KR", "currency": "KRW", "price_minor": 20000}
    item = {
        "title": {"ko": "그림", "en": "painting"},
        "media_ids": [media_id],
        "offers": [plain | {"in_stock": True} | offer],
    }
    response = client.put(f"/v1/items/{item_id}", json=item)
    assert response.status_code == 200, response.text


def watch(client: httpx.Client, media_id: str, **of) -> dict:
    response = client.post("/v1/me/watches", json={"media_id": media_id, "market": "KR"} | of)
    assert response.status_code in (200, 201), response.text
    return response.json()


@contextmanager
def a_stream(client: httpx.Client):
    with client.stream("GET", "/v1/events") as response:
        lines = response.iter_lines()
        assert next(lines) == "retry: 2000"  # from here on nothing is missed
        yield lines


def next_watch(lines) -> dict:
    for line in lines:
        if line == "event: watch":
            return json.loads(next(lines).removeprefix("data: "))
    raise AssertionError("the stream ended")


def person_id(gateway, subject: str, tenant: str) -> str:
    with open_channel(f"unix:{gateway.folder}/profile.sock") as channel:
        request = IdentifyRequest(tenant=tenant, subject=subject)
        return ProfileServiceStub(channel).Identify(request, timeout=5).person_id


def test_a_crop_that_can_be_bought_later_is_told_as_it_happens_and_listed(gateway):
    shop, mina = gateway.as_person("shop", tenant="deco"), gateway.as_person("mina", tenant="deco")
    painting = searchable(shop, a_picture(colour=RED), purpose="catalogue")
    put_item(shop, "p-1", painting, market="US", currency="USD")
    mine = searchable(mina, a_picture(colour=RED, seed=1))
    kept = watch(mina, mine, box=LEFT, currency="KRW", max_price_minor=20000)
    assert (kept["box"], kept["market"], kept["max_price_minor"], kept["matches"]) == (LEFT, "KR", 20000, [])
    with a_stream(mina) as lines:
        put_item(shop, "p-1", painting)
        told = next_watch(lines)
    assert (told["watch_id"], told["item_id"], told["media_id"]) == (kept["id"], "p-1", painting)
    assert told["score"] > 0.5
    assert eventually(lambda: mina.get("/v1/me/watches").json()["watches"][0]["matches"])
    [listed] = mina.get("/v1/me/watches").json()["watches"]
    [match] = listed["matches"]
    assert (match["item_id"], match["media_id"]) == ("p-1", painting)
    assert listed["id"] == kept["id"]
    assert mina.get(f"/v1/items/{match['item_id']}").json()["offers"][0]["market"] == "KR"


def test_what_could_be_bought_all_along_is_told_too_and_each_item_once(gateway):
    shop, mina = gateway.as_person("shop", tenant="early"), gateway.as_person("mina", tenant="early")
    painting = searchable(shop, a_picture(colour=GREEN), purpose="catalogue")
    put_item(shop, "p-1", painting)
    mine = searchable(mina, a_picture(colour=GREEN, seed=1))
    with a_stream(mina) as lines:
        kept = watch(mina, mine)
        assert next_watch(lines)["item_id"] == "p-1"
        put_item(shop, "p-1", painting, price_minor=100)
        put_item(shop, "p-2", painting)
        assert next_watch(lines)["item_id"] == "p-2"
    assert eventually(lambda: len(mina.get("/v1/me/watches").json()["watches"][0]["matches"]) == 2)
    assert mina.get("/v1/me/watches").json()["watches"][0]["id"] == kept["id"]


def test_the_same_crop_is_one_watch_and_a_deleted_one_is_gone(gateway):
    with gateway.as_person("ana") as client:
        mine = searchable(client, a_picture(colour=RED, seed=2))
        body = {"media_id": mine, "market": "KR", "box": LEFT}
        first = client.post("/v1/me/watches", json=body)
        again = client.post("/v1/me/watches", json=body)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        left = client.post("/v1/me/watches", json=body | {"box": LEFT | {"x": -0.1}}).json()
        assert left["clipped"]
        assert len(client.get("/v1/me/watches").json()["watches"]) == 2
        for _ in range(2):
            gone = client.delete(f"/v1/me/watches/{left['id']}")
        assert problem_of(gone) == (404, "no-such-watch")
        assert problem_of(gateway.as_person("ben").delete(f"/v1/me/watches/{first.json()['id']}"))[0] == 404
        assert [w["id"] for w in client.get("/v1/me/watches").json()["watches"]] == [first.json()["id"]]


def test_a_deleted_picture_takes_its_watches_along(gateway):
    with gateway.as_person("ben") as client:
        mine = searchable(client, a_picture(colour=RED, seed=3))
        kept = watch(client, mine)
        assert client.delete(f"/v1/media/{mine}").status_code == 204
        assert eventually(lambda: client.get("/v1/me/watches").json()["watches"] == [])
    with open_event_log(gateway.log_url) as log:

        def tombstones() -> list[str]:
            with log.tail([WATCH_CHANGED], since="start") as tail:
                return [record.key for record in tail.poll(max_records=1_000, timeout_s=0) if record.value is None]

        assert eventually(lambda: f"local/{kept['id']}" in tombstones())


def test_what_cannot_be_watched_is_told_with_what_to_do(gateway):
    with gateway.as_person("eve") as client:
        only_searched = client.post(
            "/v1/media", files={"file": ("x.jpg", a_picture(colour=RED, seed=4))}, data={"purpose": "search"}
        ).json()["media_id"]
        refused = client.post("/v1/me/watches", json={"media_id": only_searched})
        assert problem_of(refused) == (409, "picture-not-kept")
        assert "keep it first" in refused.json()["detail"]

        mine = searchable(client, a_picture(colour=RED, seed=5))
        theirs = gateway.as_person("adam").post("/v1/me/watches", json={"media_id": mine})
        assert problem_of(theirs)[0] == 404
        for body, slug in (
            ({"market": "Korea"}, "unknown-market"),
            ({"currency": "WON"}, "unknown-currency"),
            ({"max_price_minor": 100}, "invalid-request"),
            ({"max_price": 100}, "invalid-request"),
            ({"box": LEFT | {"x": 2}}, "invalid-box"),
            ({"box": LEFT | {"width": 0}}, "invalid-box"),
        ):
            assert problem_of(client.post("/v1/me/watches", json={"media_id": mine} | body)) == (422, slug)
        nobody = gateway.client(gateway.key(subject=None))
        assert problem_of(nobody.post("/v1/me/watches", json={"media_id": mine})) == (422, "person-needed")
        assert client.get("/v1/me/watches").json() == {"watches": []}


def test_a_picture_on_its_way_is_not_ready_rather_than_unknown():
    with a_gateway("ingest", "profile") as gateway, gateway.as_person() as client:
        given = client.post("/v1/media", files={"file": ("x.jpg", a_picture())}).json()
        refused = client.post("/v1/me/watches", json={"media_id": given["media_id"]})
        assert problem_of(refused) == (409, "picture-not-ready")


def test_the_shop_sees_counts_of_what_nothing_was_found_for_and_others_see_nothing(gateway):
    shop = gateway.client(gateway.key(tenant="decor", subject=None))
    people = [gateway.as_person(name, tenant="decor") for name in ("mina", "juno")]
    for n, person in enumerate(people):
        for market in ("KR", "JP")[: n + 1]:
            watch(person, searchable(person, a_picture(colour=RED, seed=6 + n)), market=market)
    answer = shop.get("/v1/unmet")
    assert answer.status_code == 200, answer.text
    [group] = answer.json()["groups"]  # one person alone waits for it in Japan, and is not shown
    assert (group["market"], group["people"], group["watches"]) == ("KR", 2, 2)
    assert "media_id" not in answer.text
    assert shop.get("/v1/unmet", params={"limit": 0}).status_code == 422
    person_only = gateway.client(gateway.key(tenant="decor", subject="mina", scopes=frozenset({"person"})))
    assert problem_of(person_only.get("/v1/unmet")) == (403, "scope-needed")
    assert gateway.as_person(tenant="elsewhere").get("/v1/unmet").json() == {"groups": []}


def test_a_match_is_told_to_its_person_alone_and_no_record_ends_the_stream(gateway):
    def a_match(subject: str, tenant: str, watch_id: str) -> NewRecord:
        who = person_id(gateway, subject, tenant)
        event = WatchMatched(event_id=watch_id, tenant=tenant, person_id=who, watch_id=watch_id, item_id="i")
        return NewRecord(WATCH_MATCHED, who, event.SerializeToString())

    with gateway.as_person("mina", tenant="a") as client, a_stream(client) as lines:
        with open_event_log(gateway.log_url) as log:
            log.append([NewRecord(WATCH_MATCHED, "x", b"\xff"), NewRecord(WATCH_MATCHED, "x", None)])
            log.append([a_match("juno", "a", "hers"), a_match("mina", "b", "elsewhere"), a_match("mina", "a", "mine")])
        assert next_watch(lines)["watch_id"] == "mine"
