"""Which items look like which crops that people wait for."""

from __future__ import annotations

import numpy as np
import pytest
from search_builders import DOG, LAMP, NOW_MS, SOFA, TENANT, like

from nungil.pictures.boxes import WHOLE
from services.search.core import Filters, ItemRow, OfferRow
from services.search.watches import Watch, Watched, Watches, can_be_bought, matches_of, waiting_for

IN_KOREA = Filters(market="KR", in_stock=True, items_only=True)
CHEAP = Filters(market="KR", in_stock=True, currency="KRW", max_price_minor=10_000, items_only=True)


def a_watch(watch_id="w-1", filters=IN_KOREA, *, tenant=TENANT):
    return Watch(tenant, watch_id, "p-mina", "m-1", WHOLE, filters)


def an_offer(**of):
    given = {"market": "KR", "currency": "KRW", "price_minor": 12_900, "in_stock": True} | of
    return OfferRow("o-1", "Nun", "", checked_at_ms=0, **given)


def an_item(*offers):
    return ItemRow(TENANT, "i-1", "", "", "", "", ("m-1",), offers)


def watched(*crops, watches=None):
    watches = watches or [a_watch(f"w-{n}") for n in range(len(crops))]
    return Watched.of(list(zip(watches, crops, strict=True)))


def at(*places):
    return np.array(places, dtype=np.int64)


@pytest.mark.parametrize(
    ("offer", "filters", "bought"),
    [
        (an_offer(), IN_KOREA, True),
        (an_offer(market="US"), IN_KOREA, False),
        (an_offer(market="US"), Filters(in_stock=True), True),
        (an_offer(in_stock=False), IN_KOREA, False),
        (an_offer(expires_at_ms=NOW_MS), IN_KOREA, False),
        (an_offer(expires_at_ms=NOW_MS + 1), IN_KOREA, True),
        (an_offer(), CHEAP, False),
        (an_offer(price_minor=10_000), CHEAP, True),
        (an_offer(price_minor=900, currency="USD"), CHEAP, False),
    ],
)
def test_an_offer_must_be_in_stock_and_in_the_market_at_the_price(offer, filters, bought):
    assert can_be_bought(an_item(offer), filters, NOW_MS) == bought


def test_all_must_hold_for_one_and_the_same_offer():
    item = an_item(an_offer(price_minor=9_000, in_stock=False), an_offer(price_minor=12_000))
    assert not can_be_bought(item, CHEAP, NOW_MS)
    assert not can_be_bought(an_item(), IN_KOREA, NOW_MS)


def test_of_the_watches_those_wait_whom_an_offer_would_do():
    watches = [a_watch("w-0", CHEAP), a_watch("w-1"), a_watch("w-2", CHEAP)]
    assert waiting_for(watched(DOG, DOG, DOG, watches=watches), an_item(an_offer()), NOW_MS).tolist() == [1]
    assert waiting_for(watched(DOG, DOG, DOG, watches=watches), an_item(an_offer(price_minor=1)), NOW_MS).tolist() == [
        0,
        1,
        2,
    ]


def test_a_crop_is_matched_by_the_row_that_looks_most_like_it():
    pictures = {"m-1": np.stack([LAMP, like(DOG, 0.6)]), "m-2": np.stack([like(DOG, 0.8), like(SOFA, 0.9)])}
    dog, sofa = matches_of(watched(DOG, SOFA), at(0, 1), "i-1", pictures, cut=0.5)
    assert (dog.watch.watch_id, dog.item_id, dog.media_id) == ("w-0", "i-1", "m-2")
    assert dog.score == pytest.approx(0.8)
    assert (sofa.watch.watch_id, sofa.media_id) == ("w-1", "m-2")


def test_what_does_not_reach_the_cut_is_no_match_and_what_reaches_it_is():
    rows = {"m-1": like(DOG, 0.5)[None]}
    score = float((DOG @ rows["m-1"].T)[0])
    assert matches_of(watched(DOG), at(0), "i-1", rows, cut=score + 1e-6) == []
    assert len(matches_of(watched(DOG), at(0), "i-1", rows, cut=score)) == 1


def test_only_the_watches_asked_for_are_matched_and_pictures_without_rows_match_nothing():
    none = np.zeros((0, 0), dtype=np.float32)
    rows = {"m-0": none, "m-1": DOG[None]}
    assert [m.watch.watch_id for m in matches_of(watched(DOG, DOG, DOG), at(0, 2), "i-1", rows, cut=0.5)] == [
        "w-0",
        "w-2",
    ]
    assert matches_of(watched(DOG), at(0), "i-1", {"m-0": none}, cut=0.5) == []
    assert matches_of(watched(DOG), at(), "i-1", rows, cut=0.5) == []


def test_many_crops_are_matched_as_each_alone():
    random = np.random.default_rng(7)
    crops = random.normal(size=(50, 8)).astype(np.float32)
    crops /= np.linalg.norm(crops, axis=1, keepdims=True)
    rows = random.normal(size=(4, 3, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    pictures = {f"m-{n}": part for n, part in enumerate(rows)}
    together = {m.watch.watch_id: m for m in matches_of(watched(*crops), at(*range(50)), "i-1", pictures, cut=0.6)}
    assert 0 < len(together) < 50
    for n, crop in enumerate(crops):
        best = max(float((part @ crop).max()) for part in rows)
        match = together.get(f"w-{n}")
        assert (match is not None) == (best >= 0.6)
        assert match is None or match.score == pytest.approx(best, abs=1e-6)


def test_watches_are_kept_by_tenant_and_end():
    watches = Watches()
    assert watches.of(TENANT) is None
    watches.put(a_watch("w-1"), DOG)
    watches.put(a_watch("w-1", tenant="other"), SOFA)
    watches.put(a_watch("w-1"), LAMP)
    kept = watches.of(TENANT)
    assert (len(watches), len(kept.watches)) == (2, 1)
    assert np.array_equal(kept.vectors, LAMP[None])
    watches.end((TENANT, "w-1"))
    watches.end((TENANT, "unknown"))
    watches.end(("unknown", "w-1"))
    assert watches.of(TENANT) is None
    assert watches.of("other").watches == [a_watch("w-1", tenant="other")]
    assert len(watches) == 1
