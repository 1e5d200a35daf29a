"""Searching with a stored picture, and saying why one cannot be searched with yet."""

from __future__ import annotations

from dataclasses import dataclass

from nungil.api.ingest.v1 import ingest_pb2
from nungil.api.search.v1 import search_pb2
from nungil.runtime.errors import NotFound
from services.gateway.errors import PictureNotReady
from services.gateway.handlers.peers import Peers, ask

_WHY = {
    ingest_pb2.MEDIA_STATE_ACCEPTED: "is not searchable yet: retry when its state is searchable",
    ingest_pb2.MEDIA_STATE_REJECTED: "was rejected and will never be searchable",
}


@dataclass(frozen=True)
class SearchByCrop:
    """Search knows only what was embedded; ingest knows what was accepted. Asked only where search knows nothing."""

    peers: Peers
    timeout_s: float

    async def __call__(self, request: search_pb2.SearchByCropRequest) -> search_pb2.SearchByCropResponse:
        """Raises what search raises, and PictureNotReady for a picture of the caller's that is on its way."""
        try:
            answer: search_pb2.SearchByCropResponse = await ask(
                self.peers.search.SearchByCrop, request, timeout_s=self.timeout_s
            )
        except NotFound:
            await self._check_on_its_way(request)
            raise
        return answer

    async def _check_on_its_way(self, request: search_pb2.SearchByCropRequest) -> None:
        about = ingest_pb2.GetMediaRequest(caller=request.caller, media_id=request.media_id)
        told = await ask(self.peers.ingest.GetMedia, about, timeout_s=self.timeout_s)
        if why := _WHY.get(told.media.state):
            raise PictureNotReady(f"picture {request.media_id} {why}")
