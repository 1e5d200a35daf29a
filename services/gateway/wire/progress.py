"""The states of pictures, read from the events and shown as server-sent events."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nungil.api.embed.v1 import events_pb2 as embed_events
from nungil.api.ingest.v1 import events_pb2 as ingest_events
from nungil.event_log.port import Record
from nungil.event_log.topics import MEDIA_CHANGED, MEDIA_EMBEDDED
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

    def as_event(self) -> bytes:
        """One server-sent event."""
        data = {"media_id": self.media_id, "state": self.state, "reason": self.reason or None}
        return b"event: media\ndata: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


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
