"""Search's rpcs. Each runs in a thread: what it calls blocks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from nungil.api.search.v1 import search_pb2 as pb
from nungil.api.search.v1.search_pb2_grpc import SearchServiceServicer
from nungil.runtime import metrics
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.status import Status
from services.search.wire import answer_to_proto, query_of


@dataclass(frozen=True)
class SearchServicer(SearchServiceServicer):
    """Translates, calls, translates."""

    search: SearchByCrop
    status: Status

    async def SearchByCrop(self, request: pb.SearchByCropRequest, context: Any) -> pb.SearchByCropResponse:
        started_s = time.perf_counter()
        answer = await asyncio.to_thread(self.search, query_of(request))
        took_s = time.perf_counter() - started_s
        metrics.SEARCH_SECONDS.observe(took_s)
        return answer_to_proto(answer, took_ms=1000 * took_s)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        index_rows, items, space = await asyncio.to_thread(self.status)
        return pb.GetStatusResponse(index_rows=index_rows, items=items, encoder_space=space)
