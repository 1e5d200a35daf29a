"""Searching with a stored picture, and saying why one cannot be searched with yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from nungil.api.common.v1 import common_pb2
from nungil.api.ingest.v1 import ingest_pb2
from nungil.api.search.v1 import search_pb2
from nungil.runtime.errors import NotFound
from services.gateway.errors import PictureNotReady
from services.gateway.handlers.peers import Peers, ask

_WHY = {
    ingest_pb2.MEDIA_STATE_ACCEPTED: "is not searchable yet: retry when its state is searchable",
    ingest_pb2.MEDIA_STATE_REJECTED: "was rejected and will never be searchable",
}
Request = TypeVar("Request", search_pb2.SearchByCropRequest, search_pb2.SearchByRegionsRequest)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Search:
    """Search knows only what was embedded; ingest knows what was accepted. Asked only where search knows nothing."""

    peers: Peers
    timeout_s: float

    async def by_crop(self, request: search_pb2.SearchByCropRequest) -> search_pb2.SearchByCropResponse:
        """Raises what search raises, and PictureNotReady for a picture of the caller's that is on its way."""
        return await self._asked(self.peers.search.SearchByCrop, request)

    async def by_regions(self, request: search_pb2.SearchByRegionsRequest) -> search_pb2.SearchByRegionsResponse:
        """Every region of the picture. Raises as `by_crop`."""
        return await self._asked(self.peers.search.SearchByRegions, request)

    async def _asked(self, rpc: Callable[..., Awaitable[Answer]], request: Request) -> Answer:
        try:
            return await ask(rpc, request, timeout_s=self.timeout_s)
        except NotFound:
            if request.media_id:
                await self.check_on_its_way(request.caller, request.media_id)
            raise

    async def check_on_its_way(self, caller: common_pb2.Caller, media_id: str) -> None:
        """For a picture that search does not know. Raises PictureNotReady, and NotFound where nobody knows it."""
        about = ingest_pb2.GetMediaRequest(caller=caller, media_id=media_id)
        told = await ask(self.peers.ingest.GetMedia, about, timeout_s=self.timeout_s)
        if why := _WHY.get(told.media.state):
            raise PictureNotReady(f"picture {media_id} {why}")
