"""Gathering what a session scores its frames against."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from nungil.database.open import reading
from nungil.runtime import metrics, tracing
from nungil.vector_index.port import IndexRow, Vectors
from services.search import store
from services.search.core import Conditions, ItemRow
from services.search.handlers.finding import FindRows
from services.search.held import PictureRows
from services.search.passing import Stands
from services.search.pool import CandidatePool, nearest, pool_of

GROWTH = 4
MOST_ROWS_A_VECTOR = 1_600  # for 26 vectors about 40 MB


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """A pool, and the items that its rows stand for, with those of their offers that pass. partial: more passes than was looked at."""

    pool: CandidatePool
    items: Mapping[str, ItemRow]
    partial: bool = False


@dataclass(frozen=True)
class GatherPool:
    """Rows that pass, near any of some vectors: at most `pool_rows`. Blocking: call it in a thread.

    As `FindRows`: where few pass, all of them; otherwise the index's nearest rows, of which those are kept that pass; where these
    are too few, as many as may be looked at of all that pass.
    """

    find: FindRows
    pool_rows: int

    def __call__(
        self, vectors: Vectors, conditions: Conditions, *, rows_each: int, without: Collection[str]
    ) -> Gathered:
        """vectors: float32 [n, dim], unit length, each with `rows_each` rows where there are so many. without: media ids that are no answer.

        Raises VectorIndexAway.
        """
        rows, stands, partial = self._passing(vectors, conditions, rows_each, frozenset(without))
        kept = nearest([row for row in rows if row.media_id in stands], vectors, self.pool_rows)
        pool = pool_of(kept, stands)
        metrics.LENS_POOL_ROWS.observe(len(pool))
        tracing.note(pool_rows=len(pool))
        item_ids = sorted(item_id for item_id in pool.items if item_id is not None)
        with reading(self.find.passing.engine) as connection:
            now_ms = self.find.passing.clock()
            items = store.load_items(connection, conditions.tenant, item_ids, conditions.filters, now_ms=now_ms)
        return Gathered(pool, items, partial)

    def _passing(
        self, vectors: Vectors, conditions: Conditions, rows_each: int, without: frozenset[str]
    ) -> tuple[Sequence[IndexRow], Stands, bool]:
        passing = self.find.passing
        if conditions.selective:
            stands, complete = passing.all(conditions, at_most=self.find.exact_limit)
            if complete:
                return self._held(conditions, stands, without), stands, False
        while True:
            rows = self._nearest(vectors, conditions, rows_each, without)
            stands = passing.among({row.media_id for row in rows}, conditions)
            count = sum(row.media_id in stands for row in rows)
            if not conditions.selective or count >= rows_each or len(rows) < rows_each:
                return rows, stands, False
            if rows_each == MOST_ROWS_A_VECTOR:
                break
            rows_each = min(GROWTH * rows_each, MOST_ROWS_A_VECTOR)
        stands, complete = passing.all(conditions, at_most=self.find.exact_most, ordered=True)
        return self._held(conditions, stands, without), stands, not complete

    def _nearest(
        self, vectors: Vectors, conditions: Conditions, rows_each: int, without: frozenset[str]
    ) -> list[IndexRow]:
        tenant, owners = conditions.tenant, conditions.owners
        rows = self.find.index.gather(vectors, tenant=tenant, owners=owners, limit=rows_each, without=without)
        fresh = self.find.fresh.of(tenant, owners)
        beside = [row for id_, of in fresh.items() if id_ not in without for row in _rows_of(tenant, of)]
        return [row for row in rows if row.media_id not in fresh] + beside

    def _held(self, conditions: Conditions, stands: Stands, without: frozenset[str]) -> list[IndexRow]:
        tenant, owners = conditions.tenant, conditions.owners
        fresh = self.find.fresh.of(tenant, owners)
        held = [
            of for of in self.find.held.of(tenant, [id_ for id_ in stands if id_ not in fresh]) if of.owner in owners
        ]
        held += [of for id_, of in fresh.items() if id_ in stands]
        return [row for of in held if of.media_id not in without for row in _rows_of(tenant, of)]


def _rows_of(tenant: str, of: PictureRows) -> list[IndexRow]:
    return [
        IndexRow(id_, vector, tenant, of.owner, of.media_id) for id_, vector in zip(of.ids, of.vectors, strict=True)
    ]
