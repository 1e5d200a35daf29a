"""What can be bought, through the public API: from a feed to a search, every service real, in one process."""

from __future__ import annotations

import json
import threading
import time

import httpx
import pytest
from gateway_builders import a_gateway, problem_of
from picture_builders import a_picture
from test_gateway_flow import eventually, found, give, searchable

from nungil.event_log.open import open_event_log
from nungil.event_log.topics import ITEM_CHANGED, MEDIA_CHANGED, MEDIA_EMBEDDED

RED = (200, 40, 40)


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        yield gateway


@pytest.fixture
def shop(gateway, request):
    """A tenant of one test's own, with a picture of the catalogue and one to ask with."""
    with gateway.as_person("mina", tenant=f"t{abs(hash(request.node.name))}") as client:
        yield Shop(gateway, client)


class Shop:
    """Puts items and feeds, and asks for what looks like its picture."""

    def __init__(self, gateway, client: httpx.Client) -> None:
        self.gateway, self.client = gateway, client
        self.media_id = searchable(client, a_picture(colour=RED, seed=1), purpose="catalogue")
        self.asked = give(client, a_picture(colour=RED, seed=2), purpose="search")["media_id"]

    def line(self, **rest: object) -> dict[str, object]:
        said = {"id": "i-1", "image": self.media_id, "title_ko": "컵", "shop": "Maru", "url": "https://maru.example/1"}
        return said | {"market": "KR", "currency": "KRW", "price": 14900, "in_stock": True} | rest

    def feed(self, *lines: dict[str, object], **terms: str) -> None:
        """Imports, and waits until ingest has applied it."""
        body = "\n".join(map(json.dumps, lines)).encode()
        headers = {"Content-Type": "application/jsonl"}
        started = self.client.post("/v1/imports", content=body, headers=headers, params=terms)
        assert started.status_code == 202, started.text
        import_id = started.json()["import_id"]
        assert eventually(lambda: self.client.get(f"/v1/imports/{import_id}").json()["done"])

    def offers(self, **filters: object) -> list[list[tuple[str, int, bool]]]:
        """Of each item that is found: its offers."""
        answer = found(self.client, self.asked, filters={"items_only": True} | filters)
        return [[(o["shop"], o["price_minor"], o["in_stock"]) for o in hit["item"]["offers"]] for hit in answer["hits"]]

    def records(self, topic: str) -> int:
        """How many the log has."""
        with open_event_log(f"sqlite://{self.gateway.folder}/log.db") as log, log.tail([topic], since="start") as tail:
            return sum(1 for _ in iter(lambda: tail.poll(max_records=1, timeout_s=0), []))


def test_a_changed_price_and_stock_are_found_without_embedding_anything_again(shop):
    shop.feed(shop.line())
    assert eventually(lambda: shop.offers(market="KR") == [[("Maru", 14900, True)]])
    embedded = [shop.records(topic) for topic in (MEDIA_CHANGED, MEDIA_EMBEDDED)]
    shop.feed(shop.line(price=9900))
    assert eventually(
        lambda: shop.offers(market="KR", currency="KRW", max_price_minor=10_000) == [[("Maru", 9900, True)]]
    )
    shop.feed(shop.line(price=9900, in_stock="품절"))
    assert eventually(lambda: shop.offers(in_stock=True) == [])
    assert shop.offers(market="KR") == [[("Maru", 9900, False)]]
    assert [shop.records(topic) for topic in (MEDIA_CHANGED, MEDIA_EMBEDDED)] == embedded


def test_a_feed_that_says_the_same_again_writes_no_event(shop):
    shop.feed(shop.line())
    assert eventually(lambda: shop.records(ITEM_CHANGED) > 0)
    before = shop.records(ITEM_CHANGED)
    shop.feed(shop.line(), shop.line(id="i-2"))
    assert eventually(lambda: len(shop.offers()) == 2)
    assert shop.records(ITEM_CHANGED) == before + 1


def test_what_a_full_feed_leaves_out_is_found_no_more(shop):
    shop.feed(shop.line(), shop.line(id="i-2", price=5000), shop.line(id="i-2", shop="Bay", price=6000))
    assert eventually(lambda: len(shop.offers()) == 2)
    shop.feed(shop.line(), mode="full", shop="Maru")
    assert eventually(lambda: shop.offers(market="KR") == [[("Maru", 14900, True)], [("Bay", 6000, True)]])


