"""Finding rows that pass: the index knows likeness, our copy of items knows what can be bought."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.runtime import metrics, tracing
from nungil.runtime.clock import Clock
from nungil.vector_index.port import VectorIndex
from nungil.vector_index.ranking import MAX_LIMIT as MAX_ROWS
from services.search import store
from services.search.core import Conditions, Found, best_of_each
from services.search.handlers.deletions import DeniedPictures

ROWS_A_HIT = 4  # fetched at first: a picture has several rows, and an item several pictures
GROWTH = 4


@dataclass(frozen=True)
class FindRows:
    """The best row of each item or picture that passes. Blocking: call it in a thread."""

    index: VectorIndex
    engine: Engine
    denied: DeniedPictures
    exact_limit: int
    clock: Clock

    def __call__(
        self, vector: NDArray[np.float32], conditions: Conditions, *, wanted: int, without: Collection[str] = ()
    ) -> list[Found]:
        """At least `wanted` where there are so many, best first. Rows are fetched in growing numbers until enough of them count.

        vector: float32 [dim], unit length. without: media ids that are no answer.
        """
        only = None
        filters, now_ms = conditions.filters, self.clock()
        if filters.of_items:
            with reading(self.engine) as connection:
                only = store.passing_pictures(
                    connection, conditions.tenant, filters, now_ms=now_ms, at_most=self.exact_limit
                )
            if only == []:
                return []
        rows = min(ROWS_A_HIT * wanted, MAX_ROWS)
        while True:
            [matches] = self.index.search(
                vector[None],
                tenant=conditions.tenant,
                owners=conditions.owners,
                limit=rows,
                media_ids=only,
                without=without,
            )
            media_ids = list(dict.fromkeys(match.media_id for match in matches))
            with reading(self.engine) as connection:
                items = store.items_of(connection, conditions.tenant, media_ids, filters, now_ms=now_ms)
            denied = self.denied.among(media_ids)
            found = best_of_each(matches, items, denied=denied, items_only=filters.of_items)
            if len(found) >= wanted or len(matches) < rows or rows == MAX_ROWS:
                metrics.SEARCH_ROWS.observe(len(matches))
                tracing.note(rows=len(matches))
                return found
            rows = min(GROWTH * rows, MAX_ROWS)
