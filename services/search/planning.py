"""How a question is answered: from the index's nearest rows, checked against our copy, or by scoring all that passes. Pure.

An index that filters by itself loses rows (decision 16). So it is asked for nearest rows without the filter, and what passes is
known from our copy: either way nothing is lost but what the index does not find without a filter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nungil.vector_index.port import Match
from nungil.vector_index.ranking import MAX_LIMIT as MAX_ROWS
from services.search.core import Found

ROWS_A_HIT = 8  # fetched at first: of photographs, every fifth or sixth of the nearest rows shows another picture
GROWTH = 4
PROMISE = 1.5  # where the share that passes stays as it was, the next fetch should give so many times what is wanted


def first_rows(wanted: int) -> int:
    """How many rows to look at first."""
    return min(ROWS_A_HIT * wanted, MAX_ROWS)


def more_rows(rows: int) -> int:
    """How many to look at next."""
    return min(GROWTH * rows, MAX_ROWS)


def promising(results: int, rows: int, wanted: int) -> bool:
    """Whether looking at more rows will probably do, as `results` came from the nearest `rows`."""
    return results * more_rows(rows) >= PROMISE * wanted * rows


def grown(
    best: Callable[[int], Sequence[Match]], keep: Callable[[Sequence[Match]], list[Found]], wanted: int
) -> list[Found]:
    """What is kept of the best rows, taken in growing numbers until there are `wanted` results, or no more rows. best: in memory."""
    rows = ROWS_A_HIT * wanted
    while True:
        matches = best(rows)
        found = keep(matches)
        if len(found) >= wanted or len(matches) < rows:
            return found
        rows *= GROWTH
