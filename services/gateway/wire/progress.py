"""What is told as it happens, read from the events and shown as server-sent events: states of pictures, matches of watches."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nungil.api.embed.v1 import events_pb2 as embed_events
from nungil.api.ingest.v1 import events_pb2 as ingest_events
from nungil.api.search.v1 import events_pb2 as search_events
from nungil.event_log.port import Record
from nungil.event_log.topics import MEDIA_CHANGED, MEDIA_EMBEDDED, WATCH_MATCHED
from nungil.vector_index.port import CATALOGUE
from services.gateway.core import Who
from services.gateway.wire.pictures import StateWord

_CHANGES: dict[int, StateWord] = {
    ingest_events.MediaChanged.CHANGE_UPLOADED: "accepted",
    ingest_events.MediaChanged.CHANGE_DELETED: "deleted",
}
_OUTCOMES: dict[int, StateWord] = {
    embed_events.MediaEmbedded.OUTCOME_EMBEDDED: "searchable",
    embed_events.MediaEmbedded.OUTCOME_REJECTED: "rejected",
}


@dataclass(frozen=True, slots=True)
class StateChange:
    """A picture has come to a state."""

    tenant: str
    owner: str
    media_id: str
    state: StateWord
    reason: str = ""

    def is_for(self, who: Who, media_id: str | None) -> bool:
        """Whether `who` may see it and, where one picture was asked for, it is of that one."""
        mine = self.owner == CATALOGUE or (bool(who.person_id) and self.owner == who.person_id)
        return mine and self.tenant == who.tenant and media_id in (None, self.media_id)

    def as_event(self) -> bytes:
        """One server-sent event."""
        data = {"media_id": self.media_id, "state": self.state, "reason": self.reason or None}
        return b"event: media\ndata: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


@dataclass(frozen=True, slots=True)
class WatchMet:
    """Something that a person waits for can be bought."""

    tenant: str
    person_id: str
    watch_id: str
    item_id: str
    media_id: str
    score: float

    def is_for(self, who: Who, media_id: str | None) -> bool:
        """Whether `who` waits for it; it is no state of one picture."""
        return media_id is None and (self.tenant, self.person_id) == (who.tenant, who.person_id)

    def as_event(self) -> bytes:
        """One server-sent event."""
        data = {"watch_id": self.watch_id, "item_id": self.item_id, "media_id": self.media_id, "score": self.score}
        return b"event: watch\ndata: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


Told = StateChange | WatchMet


def told_of(record: Record) -> Told | None:
    """What a record tells; None where it tells nothing new. Raises DecodeError."""
    if record.topic != WATCH_MATCHED:
        return state_change_of(record)
    event = search_events.WatchMatched.FromString(record.value or b"")
    if not event.person_id or not event.watch_id:
        return None
    return WatchMet(event.tenant, event.person_id, event.watch_id, event.item_id, event.media_id, event.score)


def state_change_of(record: Record) -> StateChange | None:
    """What a record says of a picture's state; None where it says nothing new. Raises DecodeError."""
    if record.value is None:
        return None
    state: StateWord | None = None
    reason = ""
    event: ingest_events.MediaChanged | embed_events.MediaEmbedded
    if record.topic == MEDIA_CHANGED:
        event = ingest_events.MediaChanged.FromString(record.value)
        state = _CHANGES.get(event.change)
    elif record.topic == MEDIA_EMBEDDED:
        event = embed_events.MediaEmbedded.FromString(record.value)
        state, reason = _OUTCOMES.get(event.outcome), event.reason
    return StateChange(event.tenant, event.owner, event.media_id, state, reason) if state else None
