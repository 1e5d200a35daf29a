"""Messages to ours, and back."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import embed_pb2
from nungil.api.embed.v1.events_pb2 import MediaEmbedded, MediaEncoded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.encoder.port import Vectors
from nungil.event_log import topics
from nungil.event_log.port import NewRecord, Record
from nungil.pictures.features import Features
from nungil.pictures.naming import named_colours, named_labels, named_regions
from nungil.runtime import tracing
from nungil.runtime.ids import new_event_id
from nungil.runtime.tracing import Span
from nungil.taxonomy.taxonomy import Taxonomy
from services.embed.core import Picture
from services.embed.errors import UnreadableEvent


@dataclass(frozen=True, slots=True)
class Change:
    """One media.changed. span: of all that is done about it. owner_erased: all of the owner goes, this picture with it."""

    picture: Picture
    deleted: bool
    object_key: str
    purpose: common_pb2.Purpose.ValueType
    source: common_pb2.Source.ValueType
    span: Span
    owner_erased: bool = False


def change_of(record: Record) -> Change:
    """Raises UnreadableEvent."""
    try:
        event = MediaChanged.FromString(record.value or b"")
    except DecodeError as error:
        raise UnreadableEvent(f"no MediaChanged: {error}") from error
    if not (event.tenant and event.media_id and event.owner and event.version > 0):
        raise UnreadableEvent("a MediaChanged without tenant, media_id, owner or version")
    if event.change not in (MediaChanged.CHANGE_UPLOADED, MediaChanged.CHANGE_DELETED):
        raise UnreadableEvent(f"a MediaChanged of the unknown kind {event.change}")
    return Change(
        Picture(event.tenant, event.media_id, event.owner, event.version),
        deleted=event.change == MediaChanged.CHANGE_DELETED,
        object_key=event.object_key,
        purpose=event.purpose,
        source=event.source,
        span=tracing.begin(
            "embed",
            record.headers,
            media_id=event.media_id,
            version=event.version,
            appended_at_ms=record.appended_at_ms,
        ),
        owner_erased=event.owner_erased,
    )


def embedded(change: Change, features: Features, features_key: str, now_ms: int) -> NewRecord:
    """The picture can be found."""
    event = _answer(change, MediaEmbedded.OUTCOME_EMBEDDED, now_ms)
    event.encoder_space = features.encoder_space
    event.features_key = features_key
    event.regions = len(features.regions)
    return _record(change, event)


def encoded_note(features: Features, features_key: str, now_ms: int) -> NewRecord:
    """Features are stored, rows are on their way."""
    event = MediaEncoded(
        event_id=new_event_id(),
        tenant=features.tenant,
        media_id=features.media_id,
        version=features.version,
        encoder_space=features.encoder_space,
        features_key=features_key,
        occurred_at_ms=now_ms,
    )
    return NewRecord(topics.MEDIA_ENCODED, event.media_id, event.SerializeToString(), {"event": "MediaEncoded"})


def embedded_too(features: Features, features_key: str, now_ms: int) -> NewRecord:
    """The picture can be found in one more space. It is no news of an upload, so it says nothing of purpose and source."""
    event = MediaEmbedded(
        event_id=new_event_id(),
        tenant=features.tenant,
        media_id=features.media_id,
        version=features.version,
        outcome=MediaEmbedded.OUTCOME_EMBEDDED,
        owner=features.owner,
        encoder_space=features.encoder_space,
        features_key=features_key,
        regions=len(features.regions),
        occurred_at_ms=now_ms,
    )
    return NewRecord(topics.MEDIA_EMBEDDED, event.media_id, event.SerializeToString(), {"event": "MediaEmbedded"})


def rejected(change: Change, reason: str, now_ms: int) -> NewRecord:
    """The picture will never be found, and why."""
    event = _answer(change, MediaEmbedded.OUTCOME_REJECTED, now_ms)
    event.reason = reason
    return _record(change, event)


def removed(change: Change, now_ms: int) -> NewRecord:
    """Rows and features are gone."""
    return _record(change, _answer(change, MediaEmbedded.OUTCOME_REMOVED, now_ms))


def encoded(features: Features, taxonomy: Taxonomy) -> embed_pb2.EncodePictureResponse:
    """What was found, with its names."""
    return embed_pb2.EncodePictureResponse(
        regions=named_regions(features, taxonomy),
        labels=named_labels(features.labels, taxonomy),
        colours=named_colours(features, taxonomy),
    )


def encoded_texts(space: str, vectors: Vectors) -> embed_pb2.EncodeTextResponse:
    """vectors: float32 [n, dim]."""
    return embed_pb2.EncodeTextResponse(encoder_space=space, vectors=[row.tobytes() for row in vectors.astype("<f4")])


def _answer(change: Change, outcome: MediaEmbedded.Outcome.ValueType, now_ms: int) -> MediaEmbedded:
    picture = change.picture
    return MediaEmbedded(
        event_id=new_event_id(),
        tenant=picture.tenant,
        media_id=picture.media_id,
        version=picture.version,
        outcome=outcome,
        owner=picture.owner,
        purpose=change.purpose,
        source=change.source,
        occurred_at_ms=now_ms,
    )


def _record(change: Change, event: MediaEmbedded) -> NewRecord:
    headers = {**change.span.headers(), "event": "MediaEmbedded"}
    return NewRecord(topics.MEDIA_EMBEDDED, event.media_id, event.SerializeToString(), headers)
