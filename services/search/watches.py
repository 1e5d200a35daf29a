"""Crops that people wait for, beside what can be bought: which items look like which crops. Pure."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box
from services.search.core import Filters, ItemRow, OfferRow

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
Key = tuple[str, str]
"""Tenant and watch id."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A crop that a person waits for. filters: of an offer by which it can be bought."""

    tenant: str
    watch_id: str
    person_id: str
    media_id: str
    box: Box
    filters: Filters

    @property
    def key(self) -> Key:
        return (self.tenant, self.watch_id)


@dataclass(frozen=True, slots=True)
class WatchMatch:
    """An item that can be bought and looks like the crop. media_id: its picture that does most. score: cosine."""

    watch: Watch
    item_id: str
    media_id: str
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Watches of one tenant. vectors: float32 [watches, dim], unit length. places: of the watches under the same filters, int64."""

    watches: Sequence[Watch]
    vectors: Vectors
    places: Mapping[Filters, Places]

    @classmethod
    def of(cls, pairs: Sequence[tuple[Watch, Vectors]]) -> Watched:
        """At least one watch, each with its vector, float32 [dim]."""
        places: dict[Filters, list[int]] = defaultdict(list)
        for place, (watch, _) in enumerate(pairs):
            places[watch.filters].append(place)
        under = {filters: np.array(found, dtype=np.int64) for filters, found in places.items()}
        return cls([watch for watch, _ in pairs], np.stack([vector for _, vector in pairs]), under)


class Watches:
    """All watches, by tenant. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, tuple[Watch, Vectors]]] = defaultdict(dict)
        self._stacked: dict[str, Watched] = {}

    def __len__(self) -> int:
        with self._lock:
            return sum(len(of_tenant) for of_tenant in self._kept.values())

    def put(self, watch: Watch, vector: Vectors) -> None:
        """vector: of its crop, float32 [dim], unit length."""
        with self._lock:
            self._kept[watch.tenant][watch.watch_id] = (watch, vector)
            self._stacked.pop(watch.tenant, None)

    def end(self, key: Key) -> None:
        """What is not there is no error."""
        tenant, watch_id = key
        with self._lock:
            if self._kept[tenant].pop(watch_id, None) is not None:
                self._stacked.pop(tenant, None)
            if not self._kept[tenant]:
                del self._kept[tenant]

    def end_of(self, tenant: str, person_id: str) -> None:
        """Ends all that a person waits for."""
        with self._lock:
            kept = [watch.key for watch, _ in self._kept.get(tenant, {}).values() if watch.person_id == person_id]
        for key in kept:
            self.end(key)

    def of(self, tenant: str) -> Watched | None:
        """None where nobody of this tenant waits."""
        with self._lock:
            if tenant not in self._kept:
                return None
            if tenant not in self._stacked:
                self._stacked[tenant] = Watched.of(list(self._kept[tenant].values()))
            return self._stacked[tenant]


def can_be_bought(item: ItemRow, filters: Filters, now_ms: int) -> bool:
    """Whether one offer passes, as `store.offer_passes` has it."""
    return any(_passes(offer, filters, now_ms) for offer in item.offers)


def waiting_for(watched: Watched, item: ItemRow, now_ms: int) -> Places:
    """The places in `watched` of those whom an offer of the item would do, in order."""
    passing = [places for filters, places in watched.places.items() if can_be_bought(item, filters, now_ms)]
    return np.sort(np.concatenate(passing)) if passing else np.zeros(0, dtype=np.int64)


def matches_of(
    watched: Watched, places: Places, item_id: str, pictures: Mapping[str, Vectors], *, cut: float
) -> list[WatchMatch]:
    """Those of the watches at `places` that a row of the item's pictures reaches `cut` for, each with the picture that looks most like it.

    pictures: media id -> float32 [rows, dim], unit length. Of equals, the first picture.
    """
    shown = [(media_id, rows) for media_id, rows in pictures.items() if len(rows)]
    if not shown or not len(places):
        return []
    crops = watched.vectors if len(places) == len(watched.vectors) else watched.vectors[places]
    scores = np.stack([(crops @ rows.T).max(axis=1) for _, rows in shown])  # [pictures, watches]
    best = scores.argmax(axis=0)
    return [
        WatchMatch(watched.watches[places[n]], item_id, shown[best[n]][0], float(scores[best[n], n]))
        for n in np.flatnonzero(scores.max(axis=0) >= cut)
    ]


def _passes(offer: OfferRow, filters: Filters, now_ms: int) -> bool:
    return (
        (offer.expires_at_ms == 0 or offer.expires_at_ms > now_ms)
        and (not filters.in_stock or offer.in_stock)
        and filters.market in ("", offer.market)
        and filters.currency in ("", offer.currency)
        and filters.shop in ("", offer.shop)
        and offer.price_minor >= filters.min_price_minor
        and (filters.max_price_minor == 0 or offer.price_minor <= filters.max_price_minor)
    )
