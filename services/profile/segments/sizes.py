"""How many people, in bands: nobody can be picked out of a size. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Band:
    """at_least <= people < below. below None: no bound."""

    at_least: int
    below: int | None


def band_of(people: int, smallest: int) -> Band:
    """smallest >= 1: fewer than that is one band; above it borders lie at `smallest` x 1, 2, 10, 20, 100, 200, …

    With 50: fewer than 50, 50 to 99, 100 to 499, 500 to 999, 1,000 to 4,999, …
    """
    if people < smallest:
        return Band(0, smallest)
    low = smallest
    factor = 2
    while people >= low * factor:
        low *= factor
        factor = 7 - factor  # 2, 5, 2, 5, …
    return Band(low, low * factor)
