"""The rules of a search."""

from __future__ import annotations

import pytest

from nungil.runtime.errors import Rejected
from nungil.vector_index.port import CATALOGUE, Match
from services.search.cache import BoundedCache
from services.search.core import (
    Conditions,
    CropQuery,
    Filters,
    Found,
    Tag,
    TagKind,
    checked_filters,
    checked_limit,
    cursor_of,
    merged,
    offset_of,
    standing_for,
)
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
    found = standing_for(matches, {"a": ["i-1"], "b": [], "c": ["i-1", "i-2"]})
    assert [(each.match.id, each.item_id) for each in found] == [("a:1", "i-1"), ("b:0", None), ("c:0", "i-2")]


def test_of_two_lists_the_better_row_of_each_item_stays_and_equal_ones_go_by_id() -> None:
    one = [Found(Match("a:0", "a", "catalogue", 0.9), "i-1"), Found(Match("c:0", "c", "catalogue", 0.5), None)]
    other = [Found(Match("b:0", "b", "catalogue", 0.95), "i-1"), Found(Match("d:0", "d", "catalogue", 0.5), None)]
    assert [found.match.id for found in merged(one, other)] == ["b:0", "c:0", "d:0"]
    assert merged(one, []) == one


@pytest.mark.parametrize(
    ("conditions", "of_items", "selective"),
    [
        (Conditions("shop"), False, False),
        (Conditions("shop", filters=Filters(in_stock=True)), True, True),
        (Conditions("shop", narrow=(Tag(TagKind.LABEL, "husky"),)), False, True),
        (Conditions("shop", narrow=(Tag(TagKind.SHOP, "Nun"),)), True, True),
        (Conditions("shop", exclude=(Tag(TagKind.SHOP, "Nun"),)), False, True),
        (Conditions("shop", items=frozenset()), True, True),
    ],
)
def test_conditions_tell_whether_only_items_pass_and_whether_anything_is_asked(
    conditions: Conditions, of_items: bool, selective: bool
) -> None:
    assert (conditions.of_items, conditions.selective) == (of_items, selective)


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
