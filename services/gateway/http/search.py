"""Search: /v1/search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header

from services.gateway.core import event_id_of
from services.gateway.handlers.search import SearchByCrop
from services.gateway.http.route import Caller, GuardedRoute, Wired
from services.gateway.wire.search import FoundModel, SearchModel

router = APIRouter(prefix="/v1", tags=["search"], route_class=GuardedRoute)


@router.post("/search")
async def search(
    who: Caller,
    parts: Wired,
    query: SearchModel,
    idempotency_key: Annotated[str | None, Header(description="sent again with the same key, it counts once")] = None,
) -> FoundModel:
    """Things that look like a part of a picture: one's own and the catalogue's, best first."""
    event_id = event_id_of(who, idempotency_key) if idempotency_key else ""
    answer = await SearchByCrop(parts.peers, parts.settings.call_timeout_s)(query.proto(who, event_id=event_id))
    names = await parts.file_names(who, (hit.media_id for hit in answer.hits))
    return FoundModel.of(answer, names)
