"""Noting what a person did with a picture."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from nungil.api.common.v1.common_pb2 import PURPOSE_PERSONAL, PURPOSE_SEARCH, Purpose
from nungil.api.ingest.v1 import ingest_pb2
from nungil.api.profile.v1 import tried_pb2
from nungil.event_log.port import EventLog, NewRecord
from nungil.event_log.topics import USER_ACTIVITY
from nungil.pictures.boxes import Box, clip
from nungil.runtime import tracing
from nungil.runtime.clock import Clock
from services.gateway.core import Who
from services.gateway.errors import NotOwnPicture, PictureNotKept
from services.gateway.handlers.peers import Peers, ask
from services.gateway.wire.common import BoxModel, caller
from services.gateway.wire.people import ActivityModel


@dataclass(frozen=True)
class NoteActivity:
    """Publishes user.activity, for a picture that the person can see. What was tried is kept by profile first, with its note."""

    peers: Peers
    log: EventLog
    clock: Clock
    timeout_s: float

    async def __call__(self, who: Who, activity: ActivityModel, *, event_id: str) -> None:
        """Returns once the event is durable. Raises NotFound for a picture that is not theirs to see, InvalidBox.

        Where something was tried also PictureNotKept and NotOwnPicture, and what profile refuses of a note.
        """
        box = activity.box and clip(Box(activity.box.x, activity.box.y, activity.box.width, activity.box.height))[0]
        purpose = await self._purpose_of(who, activity.media_id)
        if activity.kind == "tried":
            await self._keep_tried(who, activity, purpose, event_id=event_id)
        within = box and BoxModel(x=box.x, y=box.y, width=box.width, height=box.height)
        event = activity.model_copy(update={"box": within}).proto(who, event_id=event_id, now_ms=self.clock())
        headers = tracing.inject() | {"event": "UserActivity"}
        record = NewRecord(USER_ACTIVITY, who.person_id, event.SerializeToString(), headers)
        await asyncio.to_thread(self.log.append, [record])

    async def _purpose_of(self, who: Who, media_id: str) -> Purpose.ValueType:
        request = ingest_pb2.GetMediaRequest(caller=caller(who), media_id=media_id)
        answer = await ask(self.peers.ingest.GetMedia, request, timeout_s=self.timeout_s)
        purpose: Purpose.ValueType = answer.media.purpose
        return purpose

    async def _keep_tried(
        self, who: Who, activity: ActivityModel, purpose: Purpose.ValueType, *, event_id: str
    ) -> None:
        """purpose: of the picture of what was tried. Before the event: sent again with the same event_id, it is one."""
        if purpose == PURPOSE_SEARCH:
            raise PictureNotKept
        made = activity.made_media_id or ""
        if made and await self._purpose_of(who, made) != PURPOSE_PERSONAL:
            raise NotOwnPicture
        request = tried_pb2.KeepTriedRequest(
            caller=caller(who),
            event_id=event_id,
            media_id=activity.media_id,
            made_media_id=made,
            note=activity.note or "",
        )
        await ask(self.peers.tried.KeepTried, request, timeout_s=self.timeout_s)
