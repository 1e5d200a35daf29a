"""Every named part of a picture searched for at once."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from threading import Event

import numpy as np

from nungil.pictures.features import FoundRegion
from nungil.runtime import tracing
from services.search.core import CropQuery, Found
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.pools import GatherPool
from services.search.regions import OfRegion

logger = logging.getLogger(__name__)

ROWS_A_HIT = 12  # for each region, as a picture has several rows, and an item several pictures


@dataclass(frozen=True)
class SearchByRegions:
    """What looks like each region of a picture: one request to the index for all of them."""

    search: SearchByCrop
    gather: GatherPool
    threads: Executor
    within_s: float

    async def __call__(self, query: CropQuery) -> tuple[Sequence[OfRegion], bool]:
        """In the order of the regions, and whether time ran out: regions are missing then. Raises NoSuchPicture."""
        done: list[OfRegion] = []
        late = Event()
        context = contextvars.copy_context()
        answering = asyncio.get_running_loop().run_in_executor(
            self.threads, partial(context.run, self._answer, query, done, late)
        )
        try:
            await asyncio.wait_for(asyncio.shield(answering), self.within_s)
        except TimeoutError:
            late.set()
            answering.add_done_callback(_forget)
            logger.warning("%d regions were answered in %.1f s, the others not", len(done), self.within_s)
            return list(done), True
        return done, False

    def _answer(self, query: CropQuery, done: list[OfRegion], late: Event) -> None:
        feature_map = self.search.authorised(query)
        tracing.note(media_id=query.media_id)
        regions = [region for n, region in sorted(feature_map.regions.items()) if n] or list(
            feature_map.regions.values()
        )
        if not regions:
            return
        vectors = np.stack([region.vector for region in regions])
        gathered = self.gather(vectors, query.conditions, rows_each=ROWS_A_HIT * query.limit, without=(query.media_id,))
        denied = self.search.denied.among(gathered.pool.media_ids)
        for region in regions:
            if late.is_set():
                return
            done.append(self._of(region, query, gathered.pool.best(region.vector, query.limit, denied)))

    def _of(self, region: FoundRegion, query: CropQuery, found: Sequence[Found]) -> OfRegion:
        matched = bool(found) and found[0].match.score >= self.search.match_cosine
        return OfRegion(region, matched, self.search.hydrate(query, found))


def _forget(answering: asyncio.Future[None]) -> None:
    if not answering.cancelled() and (error := answering.exception()):
        logger.warning("the regions that were left out failed too: %s", error)
