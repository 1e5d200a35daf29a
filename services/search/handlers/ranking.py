"""The first hits looked at cell by cell: in which order they are shown, which are the same thing, and which part of each matched."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.pictures.boxes import WHOLE, Box
from nungil.runtime.clock import Clock
from nungil.vector_index.port import region_of
from services.search import store
from services.search.core import CropQuery, Found
from services.search.diversity import diverse
from services.search.features import FeatureMaps
from services.search.judging import Judge, numbers_of
from services.search.matching import Asked, Look, asked_of, best_box, cells_agree, labels_agree, likeness

FIRST = 30  # hits that are looked at: of those behind, the cosine decides


@dataclass(frozen=True, slots=True)
class Ranked:
    """Hits in the order to show them. same: of those that were looked at, by what they stand for; of others the cosine decides."""

    found: Sequence[Found]
    matched: bool
    same: Mapping[tuple[str, str], bool]


@dataclass(frozen=True)
class RankHits:
    """Blocking. Every page of a query sees the same order: the first FIRST are ordered among themselves, the others stay."""

    maps: FeatureMaps
    engine: Engine
    judge: Judge
    threads: Executor
    clock: Clock

    def __call__(self, query: CropQuery, box: Box, found: Sequence[Found]) -> Ranked:
        """found: FIRST or more where there are so many, best first; all of them come back."""
        own = self.maps.look_of(query.tenant, query.media_id, transient=True)
        if own is None or not found:  # it was deleted since its map was read
            return Ranked(found, self._by_cosine(found), {})
        first, rest = found[:FIRST], found[FIRST:]
        looks = self._looks(query.tenant, first)
        cosine = np.array([one.match.score for one in first], dtype=np.float32)
        asked = asked_of(own, box)
        cells, labels, parts = self._agreements(query.tenant, asked, first, looks, cosine)
        alike = likeness(cosine, cells, labels, parts)
        order = self._order(query, first, looks, alike)
        likeliest = int(alike.argmax())
        judged = self.judge.same(numbers_of(cosine, cells, labels, asked.labels, box.area), likeliest)
        same = {one.what: bool(judged[n]) for n, one in enumerate(first)}
        return Ranked([*(first[n] for n in order), *rest], bool(judged[likeliest]), same)

    def boxes(self, tenant: str, vector: NDArray[np.float32], page: Sequence[Found]) -> dict[str, Box]:
        """The part of each picture that matched best, by media id; none of a picture that is being deleted."""
        looks = self._looks(tenant, page)
        return {
            one.match.media_id: best_box(vector, look)
            for one, look in zip(page, looks, strict=True)
            if look is not None
        }

    def _by_cosine(self, found: Sequence[Found]) -> bool:
        return bool(found) and self.judge.same_by_cosine(found[0].match.score)

    def _looks(self, tenant: str, found: Sequence[Found]) -> list[Look | None]:
        """Read side by side, as a store may be far."""
        reads = [
            self.threads.submit(contextvars.copy_context().run, self.maps.look_of, tenant, one.match.media_id)
            for one in found
        ]
        return [read.result() for read in reads]

    def _agreements(
        self,
        tenant: str,
        asked: Asked,
        found: Sequence[Found],
        looks: Sequence[Look | None],
        cosine: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Of cells and of labels, and the part of each that matched; of a picture that is being deleted the cosine and nothing else."""
        cells, labels = cosine.copy(), np.zeros(len(found), dtype=np.float32)
        parts = np.zeros((len(found), asked.cells.shape[1]), dtype=np.float32)
        here = [(n, look) for n, look in enumerate(looks) if look is not None]
        cells[[n for n, _ in here]] = cells_agree(asked, [look for _, look in here])
        for n, look in here:
            boxes = self.maps.held_boxes(tenant, found[n].match.media_id)
            part = boxes.get(region_of(found[n].match.id), WHOLE)
            labels[n] = labels_agree(asked.labels, look.labels_in(part))
            parts[n] = look.vector_in(part)
        return cells, labels, parts

    def _order(
        self, query: CropQuery, found: Sequence[Found], looks: Sequence[Look | None], alike: NDArray[np.float32]
    ) -> list[int]:
        dim = next((look.cells.shape[1] for look in looks if look is not None), 1)
        vectors = np.stack([np.zeros(dim, np.float32) if look is None else look.vector_in(WHOLE) for look in looks])
        return diverse(alike, vectors, self._shops(query, found))

    def _shops(self, query: CropQuery, found: Sequence[Found]) -> list[str]:
        """Of each hit, the only shop that sells it under the filters."""
        ids = [one.item_id for one in found if one.item_id is not None]
        if not ids:
            return [""] * len(found)
        with reading(self.engine) as connection:
            items = store.load_items(connection, query.tenant, ids, query.filters, now_ms=self.clock())
        sold = {id_: {offer.shop for offer in item.offers} for id_, item in items.items()}
        return [_only(sold.get(one.item_id or "", set())) for one in found]


def _only(shops: set[str]) -> str:
    return next(iter(shops)) if len(shops) == 1 else ""
