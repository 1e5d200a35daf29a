"""Rows of pictures, kept in memory within bounds, so that those that pass a filter are scored exactly without asking the index again."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.runtime import metrics
from nungil.runtime.clock import Clock
from nungil.vector_index.port import IndexRow, Match, VectorIndex, Vectors
from nungil.vector_index.ranking import exact_scores
from services.search.cache import BoundedCache

HELD_MS = 3_600_000  # rows that a rebuild changed are read again after this; other changes are told
ABSENT_MS = 5_000  # a picture that the index does not know may be one that a replica of it does not know yet
_OVERHEAD_BYTES = 500
_ROUNDING = 1e-4  # more than a float32 product of unit vectors can be wrong by


@dataclass(frozen=True, slots=True)
class PictureRows:
    """All rows of one picture. ids: of the rows. vectors: float32 [len(ids), dim]."""

    media_id: str
    owner: str
    ids: tuple[str, ...]
    vectors: Vectors
    stale_at_ms: int = 0

    @property
    def size_bytes(self) -> int:
        return self.vectors.nbytes + 100 * len(self.ids) + _OVERHEAD_BYTES


class HeldRows:
    """Safe for many threads. Every call of `of` may raise VectorIndexAway."""

    def __init__(self, index: VectorIndex, clock: Clock, max_bytes: int) -> None:
        self._index = index
        self._clock = clock
        self._cache: BoundedCache[PictureRows] = BoundedCache(max_bytes)
        self._lock = threading.Lock()
        self._reading: list[set[str]] = []  # of each fetch under way, what was forgotten since it began

    @property
    def size_bytes(self) -> int:
        return self._cache.size_bytes

    def of(self, tenant: str, media_ids: Collection[str]) -> list[PictureRows]:
        """The rows of these pictures, whoever owns them; a picture without rows is left out."""
        now_ms = self._clock()
        held = self._cache.get_all([_key(tenant, media_id) for media_id in media_ids])
        found = [rows for rows in held if rows is not None and rows.stale_at_ms > now_ms]
        metrics.SEARCH_CACHE.add(len(found), cache="rows", outcome="hit")
        if len(found) < len(media_ids):
            known = {rows.media_id for rows in found}
            missing = [media_id for media_id in media_ids if media_id not in known]
            metrics.SEARCH_CACHE.add(len(missing), cache="rows", outcome="miss")
            found += self._fetched(tenant, missing, now_ms)
        return [rows for rows in found if rows.ids]

    def forget(self, tenant: str, media_id: str) -> None:
        """Drops what is held of a picture: its rows changed, or are gone."""
        key = _key(tenant, media_id)
        with self._lock:
            for forgotten in self._reading:
                forgotten.add(key)
        self._cache.drop(key)

    def forget_owner(self, tenant: str, owner: str) -> None:
        """Drops the rows of someone's pictures."""
        self._cache.drop_where(lambda key, held: held.owner == owner and key.startswith(_key(tenant, "")))

    def _fetched(self, tenant: str, media_ids: Sequence[str], now_ms: int) -> list[PictureRows]:
        forgotten: set[str] = set()
        with self._lock:
            self._reading.append(forgotten)
        try:
            rows = rows_of_pictures(self._index.fetch(media_ids, tenant=tenant), now_ms + HELD_MS)
            absent = [_absent(id_, now_ms + ABSENT_MS) for id_ in media_ids if id_ not in rows]
            for each in (*rows.values(), *absent):
                self._cache.put(_key(tenant, each.media_id), each)
        finally:
            with self._lock:
                self._reading = [each for each in self._reading if each is not forgotten]
        for key in forgotten:  # read before it changed, perhaps
            self._cache.drop(key)
        return list(rows.values())


def rows_of_pictures(rows: Sequence[IndexRow], stale_at_ms: int) -> Mapping[str, PictureRows]:
    """Media id -> its rows."""
    of: dict[str, list[IndexRow]] = defaultdict(list)
    for row in rows:
        of[row.media_id].append(row)
    return {
        id_: PictureRows(id_, some[0].owner, tuple(row.id for row in some), np.stack([row.vector for row in some]), stale_at_ms)
        for id_, some in of.items()
    }  # fmt: skip


class Scored:
    """Rows of pictures against one vector, each scored once, to be taken in growing numbers.

    vector: float32 [dim], unit length. As every index does: exact scores, equal ones by id.
    """

    def __init__(self, vector: NDArray[np.float32], pictures: Sequence[PictureRows]) -> None:
        self._vector = vector
        self._pictures = pictures
        self._starts = np.cumsum([0, *(len(rows.ids) for rows in pictures)])
        self._vectors = np.concatenate([rows.vectors for rows in pictures]) if pictures else None
        self._rough = np.zeros(0, np.float32) if self._vectors is None else self._vectors @ vector

    def __len__(self) -> int:
        return len(self._rough)

    def best(self, limit: int) -> list[Match]:
        """The best `limit` rows, best first."""
        rough = self._rough
        if self._vectors is None:
            return []
        if len(rough) > limit:
            cut = np.partition(rough, len(rough) - limit)[len(rough) - limit]
            positions = np.flatnonzero(rough >= cut - _ROUNDING)
        else:
            positions = np.arange(len(rough))
        scores = exact_scores(self._vector, self._vectors[positions])
        matches: list[Match] = []
        of = np.searchsorted(self._starts, positions, side="right") - 1
        for score, position, n in zip(scores.tolist(), positions.tolist(), of.tolist(), strict=True):
            rows = self._pictures[n]
            matches.append(Match(rows.ids[position - int(self._starts[n])], rows.media_id, rows.owner, score))
        return in_order(matches)[:limit]


def in_order(matches: Sequence[Match]) -> list[Match]:
    """Best first, equal scores by id."""
    return sorted(matches, key=lambda match: (-match.score, match.id))


def _absent(media_id: str, stale_at_ms: int) -> PictureRows:
    return PictureRows(media_id, "", (), np.zeros((0, 0), np.float32), stale_at_ms)


def _key(tenant: str, media_id: str) -> str:
    return f"{tenant}/{media_id}"
