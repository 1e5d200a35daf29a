"""The rules of a search."""

from __future__ import annotations

import pytest

from nungil.runtime.errors import Rejected
from nungil.vector_index.port import CATALOGUE, Match
from services.search.cache import BoundedCache
from services.search.core import CropQuery, Filters, best_of_each, checked_filters, checked_limit, cursor_of, offset_of
from services.search.errors import InvalidQuery


def a_match(id_: str, score: float = 0.5) -> Match:
    return Match(id_, id_.partition(":")[0], CATALOGUE, score)


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        (Filters(max_price_minor=1), "currency"),
        (Filters(min_price_minor=1), "currency"),
        (Filters(market="Korea"), "market"),
        (Filters(market="kr"), "market"),
        (Filters(market="XX"), "market"),
        (Filters(currency="won"), "currency"),
        (Filters(currency="KRW", min_price_minor=-1), "below 0"),
        (Filters(currency="KRW", max_price_minor=-1), "below 0"),
        (Filters(currency="KRW", min_price_minor=2, max_price_minor=1), "from 2 to 1"),
    ],
)
def test_a_filter_that_nothing_could_pass_is_refused_by_name(filters: Filters, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        checked_filters(filters)


def test_a_price_with_its_currency_is_taken() -> None:
    filters = Filters(market="KR", currency="KRW", min_price_minor=1_000, max_price_minor=30_000)
    assert checked_filters(filters) == filters


@pytest.mark.parametrize(("asked", "given"), [(0, 20), (1, 1), (100, 100)])
def test_a_limit_of_nothing_means_twenty(asked: int, given: int) -> None:
    assert checked_limit(asked) == given


@pytest.mark.parametrize("limit", [-1, 101])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(InvalidQuery, match="1 to 100"):
        checked_limit(limit)


def test_no_filter_is_of_items_by_default() -> None:
    assert not Filters().of_items
    assert Filters(currency="KRW").of_offers
    assert Filters(category="rugs").of_items
    assert not Filters(category="rugs").of_offers


def test_the_first_row_of_each_item_or_picture_stands_for_it() -> None:
    matches = [a_match("a:1"), a_match("b:0"), a_match("a:0"), a_match("c:0"), a_match("d:0")]
    found = best_of_each(matches, {"a": ["i-1"], "c": ["i-1", "i-2"]}, denied={"d"}, items_only=False)
    assert [(each.match.id, each.item_id) for each in found] == [("a:1", "i-1"), ("b:0", None), ("c:0", "i-2")]


def test_with_items_only_a_picture_of_none_is_dropped() -> None:
    found = best_of_each([a_match("a:0"), a_match("b:0")], {"b": ["i-1"]}, denied=(), items_only=True)
    assert [each.item_id for each in found] == ["i-1"]


def test_a_cursor_leads_back_to_where_it_was_given() -> None:
    query = CropQuery("shop", "p-1", "m-1")
    again = CropQuery("shop", "p-1", "m-1", limit=7, record=True, cursor=cursor_of(query, 40))
    assert offset_of(again) == 40
    assert offset_of(query) == 0


class Weight(int):
    @property
    def size_bytes(self) -> int:
        return int(self)


def test_a_cache_drops_what_was_used_least_recently() -> None:
    cache: BoundedCache[Weight] = BoundedCache(10)
    for key in ("a", "b", "c"):
        cache.put(key, Weight(3))
    assert cache.get("a") == 3
    cache.put("d", Weight(3))
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    cache.put("a", Weight(1))
    assert cache.size_bytes == 7
    cache.drop("d")
    assert (cache.get("d"), cache.size_bytes) == (None, 4)


def test_what_is_larger_than_the_whole_cache_is_not_held() -> None:
    cache: BoundedCache[Weight] = BoundedCache(10)
    cache.put("a", Weight(11))
    assert (cache.get("a"), cache.size_bytes) == (None, 0)
