"""A session's candidates, scored in memory: what a frame looks like, in the order that a search of the index would give. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.vector_index.port import IndexRow, Match, Vectors
from nungil.vector_index.ranking import exact_scores
from services.search.core import Found

_ROUNDING = 1e-4  # more than a float32 product of unit vectors can be wrong by
_BLOCK = (
    1_024  # rows of 256: of more, OpenBLAS makes work for several threads, which wait for each other on a busy machine
)
_LEAST, _DENIED = -2.0, -3.0  # below every cosine


@dataclass(frozen=True, slots=True, eq=False)
class CandidatePool:
    """Rows ordered by id: (id, media id, owner), with their vectors, float32 [n, dim].

    A row is an entry of each group that it stands for: an item, or its picture (item None). Entries lie group by group.
    items: of each group. starts: where each begins. row, group, place: intp [entries], the row and the group of an entry, and
    which of its row's groups it is.
    """

    rows: tuple[tuple[str, str, str], ...]
    vectors: Vectors
    items: tuple[str | None, ...]
    starts: NDArray[np.intp]
    row: NDArray[np.intp]
    group: NDArray[np.intp]
    place: NDArray[np.intp]
    media_ids: frozenset[str]

    def __len__(self) -> int:
        return len(self.rows)

    def best(self, vector: NDArray[np.float32], limit: int, without: Collection[str] = ()) -> list[Found]:
        """The best row of each group, at most `limit`: by exact score, equal scores by row id.

        vector: float32 [dim], unit length. without: media ids that are no answer. One matrix product over the pool; only what
        may be a group's best row, of a group that may be among the best, is scored exactly, as an index does it.
        """
        if not self.rows:
            return []
        rough = self._rough(vector, without)[self.row]
        tops = np.maximum.reduceat(rough, self.starts)
        cut = np.partition(tops, len(tops) - limit)[len(tops) - limit] if len(tops) > limit else _LEAST
        least = np.where(tops >= cut - _ROUNDING, np.maximum(tops - _ROUNDING, _LEAST), np.inf)
        near = np.flatnonzero(rough >= least[self.group])
        scores = exact_scores(vector, self.vectors[self.row[near]])
        order = np.lexsort((self.place[near], self.row[near], -scores))
        found: dict[int, Found] = {}
        for at, score in zip(near[order].tolist(), scores[order].tolist(), strict=True):
            group = int(self.group[at])
            if group not in found:
                id_, media_id, owner = self.rows[self.row[at]]
                found[group] = Found(Match(id_, media_id, owner, score), self.items[group])
                if len(found) == limit:
                    break
        return list(found.values())

    def _rough(self, vector: NDArray[np.float32], without: Collection[str]) -> NDArray[np.float32]:
        blocks = range(0, len(self.rows), _BLOCK)
        rough = np.concatenate([self.vectors[start : start + _BLOCK] @ vector for start in blocks])
        if without:
            rough[[media_id in without for _, media_id, _ in self.rows]] = _DENIED
        return rough


def pool_of(rows: Sequence[IndexRow], stands: Mapping[str, Sequence[str]]) -> CandidatePool:
    """Of `rows`, those that pass. stands: media id -> the items that it stands for, as `core.standing_for` has it."""
    kept = sorted((row for row in rows if row.media_id in stands), key=lambda row: row.id)
    groups: dict[tuple[str | None, str], list[tuple[int, int]]] = defaultdict(list)
    for n, row in enumerate(kept):
        for place, item_id in enumerate(stands[row.media_id] or (None,)):
            groups[item_id, "" if item_id else row.media_id].append((n, place))
    entries = np.array([entry for of in groups.values() for entry in of], dtype=np.intp).reshape(-1, 2)
    sizes = np.array([len(of) for of in groups.values()], dtype=np.intp)
    return CandidatePool(
        rows=tuple((row.id, row.media_id, row.owner) for row in kept),
        vectors=np.stack([row.vector for row in kept]) if kept else np.zeros((0, 0), np.float32),
        items=tuple(item_id for item_id, _ in groups),
        starts=np.cumsum(sizes) - sizes,
        row=np.ascontiguousarray(entries[:, 0]),
        group=np.repeat(np.arange(len(sizes)), sizes),
        place=np.ascontiguousarray(entries[:, 1]),
        media_ids=frozenset(row.media_id for row in kept),
    )


def nearest(rows: Sequence[IndexRow], vectors: Vectors, at_most: int) -> Sequence[IndexRow]:
    """Of `rows` at most so many, those that come earliest for any of `vectors` (float32 [n, dim])."""
    if len(rows) <= at_most:
        return rows
    scores = np.stack([row.vector for row in rows]) @ vectors.T
    places = np.argsort(np.argsort(-scores, axis=0, kind="stable"), axis=0).min(axis=1)
    return [rows[i] for i in np.argsort(places, kind="stable")[:at_most]]
