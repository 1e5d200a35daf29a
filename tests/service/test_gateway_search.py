"""Searching with pictures, words and chips through the API: every service real, in one process."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
from gateway_builders import a_gateway, problem_of
from picture_builders import a_picture

RED, GREEN, BLUE, GREY = (200, 40, 40), (40, 170, 60), (40, 60, 200), (120, 120, 120)
LEFT = {"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}


ITEMS = {  # colour of the picture, title, price, shop
    "shoe-red": (RED, {"ko": "달빛모델 하나", "en": "moonmodel one"}, 30_000, "south"),
    "shoe-green": (GREEN, {"ko": "달빛모델 둘", "en": "moonmodel two"}, 20_000, "north"),
    "bag-blue": (BLUE, {"ko": "별빛모델 하나", "en": "starmodel one"}, 10_000, "north"),
    "bag-grey": (GREY, {"ko": "별빛모델 둘", "en": "starmodel two"}, 40_000, "north"),
}


@pytest.fixture(scope="module")
def shop():
    """A client of a shop with four items, one picture each, and their media ids by item id; and a red picture to search with."""
    with (
        a_gateway("ingest", "embed", "search", "profile") as gateway,
        gateway.as_person("shop", tenant="shop") as client,
    ):
        ids = {}
        for seed, (item_id, (colour, title, price, shop)) in enumerate(ITEMS.items()):
            ids[item_id] = searchable(client, a_picture(colour=colour, seed=seed), purpose="catalogue")
            offer = {"shop": shop, "url": "https://s.example", "market": "KR", "currency": "KRW", "price_minor": price}
            item = {"title": title, "category": item_id.partition("-")[0], "brand": "acme", "media_ids": [ids[item_id]]}
            client.put(f"/v1/items/{item_id}", json=item | {"offers": [offer]}).raise_for_status()
        ids["query"] = searchable(client, a_picture(colour=RED, seed=9), purpose="search")
        eventually(lambda: sorted(items(found(client, media_id=ids["query"]))) == sorted(ITEMS))
        yield client, ids


def searchable(client: httpx.Client, data: bytes, **fields: str) -> str:
    response = client.post("/v1/media", files={"file": ("painting.jpg", data)}, data=fields)
    assert response.status_code in (200, 202), response.text
    media_id = response.json()["media_id"]
    eventually(lambda: client.get(f"/v1/media/{media_id}").json()["state"] == "searchable")
    return media_id


def eventually(condition) -> None:
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come to be")


def found(client: httpx.Client, **query: Any) -> dict:
    response = client.post("/v1/search", json=query)
    assert response.status_code == 200, response.text
    return response.json()


def items(answer: dict) -> list[str]:
    return [hit["item"]["id"] for hit in answer["hits"] if hit["item"]]


def test_a_hit_says_whether_it_is_the_same_and_which_part_matched(shop):
    client, ids = shop
    answer = found(client, media_id=ids["query"])
    [first, *_] = answer["hits"]
    assert first["item"]["id"] == "shoe-red"
    assert {type(hit["same"]) for hit in answer["hits"]} == {bool}
    assert first["box"]["width"] > 0
    assert first["file_name"] == "painting.jpg"
    assert not answer["partial"]
    assert answer["understood"] is None
    assert answer["chips"] == []


def test_words_alone_are_a_question(shop):
    client, _ = shop
    answer = found(client, text="달빛모델을")
    assert sorted(items(answer)) == ["shoe-green", "shoe-red"]
    assert answer["box"] is None
    assert answer["understood"]["rest"]


def test_words_beside_a_picture_narrow_what_looks_like_it(shop):
    client, ids = shop
    answer = found(client, media_id=ids["query"], text="달빛모델 25,000원 이하")
    assert items(answer) == ["shoe-green"]
    assert answer["understood"]["filters"]["max_price_minor"] == 25_000
    assert answer["understood"]["filters"]["currency"] == "KRW"


def test_chips_split_the_results_with_exact_counts_and_names_in_both_languages(shop):
    client, ids = shop
    answer = found(client, media_id=ids["query"], filters={"items_only": True}, chips=True)
    by_id = {(chip["kind"], chip["id"]): chip for chip in answer["chips"]}
    assert answer["counted"] == 4
    assert by_id["category", "shoe"]["count"] == 2
    assert by_id["category", "bag"]["count"] == 2
    assert set(by_id["category", "shoe"]["name"]) == {"ko", "en"}
    assert ("brand", "acme") not in by_id  # every result has it: it splits nothing


def test_chips_that_are_pressed_narrow_and_chips_that_are_crossed_exclude(shop):
    client, ids = shop
    shoes, south = {"kind": "category", "id": "shoe"}, {"kind": "shop", "id": "south"}
    assert sorted(items(found(client, media_id=ids["query"], narrow=[shoes]))) == ["shoe-green", "shoe-red"]
    assert items(found(client, media_id=ids["query"], narrow=[shoes], exclude=[south])) == ["shoe-green"]
    assert items(found(client, media_id=ids["query"], narrow=[shoes, {"kind": "category", "id": "bag"}])) == []


def test_the_short_forms_mean_the_same_as_chips(shop):
    client, ids = shop
    by_chip = found(client, media_id=ids["query"], narrow=[{"kind": "colour", "id": "red"}])
    short = found(client, media_id=ids["query"], colour="red")
    assert short["hits"] == by_chip["hits"]
    assert items(short) == ["shoe-red"]
    label = {"kind": "label", "id": "dogs"}
    for field, chips in (("labels", "narrow"), ("not_labels", "exclude")):
        one = found(client, media_id=ids["query"], **{field: ["dogs"]})
        assert one["hits"] == found(client, media_id=ids["query"], **{chips: [label]})["hits"]


def test_results_are_sorted_by_price(shop):
    client, ids = shop
    answer = found(client, media_id=ids["query"], sort="price", filters={"currency": "KRW"})
    assert items(answer) == ["bag-blue", "shoe-green", "shoe-red", "bag-grey"]


def test_the_newest_come_first(shop):
    client, ids = shop
    answer = found(client, media_id=ids["query"], sort="newest", filters={"items_only": True})
    assert items(answer) == list(reversed(ITEMS))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"labels": ["unicorn_of_mars"]}, "label"),
        ({"colour": "octarine"}, "red"),
        ({"filters": {"market": "ZZ"}}, "KR"),
        ({"sort": "price"}, "currency"),
    ],
)
def test_what_is_not_known_is_told_with_what_is(shop, query, says):
    client, ids = shop
    response = client.post("/v1/search", json={"media_id": ids["query"]} | query)
    assert problem_of(response)[0] == 422
    assert says in response.json()["detail"]


@pytest.mark.parametrize("other", [{"text": "bag"}, {"sort": "newest"}, {"colour": "red"}, {"box": LEFT}])
def test_a_cursor_is_one_of_its_own_query_alone(shop, other):
    client, ids = shop
    query = {"media_id": ids["query"], "limit": 1}
    first = found(client, **query)
    second = found(client, **query, cursor=first["next_cursor"])
    assert items(first) != items(second)
    response = client.post("/v1/search", json=query | other | {"cursor": first["next_cursor"]})
    assert problem_of(response) == (422, "invalid-query")


def test_every_region_of_a_scene_is_answered_at_once(shop):
    client, ids = shop
    regions = client.get(f"/v1/media/{ids['shoe-red']}").json()["regions"]
    answer = found(client, media_id=ids["shoe-red"], regions="all", limit=2)
    parts = [region for region in regions if region["n"]] or regions
    assert [one["region"]["n"] for one in answer["regions"]] == [region["n"] for region in parts]
    for one in answer["regions"]:
        assert 0 < len(one["hits"]) <= 2
        assert one["hits"][0]["file_name"] == "painting.jpg"
    assert not answer["partial"]


def test_a_scene_of_another_is_not_found(shop):
    client, _ = shop
    response = client.post("/v1/search", json={"media_id": "nobodys", "regions": "all"})
    assert problem_of(response)[0] == 404
