"""Results by price or by age, instead of by likeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from services.search import store
from services.search.core import CropQuery, Found, Sort
from services.search.errors import InvalidQuery

SORTED = 200  # results, the most alike: the cheapest thing of a whole catalogue looks like nothing that was asked for (decision 16)


def check_sort(query: CropQuery) -> None:
    """Raises InvalidQuery where prices could not be compared."""
    if query.sort is Sort.PRICE and not query.filters.currency:
        raise InvalidQuery("prices are compared within a currency: give `currency` too, for example KRW")


def in_order(
    connection: Connection, query: CropQuery, found: Sequence[Found], *, match_cosine: float, now_ms: int
) -> list[Found]:
    """`found`, which comes by likeness, as the query wants it: of those that are a match, or of all where none is.

    By price: an item's cheapest offer that passes. By age: items that came last first, then what is no item's. What is alike in
    that stays by likeness.
    """
    if query.sort is Sort.LIKENESS:
        return list(found)
    alike = [each for each in found if each.match.score >= match_cosine] or found
    item_ids = [each.item_id for each in alike if each.item_id is not None]
    keys: Mapping[str, int]
    if query.sort is Sort.PRICE:
        keys = store.cheapest(connection, query.tenant, item_ids, query.filters, now_ms=now_ms)
    else:
        created = store.created(connection, query.tenant, item_ids)
        keys = {item_id: -created_at_ms for item_id, created_at_ms in created.items()}
    return sorted(alike, key=lambda each: (each.item_id not in keys, keys.get(each.item_id or "", 0)))
