"""Finding rows that pass: the index knows likeness, our copy of items and pictures knows what passes (decision 16)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.runtime import metrics, tracing
from nungil.runtime.clock import Clock
from nungil.vector_index.port import Match, VectorIndex
from nungil.vector_index.ranking import MAX_LIMIT as MAX_ROWS
from services.search.core import Conditions, Found, FoundRows, merged, standing_for
from services.search.fresh import FreshRows
from services.search.handlers.deletions import DeniedPictures
from services.search.held import HeldRows, PictureRows, Scored, in_order
from services.search.passing import Passing, Stands
from services.search.planning import first_rows, grown, more_rows, promising

PORTION = 2_500  # pictures scored at once: about 12 MB of vectors


@dataclass(frozen=True)
class WhatPasses:
    """Which pictures pass, and which items they stand for. Blocking. labels_of: as `passing.labels_by_interest` gives it."""

    engine: Engine
    labels_of: Mapping[str, Sequence[str]]
    clock: Clock

    def among(self, media_ids: Collection[str], conditions: Conditions) -> Stands:
        """Of these pictures, those that pass: media id -> item ids, none for a picture that stands for itself."""
        with reading(self.engine) as connection:
            return Passing(conditions, self.labels_of, self.clock()).among(connection, media_ids)

    def all(self, conditions: Conditions, *, at_most: int, ordered: bool = False) -> tuple[Stands, bool]:
        """All pictures that pass, and whether these are all. The conditions are `selective`."""
        with reading(self.engine) as connection:
            return Passing(conditions, self.labels_of, self.clock()).all(connection, at_most=at_most, ordered=ordered)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is looked for. fresh: rows that the index may not show yet, by media id."""

    vector: NDArray[np.float32]
    conditions: Conditions
    wanted: int
    without: frozenset[str]
    fresh: Mapping[str, PictureRows]


@dataclass(frozen=True)
class FindRows:
    """The best row of each item or picture that passes. Blocking: call it in a thread.

    exact_limit: where at most so many pictures pass, all are scored, without a look at the index. exact_most: so many are
    where more pass and the nearest rows hold too few of them.
    """

    index: VectorIndex
    passing: WhatPasses
    held: HeldRows
    fresh: FreshRows
    denied: DeniedPictures
    exact_limit: int
    exact_most: int

    def __call__(
        self, vector: NDArray[np.float32], conditions: Conditions, *, wanted: int, without: Collection[str] = ()
    ) -> FoundRows:
        """`wanted` results where there are so many, best first. vector: float32 [dim], unit length. without: media ids that are no answer.

        Raises VectorIndexAway.
        """
        fresh = self.fresh.of(conditions.tenant, conditions.owners)
        question = Question(vector, conditions, wanted, frozenset(without), fresh)
        way, answer = self._answer(question)
        metrics.SEARCH_WAYS.add(way="partial" if answer.partial else way)
        tracing.note(way=way)
        return FoundRows(answer.found[:wanted], answer.partial)

    def _answer(self, question: Question) -> tuple[str, FoundRows]:
        conditions = question.conditions
        if not conditions.selective:
            return "nearest", FoundRows(self._nearest(question, patient=True)[0])
        stands, complete = self.passing.all(conditions, at_most=self.exact_limit)
        if complete:
            return "exact", FoundRows(self._exact(question, stands))
        found, settled = self._nearest(question, patient=False)
        if settled:
            return "nearest", FoundRows(found)
        stands, complete = self.passing.all(conditions, at_most=self.exact_most, ordered=True)
        if complete:
            return "exact", FoundRows(self._exact(question, stands))
        found, settled = self._nearest(question, patient=True)
        if settled:
            return "nearest", FoundRows(found)
        return "nearest", FoundRows(merged(found, self._exact(question, stands)), partial=True)

    def _nearest(self, question: Question, *, patient: bool) -> tuple[list[Found], bool]:
        """What passes of the index's nearest rows, fetched in growing numbers; whether that is as good as looking at all.

        patient: to the most that an index gives; otherwise only while it promises to be enough.
        """
        conditions, wanted = question.conditions, question.wanted
        beside = Scored(
            question.vector, [rows for rows in question.fresh.values() if rows.media_id not in question.without]
        )
        rows = first_rows(wanted)
        while True:
            [matches] = self.index.search(
                question.vector[None],
                tenant=conditions.tenant,
                owners=conditions.owners,
                limit=rows,
                without=question.without,
            )
            found = self._kept(question, in_order(list({m.id: m for m in (*matches, *beside.best(rows))}.values())))
            settled = len(found) >= wanted or len(matches) < rows
            if settled or rows == MAX_ROWS or not (patient or promising(len(found), rows, wanted)):
                metrics.SEARCH_ROWS.observe(len(matches))
                tracing.note(rows=len(matches))
                return found, settled
            rows = more_rows(rows)

    def _exact(self, question: Question, stands: Stands) -> list[Found]:
        """The best of all that pass, scored in portions, so that memory is bounded."""
        found: list[Found] = []
        scored = 0
        denied = self.denied.among(stands) | question.without
        for media_ids in _portions([media_id for media_id in stands if media_id not in denied]):
            some = Scored(question.vector, self._rows(question, media_ids))
            found = merged(found, grown(some.best, partial(standing_for, stands=stands), question.wanted))[
                : question.wanted
            ]
            scored += len(some)
        metrics.SEARCH_ROWS.observe(scored)
        tracing.note(rows=scored)
        return found

    def _rows(self, question: Question, media_ids: Sequence[str]) -> list[PictureRows]:
        """Of the pictures that the caller may see. `stands` comes from our copy, and whose a row is, from the row itself."""
        owners = frozenset(question.conditions.owners)
        held = [rows for rows in self.held.of(question.conditions.tenant, media_ids) if rows.owner in owners]
        if not question.fresh:
            return held
        fresh = [question.fresh[media_id] for media_id in media_ids if media_id in question.fresh]
        return [rows for rows in held if rows.media_id not in question.fresh] + fresh

    def _kept(self, question: Question, matches: Sequence[Match]) -> list[Found]:
        media_ids = list(dict.fromkeys(match.media_id for match in matches))
        denied = self.denied.among(media_ids)
        stands = self.passing.among([media_id for media_id in media_ids if media_id not in denied], question.conditions)
        return standing_for(matches, stands)


def _portions(media_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(media_ids), PORTION):
        yield media_ids[start : start + PORTION]
