"""Noting what a person did with a picture."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from nungil.api.ingest.v1 import ingest_pb2
from nungil.event_log.port import EventLog, NewRecord
from nungil.event_log.topics import USER_ACTIVITY
from nungil.pictures.boxes import Box, clip
from nungil.runtime import tracing
from nungil.runtime.clock import Clock
from services.gateway.core import Who
from services.gateway.handlers.peers import Peers, ask
from services.gateway.wire.common import BoxModel, caller
from services.gateway.wire.people import ActivityModel


@dataclass(frozen=True)
class NoteActivity:
    """Publishes user.activity, for a picture that the person can see."""

    peers: Peers
    log: EventLog
    clock: Clock
    timeout_s: float

    async def __call__(self, who: Who, activity: ActivityModel, *, event_id: str) -> None:
        """Returns once the event is durable. Raises NotFound for a picture that is not theirs to see, InvalidBox."""
        box = activity.box and clip(Box(activity.box.x, activity.box.y, activity.box.width, activity.box.height))[0]
        request = ingest_pb2.GetMediaRequest(caller=caller(who), media_id=activity.media_id)
        await ask(self.peers.ingest.GetMedia, request, timeout_s=self.timeout_s)
        within = box and BoxModel(x=box.x, y=box.y, width=box.width, height=box.height)
        event = activity.model_copy(update={"box": within}).proto(who, event_id=event_id, now_ms=self.clock())
        headers = tracing.inject() | {"event": "UserActivity"}
        record = NewRecord(USER_ACTIVITY, who.person_id, event.SerializeToString(), headers)
        await asyncio.to_thread(self.log.append, [record])
