"""Search's rpcs. What blocks runs in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from nungil.api.search.v1 import search_pb2 as pb
from nungil.api.search.v1.search_pb2_grpc import SearchServiceServicer
from nungil.runtime import metrics
from services.search.candidates_wire import asked_of, found_to_proto
from services.search.handlers.candidates import FindCandidates
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.lens import Lens
from services.search.handlers.regions import SearchByRegions
from services.search.handlers.status import Status
from services.search.lens import Ask
from services.search.lens_wire import ask_of, opened_of, tell_to_proto
from services.search.regions import regions_query_of, regions_to_proto
from services.search.wire import answer_to_proto, query_of


@dataclass(frozen=True)
class SearchServicer(SearchServiceServicer):
    """Translates, calls, translates."""

    search: SearchByCrop
    by_regions: SearchByRegions
    lens: Lens
    status: Status
    candidates: FindCandidates

    async def SearchByCrop(self, request: pb.SearchByCropRequest, context: Any) -> pb.SearchByCropResponse:
        started_s = time.perf_counter()
        answer = await asyncio.to_thread(self.search, query_of(request))
        took_s = time.perf_counter() - started_s
        metrics.SEARCH_SECONDS.observe(took_s)
        return answer_to_proto(answer, took_ms=1000 * took_s)

    async def SearchByRegions(self, request: pb.SearchByRegionsRequest, context: Any) -> pb.SearchByRegionsResponse:
        started_s = time.perf_counter()
        answered, partial = await self.by_regions(regions_query_of(request))
        return regions_to_proto(answered, partial=partial, took_ms=1000 * (time.perf_counter() - started_s))

    async def Lens(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.LensResponse]:
        requests = aiter(request_iterator)
        first = await anext(requests, pb.LensRequest())
        async with aclosing(self.lens(opened_of(first), _asks(requests, first.open))) as tells:
            async for tell in tells:
                yield tell_to_proto(tell)

    async def FindCandidates(self, request: pb.FindCandidatesRequest, context: Any) -> pb.FindCandidatesResponse:
        asked = asked_of(request, self.candidates.space)
        return found_to_proto(await asyncio.to_thread(self.candidates, asked), bare=request.bare)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        index_rows, items, space = await asyncio.to_thread(self.status)
        return pb.GetStatusResponse(index_rows=index_rows, items=items, encoder_space=space)


async def _asks(requests: AsyncIterator[pb.LensRequest], opened: pb.LensOpen) -> AsyncIterator[Ask]:
    async for request in requests:
        yield ask_of(request, opened)