def test_an_offer_that_expires_is_found_until_then_and_not_after(shop):
    ends_ms = int(time.time() * 1000) + 3_000
    ends = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ends_ms // 1000)) + f".{ends_ms % 1000:03}Z"
    shop.feed(shop.line(expires_at=ends), shop.line(market="US", currency="USD", price="9.90"))
    assert eventually(lambda: shop.offers(market="US") == [[("Maru", 990, True)]])
    if int(time.time() * 1000) < ends_ms - 1_000:
        assert shop.offers(market="KR") == [[("Maru", 14900, True)]]
    assert eventually(lambda: shop.offers(market="KR") == [])
    assert int(time.time() * 1000) >= ends_ms
    assert shop.offers() == [[("Maru", 990, True)]]


def test_offers_come_cheapest_deliverable_first_with_their_link_and_last_check(shop):
    shop.feed(
        shop.line(shop="Dear", price=30000),
        shop.line(shop="Gone", price=100, in_stock=False),
        shop.line(shop="Cheap", price=20000),
        shop.line(shop="Far", market="US", currency="USD", price="1.00"),
    )
    assert eventually(
        lambda: shop.offers(market="KR") == [[("Cheap", 20000, True), ("Dear", 30000, True), ("Gone", 100, False)]]
    )
    [hit] = found(shop.client, shop.asked, filters={"market": "KR"})["hits"]
    offer = hit["item"]["offers"][0]
    assert offer["url"] == "https://maru.example/1"
    assert offer["checked_at"]


def test_each_filter_holds_for_one_and_the_same_offer(shop):
    shop.feed(
        shop.line(category="home/cups"),
        shop.line(shop="Bay", market="US", currency="USD", price="11.36", in_stock=False, category="home/cups"),
    )
    assert eventually(lambda: len(shop.offers()) == 1)
    passing = (
        {"market": "KR", "in_stock": True},
        {"shop": "Bay"},
        {"currency": "USD", "min_price_minor": 1136},
        {"category": "home/cups"},
    )
    failing = (
        {"market": "US", "in_stock": True},
        {"shop": "Bay", "market": "KR"},
        {"currency": "USD", "max_price_minor": 1135},
        {"category": "home"},
    )
    assert [len(shop.offers(**filters)) for filters in (*passing, *failing)] == [1, 1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"market": "ZZ"}, "ISO 3166-1 alpha-2 code such as KR or US"),
        ({"market": "Korea"}, "ISO 3166-1 alpha-2 code such as KR or US"),
        ({"market": "kr"}, "ISO 3166-1 alpha-2 code such as KR or US"),
        ({"currency": "ZZZ", "max_price_minor": 1}, "ISO 4217 code such as KRW or USD"),
        ({"currency": "won"}, "ISO 4217 code such as KRW or USD"),
        ({"max_price_minor": 100}, "need a currency"),
        ({"currency": "KRW", "min_price_minor": -1}, "greater than or equal to 0"),
        ({"currency": "KRW", "min_price_minor": 2, "max_price_minor": 1}, "no price is from 2 to 1"),
        ({"currency": "KRW", "max_price_minor": 1.5}, "integer"),
        ({"in_stock": "maybe"}, "boolean"),
        ({"shop": "x" * 201}, "200 characters"),
        ({"category": "x" * 201}, "200 characters"),
        ({"markt": "KR"}, "Extra inputs"),
    ],
)
def test_a_filter_that_cannot_be_says_how_to_write_it(shop, filters, says):
    refused = shop.client.post("/v1/search", json={"media_id": shop.asked, "filters": filters})
    assert problem_of(refused)[0] == 422
    assert says in refused.json()["detail"]


def test_a_search_and_a_feed_may_meet(shop):
    """Searches during an import answer, with the offers of before or after."""
    shop.feed(shop.line())
    assert eventually(lambda: len(shop.offers()) == 1)
    seen: list[list[list[tuple[str, int, bool]]]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            seen.append(shop.offers(market="KR"))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        shop.feed(shop.line(price=1000))
        assert eventually(lambda: shop.offers(market="KR") == [[("Maru", 1000, True)]])
    finally:
        done.set()
        asking.join()
    assert all(one in ([[("Maru", 14900, True)]], [[("Maru", 1000, True)]]) for one in seen)
