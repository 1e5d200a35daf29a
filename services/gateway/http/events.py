"""Progress: /v1/events, server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from nungil.api.ingest.v1 import ingest_pb2
from nungil.runtime.errors import DependencyAway, NotFound
from services.gateway.core import Who
from services.gateway.handlers.peers import ask
from services.gateway.http.parts import Parts
from services.gateway.http.route import Caller, GuardedRoute, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.pictures import state_of
from services.gateway.wire.progress import StateChange

_STILL_HERE = b": still here\n\n"

router = APIRouter(prefix="/v1", tags=["progress"], route_class=GuardedRoute)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {}},
            "description": "`event: media` with media_id, state, reason; `event: watch` with watch_id, item_id, media_id, score",
        }
    },
)
async def follow_states(
    who: Caller,
    parts: Wired,
    media_id: Annotated[
        str | None, Query(max_length=100, description="one picture only; its state comes first")
    ] = None,
) -> StreamingResponse:
    """The states that pictures of one's own and of the catalogue come to, and what is found for one's own watches, from now on,
    until the client leaves. What was missed is in the pictures and watches themselves."""
    stream = _stream(who, parts, media_id)
    first = await anext(stream)  # so that an unknown picture is a 404, not an empty stream

    async def body() -> AsyncIterator[bytes]:
        async with aclosing(stream):
            yield first
            async for part in stream:
                yield part

    return StreamingResponse(body(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _stream(who: Who, parts: Parts, media_id: str | None) -> AsyncGenerator[bytes, None]:
    with parts.progress.follow(who, media_id) as changes:  # before the state is asked for: nothing falls between
        yield b"retry: 2000\n\n" + (await _present_state(who, parts, media_id) if media_id else b"")
        while True:
            try:
                change = await asyncio.wait_for(changes.get(), parts.settings.keep_alive_s)
            except TimeoutError:
                try:
                    yield await _present_state(who, parts, media_id) if media_id else _STILL_HERE
                except NotFound:
                    return
                except DependencyAway:
                    yield _STILL_HERE
                continue
            if change is None:
                return
            yield change.as_event()


async def _present_state(who: Who, parts: Parts, media_id: str) -> bytes:
    request = ingest_pb2.GetMediaRequest(caller=caller(who), media_id=media_id)
    media = (await ask(parts.peers.ingest.GetMedia, request, timeout_s=parts.settings.call_timeout_s)).media
    told = StateChange(who.tenant, who.person_id, media_id, state_of(media.state), media.reason)
    latest = parts.progress.latest.get(media_id, told)
    return (latest if told.state == "accepted" else told).as_event()
