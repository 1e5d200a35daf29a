"""Answering a crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.event_log.port import NewRecord
from nungil.pictures.boxes import WHOLE, Box, clip
from nungil.pictures.pooling import pool_box, unit
from nungil.runtime import tracing
from nungil.runtime.clock import Clock
from nungil.runtime.ids import new_event_id
from nungil.vector_index.port import region_of
from services.search import store
from services.search.core import CropQuery, Found, FoundRows, ItemRow, Sort, cursor_of, offset_of
from services.search.errors import InvalidQuery, NoSuchPicture
from services.search.features import FeatureMap, FeatureMaps
from services.search.handlers.blending import Vector, find_blended
from services.search.handlers.choosing import RESULTS, ChooseChips
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.finding import FindRows
from services.search.handlers.ordering import SORTED, check_sort, in_order
from services.search.handlers.ranking import FIRST, RankHits
from services.search.handlers.texts import FindByWords
from services.search.handlers.words import ReadWords
from services.search.wire import Answer, Chips, Hit, Understood, crop_searched


@dataclass(frozen=True)
class SearchByCrop:
    """Things that look like one part of a stored picture. Blocking: call it in a thread."""

    maps: FeatureMaps
    find: FindRows
    engine: Engine
    denied: DeniedPictures
    note: Callable[[NewRecord], None]
    clock: Clock
    words: ReadWords
    by_words: FindByWords
    choose: ChooseChips
    rank: RankHits

    @property
    def match_cosine(self) -> float:
        """The cut where the cosine is all that is known of a hit, as while a frame moves."""
        return self.rank.judge.cosine

    def __call__(self, query: CropQuery) -> Answer:
        """Raises NoSuchPicture and InvalidQuery."""
        offset = offset_of(query)
        asked, understood = self.words(query)
        check_sort(asked)
        if not query.media_id:
            return self._answer_words(query, asked, understood, offset)
        feature_map = self.authorised(query)
        tracing.note(media_id=query.media_id)
        vector, box, clipped = query_vector(feature_map, query.part)
        wanted = offset + query.limit + 1
        rows = self._rows(asked, vector, understood, wanted=self._enough(query, wanted))
        ranked = self.rank(asked, box, rows.found)
        if understood is not None and understood.look is not None:
            ranked = replace(ranked, found=rows.found)  # words have a part in this order
        found = self._in_order(asked, ranked.found, match_cosine=self.match_cosine)
        page = found[offset : offset + query.limit]
        tracing.note(hits=len(page))
        if query.record and query.person_id and offset == 0:
            self._record(query, box)
        return Answer(
            matched=ranked.matched,
            hits=self.hydrate(asked, page, boxes=self.rank.boxes(asked.tenant, vector, page), same=ranked.same),
            box=box,
            clipped=clipped,
            next_cursor=cursor_of(query, offset + query.limit) if len(found) > offset + query.limit else "",
            partial=rows.partial or (understood is not None and understood.away),
            understood=understood,
            chips=self._chips(asked, found),
        )

    def _rows(self, asked: CropQuery, crop: Vector, understood: Understood | None, *, wanted: int) -> FoundRows:
        if understood is None or understood.look is None:
            return self.find(crop, asked.conditions, wanted=wanted, without=(asked.media_id,))
        look, without = understood.look, (asked.media_id,)
        return find_blended(self.find, crop, look, asked.conditions, wanted=wanted, without=without)

    def _answer_words(self, query: CropQuery, asked: CropQuery, understood: Understood | None, offset: int) -> Answer:
        """Words, filters or chips without a picture. Likeness to words is no match: nobody has calibrated it."""
        end = offset + query.limit
        rows = self.by_words(asked, understood, wanted=self._enough(query, end + 1))
        if asked.sort is Sort.LIKENESS:
            found = [*rows.said, *rows.alike]
        else:
            found = list(self._in_order(asked, rows.said or rows.alike, match_cosine=-1.0))  # all of them
        page = found[offset:end]
        return Answer(
            matched=bool(rows.said),
            hits=self.hydrate(asked, page, same={each.what: False for each in page}),
            box=WHOLE,
            clipped=False,
            next_cursor=cursor_of(query, end) if len(found) > end else "",
            partial=rows.partial or (understood is not None and understood.away),
            understood=understood,
            chips=self._chips(asked, found),
        )

    def _enough(self, query: CropQuery, wanted: int) -> int:
        if query.sort is not Sort.LIKENESS:
            return SORTED  # whatever the page, so that pages follow each other
        return max(wanted, RESULTS, FIRST) if query.want_chips else max(wanted, FIRST)

    def _in_order(self, asked: CropQuery, found: Sequence[Found], *, match_cosine: float) -> Sequence[Found]:
        if asked.sort is Sort.LIKENESS:
            return found
        with reading(self.engine) as connection:
            return in_order(connection, asked, found, match_cosine=match_cosine, now_ms=self.clock())

    def _chips(self, asked: CropQuery, found: Sequence[Found]) -> Chips | None:
        some = found[:RESULTS]
        return Chips(self.choose(asked, some), len(some)) if asked.want_chips else None

    def authorised(self, query: CropQuery) -> FeatureMap:
        """The picture to search with. Raises NoSuchPicture."""
        feature_map = None if query.media_id in self.denied else self.maps.of(query.tenant, query.media_id)
        if feature_map is None or feature_map.owner not in query.conditions.owners:
            raise NoSuchPicture(f"no picture {query.media_id}")
        return feature_map

    def hydrate(
        self,
        query: CropQuery,
        page: Sequence[Found],
        *,
        boxes: Mapping[str, Box] | None = None,
        same: Mapping[tuple[str, str], bool] | None = None,
    ) -> list[Hit]:
        """What was found, with boxes, titles and offers; without what was deleted meanwhile.

        boxes: what matched, by media id; where there is none, the row's region. same: as judged; where it was not, by the cosine.
        """
        best, judged = boxes or {}, same or {}
        item_ids = [found.item_id for found in page if found.item_id is not None]
        with reading(self.engine) as connection:
            items = store.load_items(connection, query.tenant, item_ids, query.filters, now_ms=self.clock())
        hits: list[Hit] = []
        for found in page:
            regions = self.maps.boxes_of(query.tenant, found.match.media_id)
            region = region_of(found.match.id)
            if regions is None or region not in regions:
                continue  # it is being deleted: embed removes the features before the rows are gone everywhere
            item = items.get(found.item_id) if found.item_id is not None else None
            if found.item_id is not None and item is None:
                continue  # the item was deleted between two statements
            shown = None if item is None else self._without_denied(item)
            media_id, score = found.match.media_id, found.match.score
            box, alike = best.get(media_id, regions[region]), judged.get(found.what, score >= self.match_cosine)
            hits.append(Hit(media_id, score, region, box, shown, alike))
        return hits

    def _without_denied(self, item: ItemRow) -> ItemRow:
        denied = self.denied.among(item.media_ids)
        return replace(item, media_ids=tuple(id_ for id_ in item.media_ids if id_ not in denied)) if denied else item

    def _record(self, query: CropQuery, box: Box) -> None:
        event_id = query.event_id or new_event_id()
        self.note(crop_searched(query, box, event_id=event_id, now_ms=self.clock()))


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
