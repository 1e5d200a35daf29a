"""The rules of watches: a crop that waits until something that looks like it can be bought. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nungil.commerce import MAX_PRICE_MINOR, check_currency, check_market
from nungil.pictures.boxes import WHOLE, Box, clip
from nungil.pictures.features import Features
from nungil.pictures.pooling import pool_box, summed_area
from services.profile.core import Labels
from services.profile.errors import InvalidWatch

MATCHES_KEPT = 20  # of a watch, the newest
LABELS_KEPT = 3
LABEL_FLOOR = 0.1  # a crop in which nothing is more probable shows nothing that has a name
DEFAULT_GROUPS = 20
MAX_GROUPS = 100
_BOX_DIGITS = 4  # of a fraction: a hundredth of a per cent of the picture is the same crop


@dataclass(frozen=True, slots=True)
class Crop:
    """What is waited for. box: within the picture. market empty: anywhere; max_price_minor 0: no bound."""

    media_id: str
    box: Box = WHOLE
    market: str = ""
    currency: str = ""
    max_price_minor: int = 0


@dataclass(frozen=True, slots=True)
class WatchMatch:
    """An item that can be bought; media_id: its picture that looks like the crop. score: cosine."""

    item_id: str
    media_id: str
    score: float
    matched_at_ms: int


@dataclass(frozen=True, slots=True)
class Watch:
    """A crop that a person waits for. matches: newest first."""

    watch_id: str
    crop: Crop
    created_at_ms: int
    matches: Sequence[WatchMatch] = field(default=())


@dataclass(frozen=True, slots=True)
class Unmet:
    """Crops that nothing was found for, by what they show best. label empty: nothing that has a name."""

    label: str
    score: float
    market: str
    watches: int
    people: int


def checked_crop(asked: Crop, box: Box | None) -> tuple[Crop, bool]:
    """The crop as it is kept, and whether its box was clipped. Equal crops under equal conditions are equal.

    Raises InvalidBox, InvalidWatch, UnknownMarket or UnknownCurrency.
    """
    if asked.market:
        check_market(asked.market)
    if asked.currency:
        check_currency(asked.currency)
    elif asked.max_price_minor:
        raise InvalidWatch("a price without a currency says nothing: give `currency` too, for example KRW")
    if not 0 <= asked.max_price_minor <= MAX_PRICE_MINOR:
        raise InvalidWatch(
            f"max_price_minor is {asked.max_price_minor}; it must be 1 to {MAX_PRICE_MINOR}, or 0 for any"
        )
    within, clipped = (WHOLE, False) if box is None else clip(box)
    return Crop(asked.media_id, _rounded(within), asked.market, asked.currency, asked.max_price_minor), clipped


def checked_groups(limit: int) -> int:
    """0 means 20. Raises InvalidWatch outside 0 to 100."""
    if not 0 <= limit <= MAX_GROUPS:
        raise InvalidWatch(f"limit is {limit}; it must be 1 to {MAX_GROUPS}, or 0 for {DEFAULT_GROUPS}")
    return limit or DEFAULT_GROUPS


def labels_of(features: Features, box: Box) -> Labels:
    """What the crop shows: label and mean probability under the box, best first, LABELS_KEPT at most; none below LABEL_FLOOR."""
    if not features.labels:
        return ()
    means = pool_box(summed_area(np.moveaxis(features.label_map, 0, -1)), box)
    best = np.argsort(-means, kind="stable")[:LABELS_KEPT]
    return tuple((features.labels[i].id, round(float(means[i]), 4)) for i in best if means[i] >= LABEL_FLOOR)


def _rounded(box: Box) -> Box:
    """To `_BOX_DIGITS`, still of a size above zero and within the picture."""
    smallest = 10.0**-_BOX_DIGITS
    x, y = (min(round(v, _BOX_DIGITS), 1.0 - smallest) for v in (box.x, box.y))
    right, bottom = (round(v, _BOX_DIGITS) for v in (box.x + box.width, box.y + box.height))
    width, height = (round(max(end - start, smallest), _BOX_DIGITS) for start, end in ((x, right), (y, bottom)))
    return Box(x, y, width, height)
