"""Items and offers in a search: which pass, which are shown, and how the copy is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from search_builders import (
    DOG,
    MINA,
    NOW_MS,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    delivered,
    item_changed,
    item_deleted,
    like,
)

from nungil.event_log import topics
from nungil.event_log.port import NewRecord
from nungil.runtime.errors import Rejected
from services.search.core import Filters
from services.search.wire import Hit


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(a_picture("query", DOG))
        yield search


@pytest.fixture(params=[2_500, 1], ids=["few pass", "many pass"])
def either(request: pytest.FixtureRequest, search: Search) -> Search:
    """Both ways of resolving a filter: the passing pictures scored alone, and hits checked in growing numbers."""
    return search.like(exact_limit=request.param)


def items(search: Search, **filters: object) -> list[str]:
    hits = search(filters=Filters(**filters)).hits  # type: ignore[arg-type]
    return [hit.item.item_id for hit in hits if hit.item]


def the_hit(search: Search, **filters: object) -> Hit:
    [hit] = search(filters=Filters(**filters)).hits  # type: ignore[arg-type]
    return hit


def shop(search: Search) -> None:
    """Four sofas, best match first: a Korean one, one sold out there, an American one, one without offers."""
    offers = (
        [an_offer(), an_offer("o-2", market="US", currency="USD", price_minor=1_290, in_stock=False)],
        [an_offer(in_stock=False)],
        [an_offer(market="US", currency="USD", price_minor=990, shop="Eye")],
        [],
    )
    for n, of_item in enumerate(offers):
        search.put(a_picture(f"m-{n}", like(DOG, 0.9 - n / 10)))
        search.items(an_item(f"i-{n}", f"m-{n}", offers=of_item, category="sofas" if n < 3 else "rugs"))


def test_a_hit_of_an_item_brings_its_title_and_offers(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    search.items(an_item("i-1", "m-1", offers=[an_offer(url="https://nun.example/1")]))
    item = the_hit(search).item
    assert item is not None
    assert (item.item_id, item.title_ko, item.title_en, item.brand, item.category) == (
        "i-1",
        "물건 i-1",
        "thing i-1",
        "Gil",
        "sofas",
    )
    assert [(o.offer_id, o.shop, o.url, o.price_minor, o.in_stock) for o in item.offers] == [("o-1", "Nun", "https://nun.example/1", 12_900, True)]  # fmt: skip


def test_an_item_with_several_pictures_is_one_hit_with_the_best_of_them(search: Search) -> None:
    search.put(
        a_picture("front", like(DOG, 0.9)), a_picture("back", like(DOG, 0.4)), a_picture("other", like(DOG, 0.6))
    )
    search.items(an_item("i-1", "back", "front"))
    hits = search().hits
    assert [(hit.media_id, hit.item.item_id if hit.item else None) for hit in hits] == [
        ("front", "i-1"),
        ("other", None),
    ]


def test_a_picture_shared_by_two_items_stands_for_both(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    search.items(an_item("red", "m-1"), an_item("blue", "m-1"))
    assert items(search) == ["blue", "red"]


def test_the_pictures_of_an_item_are_told_in_their_order(search: Search) -> None:
    search.put(a_picture("z", DOG))
    search.items(an_item("i-1", "z", "a", "m", "z"))
    item = the_hit(search).item
    assert item is not None
    assert item.media_ids == ("z", "a", "m")


def test_a_deleted_picture_of_an_item_is_neither_hit_nor_told(search: Search) -> None:
    search.put(a_picture("kept", like(DOG, 0.8)), a_picture("gone", DOG))
    search.items(an_item("i-1", "gone", "kept"))
    search.denied.deny("gone")
    hit = the_hit(search)
    assert (hit.media_id, hit.item.media_ids if hit.item else None) == ("kept", ("kept",))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["i-0", "i-1", "i-2", "i-3"]),
        ({"items_only": True}, ["i-0", "i-1", "i-2", "i-3"]),
        ({"market": "KR"}, ["i-0", "i-1"]),
        ({"market": "KR", "in_stock": True}, ["i-0"]),
        ({"market": "US", "in_stock": True}, ["i-2"]),
        ({"in_stock": True}, ["i-0", "i-2"]),
        ({"market": "JP"}, []),
        ({"currency": "USD"}, ["i-0", "i-2"]),
        ({"currency": "USD", "max_price_minor": 1_000}, ["i-2"]),
        ({"currency": "USD", "min_price_minor": 1_000}, ["i-0"]),
        ({"currency": "KRW", "min_price_minor": 12_900, "max_price_minor": 12_900}, ["i-0", "i-1"]),
        ({"currency": "KRW", "min_price_minor": 12_901}, []),
        ({"shop": "Eye"}, ["i-2"]),
        ({"shop": "' or 1=1 --"}, []),
        ({"category": "rugs"}, ["i-3"]),
        ({"category": "sofas", "in_stock": True}, ["i-0", "i-2"]),
        ({"category": "rugs", "in_stock": True}, []),
    ],
)
def test_filters_keep_the_items_that_pass(either: Search, filters: dict[str, object], expected: list[str]) -> None:
    shop(either)
    assert items(either, **filters) == expected


def test_market_stock_and_price_must_hold_for_one_and_the_same_offer(either: Search) -> None:
    either.put(a_picture("m-1", DOG))
    sold_out_here = an_offer("o-1", market="KR", in_stock=False, price_minor=10_000)
    dear_here = an_offer("o-2", market="KR", price_minor=50_000)
    cheap_elsewhere = an_offer("o-3", market="US", currency="USD", price_minor=500)
    either.items(an_item("i-1", "m-1", offers=[sold_out_here, dear_here, cheap_elsewhere]))
    assert items(either, market="KR", in_stock=True, currency="KRW", max_price_minor=30_000) == []
    assert items(either, market="KR", in_stock=True, currency="KRW", max_price_minor=50_000) == ["i-1"]
    assert items(either, market="KR", in_stock=True, currency="USD") == []


def test_a_hit_shows_only_the_offers_that_pass_cheapest_first(either: Search) -> None:
    either.put(a_picture("m-1", DOG))
    offers = [an_offer(f"o-{price}", price_minor=price) for price in (30_000, 10_000, 20_000)]
    either.items(an_item("i-1", "m-1", offers=[*offers, an_offer("us", market="US"), an_offer("gone", in_stock=False)]))
    item = the_hit(either, market="KR", in_stock=True).item
    assert item is not None
    assert [offer.offer_id for offer in item.offers] == ["o-10000", "o-20000", "o-30000"]


def test_what_is_in_stock_comes_before_what_is_cheaper_and_sold_out(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    search.items(an_item("i-1", "m-1", offers=[an_offer("gone", price_minor=1, in_stock=False), an_offer("here")]))
    item = the_hit(search, market="KR").item
    assert item is not None
    assert [offer.offer_id for offer in item.offers] == ["here", "gone"]


def test_an_offer_is_neither_found_nor_shown_from_the_moment_it_expires(either: Search) -> None:
    either.put(a_picture("m-1", DOG))
    until = an_offer("until", expires_at_ms=NOW_MS + 1_000)
    either.items(an_item("i-1", "m-1", offers=[until, an_offer("ever", market="US", currency="USD")]))
    shown = []
    for later_ms in (0, 999, 1_000):
        either.now[0] = NOW_MS + later_ms
        item = the_hit(either).item
        assert item is not None
        shown.append(
            ([offer.offer_id for offer in item.offers], items(either, market="KR"), items(either, market="US"))
        )
    assert shown == [(["until", "ever"], ["i-1"], ["i-1"])] * 2 + [(["ever"], [], ["i-1"])]


@pytest.mark.parametrize("filters", [{"market": "KR"}, {"in_stock": True}, {"currency": "KRW"}, {"shop": "Nun"}])
def test_an_item_whose_offers_have_all_expired_passes_no_filter_on_offers(
    either: Search, filters: dict[str, object]
) -> None:
    either.put(a_picture("m-1", DOG))
    either.items(an_item("i-1", "m-1", offers=[an_offer("a", expires_at_ms=NOW_MS), an_offer("b", expires_at_ms=1)]))
    assert items(either, **filters) == []
    item = the_hit(either).item
    assert item is not None
    assert item.offers == ()


def test_the_copy_keeps_when_an_item_came_its_other_names_and_when_an_offer_was_checked(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    offer = an_offer(checked_at_ms=NOW_MS - 5, expires_at_ms=NOW_MS + 5)
    search.items(an_item("i-1", "m-1", offers=[offer], created_at_ms=77, aliases=["델몬트", "del monte"]))
    item = the_hit(search).item
    assert item is not None
    assert (item.created_at_ms, item.aliases) == (77, ("델몬트", "del monte"))
    assert [(offer.checked_at_ms, offer.expires_at_ms) for offer in item.offers] == [(NOW_MS - 5, NOW_MS + 5)]


def test_pictures_that_are_no_items_pass_no_filter(either: Search) -> None:
    either.put(a_picture("mine", DOG, owner=MINA), a_picture("m-1", DOG))
    either.items(an_item("i-1", "m-1", offers=[an_offer()]))
    assert either.found() == ["m-1", "mine"]
    for filters in ({"items_only": True}, {"in_stock": True}, {"category": "sofas"}):
        assert either.found(filters=Filters(**filters)) == ["m-1"]  # type: ignore[arg-type]


def test_what_passes_is_found_however_far_down_it_is(either: Search) -> None:
    crowd = [a_picture(f"crowd-{n:03}", like(DOG, 0.99)) for n in range(120)]
    either.put(*crowd, a_picture("far", like(DOG, -0.5)), a_picture("farther", like(DOG, -0.6)))
    either.items(*(an_item(f"c-{n:03}", f"crowd-{n:03}") for n in range(120)))
    either.items(an_item("i-1", "far", offers=[an_offer()]), an_item("i-2", "farther", offers=[an_offer()]))
    assert [hit.media_id for hit in either(filters=Filters(in_stock=True), limit=1).hits] == ["far"]
    assert items(either, in_stock=True) == ["i-1", "i-2"]


def test_pages_of_a_filtered_search_follow_each_other(either: Search) -> None:
    either.put(*(a_picture(f"m-{n:02}", like(DOG, 0.9 - n / 50)) for n in range(12)))
    either.items(*(an_item(f"i-{n:02}", f"m-{n:02}", offers=[an_offer()] if n % 2 else []) for n in range(12)))
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        answer = either(filters=Filters(in_stock=True), limit=2, cursor=cursor)
        seen += [hit.media_id for hit in answer.hits]
        cursor = answer.next_cursor
    assert seen == [hit.media_id for hit in either(filters=Filters(in_stock=True), limit=6).hits]
    assert sorted(seen) == [f"m-{n:02}" for n in range(1, 12, 2)]
    assert cursor == ""


def test_another_tenants_item_of_the_same_picture_id_is_another_item(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    search.read(delivered(item_changed(an_item("theirs", "m-1"), tenant="other")))
    assert the_hit(search).item is None
    assert search.found(filters=Filters(items_only=True)) == []


def test_an_item_put_again_replaces_what_was_there(search: Search) -> None:
    search.put(a_picture("m-1", DOG), a_picture("m-2", DOG))
    search.items(an_item("i-1", "m-1", offers=[an_offer("o-1"), an_offer("o-2")]))
    search.items(an_item("i-1", "m-2", offers=[an_offer("o-3")]))
    hits = search().hits
    assert [(hit.media_id, hit.item.item_id if hit.item else None) for hit in hits] == [("m-1", None), ("m-2", "i-1")]
    assert [offer.offer_id for hit in hits if hit.item for offer in hit.item.offers] == ["o-3"]


def test_the_same_records_again_change_nothing(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    records = delivered(item_changed(an_item("i-1", "m-1", offers=[an_offer()])), item_deleted("i-2"))
    assert search.read(records) == search.read(records) == []
    assert items(search) == ["i-1"]
    assert search.status()[1] == 1


def test_a_tombstone_deletes_the_item_and_leaves_its_picture(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    search.items(an_item("with/slash", "m-1", offers=[an_offer()]))
    assert items(search) == ["with/slash"]
    assert search.read(delivered(item_deleted("with/slash"))) == []
    assert the_hit(search).item is None
    assert search.status()[1] == 0


def test_of_one_batch_the_last_record_of_an_item_counts(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    item = item_changed(an_item("i-1", "m-1"))
    assert search.read(delivered(item, item_deleted("i-1"))) == []
    assert items(search) == []
    assert search.read(delivered(item_deleted("i-1"), item)) == []
    assert items(search) == ["i-1"]


def test_a_record_that_is_no_item_is_put_away_and_the_others_applied(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    good = item_changed(an_item("i-1", "m-1"))
    bad = [
        NewRecord(topics.ITEM_CHANGED, "shop/i-2", b"\xff\xff"),
        NewRecord(topics.ITEM_CHANGED, "shop/i-3", good.value),
        NewRecord(topics.ITEM_CHANGED, "other/i-1", good.value),
        NewRecord(topics.ITEM_CHANGED, "no-slash", None),
    ]
    faults = search.read(delivered(*bad, good))
    assert [record.key for record, _ in faults] == ["shop/i-2", "shop/i-3", "other/i-1", "no-slash"]
    assert all(isinstance(error, Rejected) for _, error in faults)
    assert items(search) == ["i-1"]
