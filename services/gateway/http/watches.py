"""Watches: /v1/me/watches, and for the shop what nobody has found, /v1/unmet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from nungil.api.profile.v1 import profile_pb2
from nungil.runtime.errors import NotFound
from services.gateway.handlers.peers import ask
from services.gateway.http.route import GuardedRoute, Merchant, Person, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.watches import UnmetModel, WatchesModel, WatchGivenModel, WatchKeptModel

router = APIRouter(prefix="/v1", route_class=GuardedRoute)


@router.post(
    "/me/watches",
    tags=["a person"],
    status_code=201,
    responses={200: {"model": WatchKeptModel, "description": "this crop was watched already, under these conditions"}},
)
async def create_watch(who: Person, parts: Wired, watch: WatchGivenModel, response: Response) -> WatchKeptModel:
    """Keeps a crop until something that looks like it can be bought: told by `/v1/events` as `watch`, and listed with the watch."""
    request = watch.proto(who)
    try:
        answer = await ask(parts.peers.profile.CreateWatch, request, timeout_s=parts.settings.call_timeout_s)
    except NotFound:
        await parts.search.check_on_its_way(request.caller, request.media_id)
        raise
    response.status_code = 201 if answer.created else 200
    return WatchKeptModel.kept(answer)


@router.get("/me/watches", tags=["a person"])
async def list_watches(who: Person, parts: Wired) -> WatchesModel:
    """What the person waits for, and what was found."""
    request = profile_pb2.ListWatchesRequest(caller=caller(who))
    return WatchesModel.of(await ask(parts.peers.profile.ListWatches, request, timeout_s=parts.settings.call_timeout_s))


@router.delete("/me/watches/{watch_id}", tags=["a person"], status_code=204, response_class=Response)
async def delete_watch(who: Person, parts: Wired, watch_id: str) -> Response:
    """Ends a watch. Deleting its picture ends it too."""
    request = profile_pb2.DeleteWatchRequest(caller=caller(who), watch_id=watch_id)
    await ask(parts.peers.profile.DeleteWatch, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.get("/unmet", tags=["catalogue"])
async def list_unmet(who: Merchant, parts: Wired, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> UnmetModel:
    """What people wait for and nothing was found for, by what their crops show: a list of what to source. Counts alone:
    it names nobody, shows no picture, and leaves out what fewer people wait for than whoever runs the system has set."""
    request = profile_pb2.ListUnmetRequest(caller=caller(who), limit=limit)
    return UnmetModel.of(await ask(parts.peers.profile.ListUnmet, request, timeout_s=parts.settings.call_timeout_s))
