"""What search does: answer a crop, keep its copy of items, remember deletions."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from nungil.database.open import hold, reading
from nungil.encoder.port import EncoderSpace
from nungil.event_log.port import EventLog
from nungil.pictures.boxes import WHOLE, Box, clip
from nungil.pictures.pooling import pool_box, unit
from nungil.runtime import metrics, tracing
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway
from nungil.runtime.ids import new_event_id
from nungil.vector_index.port import VectorIndex, region_of
from nungil.vector_index.ranking import MAX_LIMIT as MAX_ROWS
from services.search import store
from services.search.core import CropQuery, Found, ItemRow, best_of_each, cursor_of, offset_of
from services.search.errors import InvalidQuery, NoSuchPicture
from services.search.features import FeatureMap, FeatureMaps
from services.search.wire import Answer, Hit, crop_searched

logger = logging.getLogger(__name__)

ROWS_A_HIT = 4  # fetched at first: a picture has several rows, and an item several pictures
GROWTH = 4


class DeniedPictures:
    """The latest `max_pictures` deletions. Safe for many threads. Media ids are never given twice, so nothing is ever taken back."""

    def __init__(self, max_pictures: int) -> None:
        self._max_pictures = max_pictures
        self._lock = threading.Lock()
        self._ids: OrderedDict[str, None] = OrderedDict()

    def deny(self, media_id: str) -> None:
        with self._lock:
            self._ids[media_id] = None
            while len(self._ids) > self._max_pictures:
                self._ids.popitem(last=False)

    def __contains__(self, media_id: object) -> bool:
        with self._lock:
            return media_id in self._ids

    def among(self, media_ids: Iterable[str]) -> set[str]:
        """Those of `media_ids` that are denied."""
        with self._lock:
            return {media_id for media_id in media_ids if media_id in self._ids}


@dataclass(frozen=True)
class SearchByCrop:
    """Things that look like one part of a stored picture. Blocking: call it in a thread."""

    maps: FeatureMaps
    index: VectorIndex
    engine: Engine
    denied: DeniedPictures
    log: EventLog
    clock: Clock
    exact_limit: int
    match_cosine: float

    def __call__(self, query: CropQuery) -> Answer:
        offset = offset_of(query)
        feature_map = self._authorised(query)
        tracing.note(media_id=query.media_id)
        vector, box, clipped = query_vector(feature_map, query.part)
        found = self._find(query, vector, offset + query.limit + 1)
        page = found[offset : offset + query.limit]
        tracing.note(hits=len(page))
        if query.record and query.person_id and offset == 0:
            self._record(query, box)
        return Answer(
            matched=bool(found) and found[0].match.score >= self.match_cosine,
            hits=self._hydrate(query, page),
            box=box,
            clipped=clipped,
            next_cursor=cursor_of(query, offset + query.limit) if len(found) > offset + query.limit else "",
        )

    def _authorised(self, query: CropQuery) -> FeatureMap:
        feature_map = None if query.media_id in self.denied else self.maps.of(query.tenant, query.media_id)
        if feature_map is None or feature_map.owner not in query.owners:
            raise NoSuchPicture(f"no picture {query.media_id}")
        return feature_map

    def _find(self, query: CropQuery, vector: NDArray[np.float32], wanted: int) -> list[Found]:
        """At least `wanted` where there are so many. Rows are fetched in growing numbers until enough of them count."""
        only = None
        if query.filters.of_items:
            with reading(self.engine) as connection:
                only = store.passing_pictures(connection, query.tenant, query.filters, at_most=self.exact_limit)
            if only == []:
                return []
        rows = min(ROWS_A_HIT * wanted, MAX_ROWS)
        while True:
            [matches] = self.index.search(
                vector[None],
                tenant=query.tenant,
                owners=query.owners,
                limit=rows,
                media_ids=only,
                without=(query.media_id,),
            )
            media_ids = list(dict.fromkeys(match.media_id for match in matches))
            with reading(self.engine) as connection:
                items = store.items_of(connection, query.tenant, media_ids, query.filters)
            denied = self.denied.among(media_ids)
            found = best_of_each(matches, items, denied=denied, items_only=query.filters.of_items)
            if len(found) >= wanted or len(matches) < rows or rows == MAX_ROWS:
                metrics.SEARCH_ROWS.observe(len(matches))
                tracing.note(rows=len(matches))
                return found
            rows = min(GROWTH * rows, MAX_ROWS)

    def _hydrate(self, query: CropQuery, page: Sequence[Found]) -> list[Hit]:
        item_ids = [found.item_id for found in page if found.item_id is not None]
        with reading(self.engine) as connection:
            items = store.load_items(connection, query.tenant, item_ids, query.filters)
        hits: list[Hit] = []
        for found in page:
            boxes = self.maps.boxes_of(query.tenant, found.match.media_id)
            region = region_of(found.match.id)
            if boxes is None or region not in boxes:
                continue  # it is being deleted: embed removes the features before the rows are gone everywhere
            item = items.get(found.item_id) if found.item_id is not None else None
            if found.item_id is not None and item is None:
                continue  # the item was deleted between two statements
            shown = None if item is None else self._without_denied(item)
            hits.append(Hit(found.match.media_id, found.match.score, region, boxes[region], shown))
        return hits

    def _without_denied(self, item: ItemRow) -> ItemRow:
        denied = self.denied.among(item.media_ids)
        return replace(item, media_ids=tuple(id_ for id_ in item.media_ids if id_ not in denied)) if denied else item

    def _record(self, query: CropQuery, box: Box) -> None:
        try:
            event_id = query.event_id or new_event_id()
            self.log.append([crop_searched(query, box, event_id=event_id, now_ms=self.clock())])
        except DependencyAway as error:
            logger.warning("a crop search was answered but not recorded: %s", error)  # the answer matters more


def query_vector(feature_map: FeatureMap, part: Box | int | None) -> tuple[NDArray[np.float32], Box, bool]:
    """The unit vector of a part, its box within the picture, and whether the box was clipped.

    Raises InvalidBox (see `boxes.clip`), and InvalidQuery for an unknown region.
    """
    if isinstance(part, Box):
        box, clipped = clip(part)
        return unit(pool_box(feature_map.table, box)), box, clipped
    region = feature_map.regions.get(part or 0)
    if region is not None:
        return region.vector, region.box, False
    if part is None:
        return unit(pool_box(feature_map.table, WHOLE)), WHOLE, False
    known = ", ".join(str(n) for n in sorted(feature_map.regions))
    raise InvalidQuery(f"this picture has no region {part}; it has {known or 'none'}")


@dataclass(frozen=True)
class ApplyItems:
    """Brings the copy of items up to date. Idempotent: an item is replaced as a whole."""

    engine: Engine

    def __call__(self, changes: Collection[tuple[str, str, ItemRow | None]]) -> None:
        with self.engine.begin() as connection:
            # A partition that is handed over may be in two hands for a moment.
            hold(connection, *(f"item/{tenant}/{item_id}" for tenant, item_id, _ in changes))
            for tenant, item_id, item in changes:
                if item is None:
                    store.delete_item(connection, tenant, item_id)
                else:
                    store.replace_item(connection, item)


@dataclass(frozen=True)
class Status:
    """Rows in the index, and items known."""

    index: VectorIndex
    engine: Engine
    space: EncoderSpace

    def __call__(self) -> tuple[int, int, str]:
        with reading(self.engine) as connection:
            items = store.count_items(connection)
        return self.index.count(), items, self.space.name
