"""Results by price and by age."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from search_builders import DOG, Search, a_picture, a_search, an_item, an_offer, like

from services.search.core import Filters, Sort
from services.search.errors import InvalidQuery

WON = Filters(currency="KRW")
MATCH = 0.5  # the cut of the builders' search


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(a_picture("query", DOG))
        yield search


def shop(search: Search, *prices: int, cosine: float = 0.9) -> None:
    """Items at these prices, each a little less alike than the one before, and younger."""
    for n, price in enumerate(prices):
        search.put(a_picture(f"m-{n}", like(DOG, cosine - n / 100)))
        offers = [an_offer("dear", price_minor=10 * price), an_offer("cheap", price_minor=price)]
        offers.append(an_offer("elsewhere", currency="USD", market="US", price_minor=1))
        search.items(an_item(f"i-{n}", f"m-{n}", offers=offers, created_at_ms=1_000 + n))


def items(search: Search, **of: object) -> list[str]:
    return [hit.item.item_id if hit.item else hit.media_id for hit in search(**of).hits]


def test_the_cheapest_passing_offer_in_the_currency_of_the_filters_comes_first(search: Search) -> None:
    shop(search, 300, 100, 200)
    assert items(search, filters=WON) == ["i-0", "i-1", "i-2"]
    assert items(search, filters=WON, sort=Sort.PRICE) == ["i-1", "i-2", "i-0"]
    dearer = Filters(currency="KRW", min_price_minor=250)
    assert items(search, filters=dearer, sort=Sort.PRICE) == ["i-0", "i-1", "i-2"]  # 300, 1,000 and 2,000


def test_prices_that_are_the_same_stay_in_the_order_of_likeness(search: Search) -> None:
    shop(search, 200, 100, 100, 100)
    assert items(search, filters=WON, sort=Sort.PRICE) == ["i-1", "i-2", "i-3", "i-0"]


def test_prices_of_no_currency_cannot_be_compared(search: Search) -> None:
    with pytest.raises(InvalidQuery, match="currency"):
        search(sort=Sort.PRICE)


def test_what_came_last_comes_first_and_pictures_of_no_item_at_the_end(search: Search) -> None:
    shop(search, 1, 2, 3)
    search.put(a_picture("alone", like(DOG, 0.95)))
    assert items(search, sort=Sort.NEWEST) == ["i-2", "i-1", "i-0", "alone"]


def test_what_looks_like_something_else_is_not_shown_because_it_is_cheap(search: Search) -> None:
    shop(search, 300, 200)
    search.put(a_picture("other", like(DOG, MATCH - 0.1)))
    search.items(an_item("i-other", "other", offers=[an_offer(price_minor=1)]))
    assert items(search, filters=WON, sort=Sort.PRICE) == ["i-1", "i-0"]
    assert search(filters=WON, sort=Sort.PRICE).matched


def test_where_nothing_matches_what_is_similar_is_sorted(search: Search) -> None:
    shop(search, 300, 100, cosine=MATCH - 0.1)
    answer = search(filters=WON, sort=Sort.PRICE)
    assert [hit.item.item_id for hit in answer.hits if hit.item] == ["i-1", "i-0"]
    assert not answer.matched


def test_pages_of_a_sorted_search_follow_each_other(search: Search) -> None:
    shop(search, *(100 - n for n in range(11)))
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        answer = search(filters=WON, sort=Sort.PRICE, limit=3, cursor=cursor)
        seen += [hit.item.item_id for hit in answer.hits if hit.item]
        cursor = answer.next_cursor
    assert seen == [f"i-{n}" for n in reversed(range(11))]
    assert cursor == ""


def test_only_the_results_most_alike_are_sorted(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.search.handlers.crops.SORTED", 4)
    shop(search, *(100 - n for n in range(11)))
    assert items(search, filters=WON, sort=Sort.PRICE) == ["i-3", "i-2", "i-1", "i-0"]


def test_a_cursor_of_another_order_is_refused(search: Search) -> None:
    shop(search, 3, 2, 1)
    cursor = search(filters=WON, sort=Sort.PRICE, limit=1).next_cursor
    with pytest.raises(InvalidQuery, match="cursor"):
        search(filters=WON, sort=Sort.NEWEST, limit=1, cursor=cursor)
