"""Events: what is read of the log, and what is told on it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from google.protobuf.message import DecodeError, Message

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1 import profile_pb2
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.event_log import topics
from nungil.event_log.port import NewRecord, Record
from nungil.pictures.boxes import WHOLE, clip
from nungil.pictures.features import box_from_proto
from nungil.runtime import tracing
from nungil.runtime.ids import ID
from services.profile.core import CORRECTIONS, Activity, Entry
from services.profile.errors import InvalidActivity, InvalidMediaEvent

_UPLOADS = uuid.UUID("b9a3c1de-6a2f-5c1e-9d50-4c2f6f0f7a11")  # the namespace of the event ids of uploads


def activity_of(record: Record) -> Activity:
    """Raises InvalidActivity or InvalidBox for what no fold could ever use."""
    event = UserActivity()
    _parse(event, record, InvalidActivity)
    corrects = event.kind in CORRECTIONS
    for name in ("event_id", "tenant", "person_id", "interest_id" if corrects else "media_id"):
        if not ID.fullmatch(getattr(event, name)):
            raise InvalidActivity(f"{name} is missing or no id: {getattr(event, name)[:40]!r}")
    known = profile_pb2.ActivityKind.values()
    if event.kind == profile_pb2.ACTIVITY_KIND_UNSPECIFIED or event.kind not in known:
        raise InvalidActivity(f"nothing was done: kind is {event.kind}")
    if event.occurred_at_ms <= 0:
        raise InvalidActivity(f"occurred_at_ms is {event.occurred_at_ms}")
    if corrects:
        return Activity(
            event.event_id,
            event.tenant,
            event.person_id,
            int(event.kind),
            "",
            None,
            event.occurred_at_ms,
            event.interest_id,
        )
    box = clip(box_from_proto(event.box))[0] if event.HasField("box") else None
    if box == WHOLE:
        box = None
    result = event.result_media_id
    if result and (event.kind != profile_pb2.ACTIVITY_KIND_TRIED or not ID.fullmatch(result)):
        raise InvalidActivity(f"result_media_id is no id, or nothing was tried: {result[:40]!r}")
    return Activity(
        event.event_id,
        event.tenant,
        event.person_id,
        int(event.kind),
        event.media_id,
        box,
        event.occurred_at_ms,
        result_media_id=result,
    )


def media_embedded_of(record: Record) -> MediaEmbedded:
    """Raises InvalidMediaEvent."""
    event = MediaEmbedded()
    _parse(event, record, InvalidMediaEvent)
    _check_picture(event.tenant, event.media_id)
    return event


def media_changed_of(record: Record) -> MediaChanged:
    """Raises InvalidMediaEvent."""
    event = MediaChanged()
    _parse(event, record, InvalidMediaEvent)
    _check_picture(event.tenant, event.media_id)
    return event


def uploaded(event: MediaEmbedded, trace: Mapping[str, str]) -> NewRecord:
    """The activity of an upload. A picture is uploaded once, so its event id and time follow from its media id:
    delivered again, or embedded again, it is the same event. trace: the headers of the span that tells."""
    activity = UserActivity(
        event_id=str(uuid.uuid5(_UPLOADS, f"{event.tenant}/{event.media_id}")),
        tenant=event.tenant,
        person_id=event.owner,
        kind=profile_pb2.ACTIVITY_KIND_UPLOADED,
        media_id=event.media_id,
        occurred_at_ms=_uploaded_at_ms(event),
    )
    headers = {**trace, "event": "UserActivity"}
    return NewRecord(topics.USER_ACTIVITY, event.owner, activity.SerializeToString(), headers)


def corrected(tenant: str, person_id: str, entry: Entry) -> NewRecord:
    """The activity of a correction: its interest, never the text of a name."""
    activity = UserActivity(
        event_id=entry.event_id,
        tenant=tenant,
        person_id=person_id,
        kind=profile_pb2.ActivityKind.ValueType(entry.kind),
        interest_id=entry.interest,
        occurred_at_ms=entry.occurred_at_ms,
    )
    headers = tracing.inject() | {"event": "UserActivity"}
    return NewRecord(topics.USER_ACTIVITY, person_id, activity.SerializeToString(), headers)


def _uploaded_at_ms(event: MediaEmbedded) -> int:
    """Media ids are UUIDv7 (RFC 9562): their first 48 bits are the time of the upload."""
    try:
        media_id = uuid.UUID(event.media_id)
    except ValueError:
        return event.occurred_at_ms
    return media_id.int >> 80 if media_id.version == 7 else event.occurred_at_ms


def _parse(event: Message, record: Record, error_of: type[InvalidActivity] | type[InvalidMediaEvent]) -> None:
    if record.value is None:
        raise error_of("the record is empty")
    try:
        event.ParseFromString(record.value)
    except DecodeError as error:
        raise error_of(f"its bytes are no {type(event).__name__}: {error}") from error


def _check_picture(tenant: str, media_id: str) -> None:
    if not ID.fullmatch(tenant) or not ID.fullmatch(media_id):
        raise InvalidMediaEvent("tenant or media_id is missing or no id")
