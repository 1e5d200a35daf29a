"""Search: /v1/search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header

from services.gateway.core import event_id_of
from services.gateway.http.route import Caller, GuardedRoute, Wired
from services.gateway.wire.search import FoundModel, FoundOfRegionsModel, SearchModel

router = APIRouter(prefix="/v1", tags=["search"], route_class=GuardedRoute)


@router.post("/search")
async def search(
    who: Caller,
    parts: Wired,
    query: SearchModel,
    idempotency_key: Annotated[str | None, Header(description="sent again with the same key, it counts once")] = None,
) -> FoundModel | FoundOfRegionsModel:
    """Things that look like a picture or a part of it, that are what words say, or both: one's own and the catalogue's.

    With `regions: "all"` every region of the picture is answered at once, in another form.
    """
    if query.regions is not None:
        scene = await parts.search.by_regions(query.regions_proto(who))
        names = await parts.file_names(who, (hit.media_id for one in scene.regions for hit in one.hits))
        return FoundOfRegionsModel.of(scene, names)
    event_id = event_id_of(who, idempotency_key) if idempotency_key else ""
    answer = await parts.search.by_crop(query.proto(who, event_id=event_id))
    names = await parts.file_names(who, (hit.media_id for hit in answer.hits))
    return FoundModel.of(answer, names, of_picture=bool(query.media_id))
