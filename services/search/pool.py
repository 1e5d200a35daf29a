"""A session's candidates, scored in memory: what a frame looks like, in the order that a search of the index would give. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.vector_index.port import IndexRow, Match, Vectors
from nungil.vector_index.ranking import exact_scores
from services.search.core import Found

_ROUNDING = 1e-4  # more than a float32 product of unit vectors can be wrong by
_ROWS_A_HIT = 3  # scored exactly at first: a picture has several rows
_GROWTH = 4


@dataclass(frozen=True, slots=True, eq=False)
class CandidatePool:
    """Rows ordered by id: (id, media id, owner). vectors: float32 [n, dim]. groups: of each row, the items it stands for, or its
    picture (None)."""

    rows: tuple[tuple[str, str, str], ...]
    vectors: Vectors
    groups: tuple[tuple[str | None, ...], ...]
    media_ids: frozenset[str]

    def __len__(self) -> int:
        return len(self.rows)

    def best(self, vector: NDArray[np.float32], limit: int, without: Collection[str] = ()) -> list[Found]:
        """The best row of each item or picture, at most `limit`: by exact score, equal scores by row id.

        vector: float32 [dim], unit length. without: media ids that are no answer. One matrix product over the pool; only what
        may come first is scored exactly, as an index does it.
        """
        if not self.rows:
            return []
        rough = self.vectors @ vector
        looked = min(_ROWS_A_HIT * limit, len(rough))
        while True:
            found = self._first_of_each(vector, self._near(rough, looked), looked, limit, without)
            if len(found) == limit or looked == len(rough):
                return found
            looked = min(_GROWTH * looked, len(rough))

    def _near(self, rough: NDArray[np.float32], looked: int) -> NDArray[np.intp]:
        """Where the best `looked` rows are, and those that rounding may have put behind them; by id."""
        if looked == len(rough):
            return np.arange(looked)
        cut = np.partition(rough, len(rough) - looked)[len(rough) - looked]
        return np.flatnonzero(rough >= cut - _ROUNDING)

    def _first_of_each(
        self, vector: NDArray[np.float32], near: NDArray[np.intp], looked: int, limit: int, without: Collection[str]
    ) -> list[Found]:
        scores = exact_scores(vector, self.vectors[near])
        order = np.argsort(-scores, kind="stable")[:looked]  # rows lie by id, so equal scores do too
        seen: set[tuple[str, str]] = set()
        found: list[Found] = []
        for at, score in zip(near[order].tolist(), scores[order].tolist(), strict=True):
            id_, media_id, owner = self.rows[at]
            if media_id in without:
                continue
            for item_id in self.groups[at]:
                result = Found(Match(id_, media_id, owner, score), item_id)
                if result.what not in seen:
                    seen.add(result.what)
                    found.append(result)
                    if len(found) == limit:
                        return found
        return found


def pool_of(rows: Sequence[IndexRow], stands: Mapping[str, Sequence[str]]) -> CandidatePool:
    """Of `rows`, those that pass. stands: media id -> the items that it stands for, as `core.standing_for` has it."""
    kept = sorted((row for row in rows if row.media_id in stands), key=lambda row: row.id)
    return CandidatePool(
        rows=tuple((row.id, row.media_id, row.owner) for row in kept),
        vectors=np.stack([row.vector for row in kept]) if kept else np.zeros((0, 0), np.float32),
        groups=tuple(tuple(stands[row.media_id]) or (None,) for row in kept),
        media_ids=frozenset(row.media_id for row in kept),
    )


def nearest(rows: Sequence[IndexRow], vectors: Vectors, at_most: int) -> Sequence[IndexRow]:
    """Of `rows` at most so many, those that come earliest for any of `vectors` (float32 [n, dim])."""
    if len(rows) <= at_most:
        return rows
    scores = np.stack([row.vector for row in rows]) @ vectors.T
    places = np.argsort(np.argsort(-scores, axis=0, kind="stable"), axis=0).min(axis=1)
    return [rows[i] for i in np.argsort(places, kind="stable")[:at_most]]
