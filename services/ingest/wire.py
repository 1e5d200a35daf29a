"""Between messages and what ingest thinks in: requests, answers, and the events that it publishes and reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

from google.protobuf.message import DecodeError

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import events_pb2 as embed_events_pb2
from nungil.api.ingest.v1 import events_pb2, ingest_pb2, items_pb2
from nungil.event_log import topics
from nungil.event_log.port import NewRecord, Record
from nungil.object_store.keys import rendition_key
from nungil.pictures.features import Features
from nungil.pictures.naming import name_to_proto, named_colours, named_labels, named_regions
from nungil.runtime import tracing
from nungil.runtime.errors import Rejected
from nungil.runtime.ids import new_event_id
from nungil.taxonomy.taxonomy import Name, load_taxonomy
from services.ingest.catalogue import PRODUCT, Item, Offer
from services.ingest.core import Caller, Media, Upload, check_caller
from services.ingest.feed import Progress, Refused, Terms

UPLOADED = events_pb2.MediaChanged.CHANGE_UPLOADED
REMOVED = events_pb2.MediaChanged.CHANGE_DELETED
Embedded = embed_events_pb2.MediaEmbedded


def caller_of(message: common_pb2.Caller) -> Caller:
    """Raises NobodyAsks."""
    return check_caller(message.tenant, message.person_id)


def upload_of(header: ingest_pb2.PutMediaRequest.Header, data: bytes) -> Upload:
    """What is unspecified becomes personal, and an upload."""
    return Upload(
        data,
        purpose=header.purpose or common_pb2.PURPOSE_PERSONAL,
        source=header.source or common_pb2.SOURCE_UPLOAD,
        source_url=header.source_url,
        file_name=header.file_name,
        keep_taken_on=header.keep_taken_on,
    )


def media_message(media: Media, features: Features | None = None) -> ingest_pb2.Media:
    """A picture, with what was found in it where `features` are given."""
    message = ingest_pb2.Media(
        media_id=media.media_id,
        state=media.state,  # type: ignore[arg-type]  # kept as the number
        reason=media.reason,
        purpose=media.purpose,  # type: ignore[arg-type]
        source=media.source,  # type: ignore[arg-type]
        source_url=media.source_url,
        file_name=media.file_name,
        taken_on=media.taken_on,
        width_px=media.width_px,
        height_px=media.height_px,
        created_at_ms=media.created_at_ms,
        expires_at_ms=media.expires_at_ms or 0,
    )
    if features is not None:
        taxonomy = load_taxonomy()
        message.regions.extend(named_regions(features, taxonomy))
        message.labels.extend(named_labels(features.labels, taxonomy))
        message.colours.extend(named_colours(features, taxonomy))
    return message


def item_of(message: items_pb2.Item) -> Item:
    """As sent, unchecked. When it first came is not the caller's to say."""
    return Item(
        item_id=message.item_id,
        media_ids=tuple(message.media_ids),
        title=Name(ko=message.title.ko, en=message.title.en),
        brand=message.brand,
        category=message.category,
        offers=tuple(
            Offer(**{field.name: getattr(offer, field.name) for field in fields(Offer)}) for offer in message.offers
        ),
        aliases=tuple(message.aliases),
        kind=message.kind or PRODUCT,
    )


def item_message(item: Item) -> items_pb2.Item:
    """An item."""
    return items_pb2.Item(
        item_id=item.item_id,
        media_ids=item.media_ids,
        title=name_to_proto(item.title),
        brand=item.brand,
        category=item.category,
        offers=[items_pb2.Offer(**asdict(offer)) for offer in item.offers],
        created_at_ms=item.created_at_ms,
        aliases=item.aliases,
        kind=items_pb2.ItemKind.ValueType(item.kind),
    )


def terms_of(message: ingest_pb2.FeedTerms) -> Terms:
    """How a feed is to be taken."""
    return Terms(
        format=message.format or ingest_pb2.FEED_FORMAT_CSV,
        full=message.full,
        force=message.force,
        shop=message.shop.strip(),
        market=message.market,
    )


def import_message(progress: Progress, refused: Sequence[Refused]) -> ingest_pb2.Import:
    """An import so far."""
    return ingest_pb2.Import(
        import_id=progress.import_id,
        done=progress.done,
        rows=progress.rows,
        accepted=progress.accepted,
        items=progress.items_put,
        retired=progress.retired,
        rejected=[ingest_pb2.RejectedRow(line=row.line, reason=row.reason) for row in refused],
    )


def media_changed(
    media: Media,
    change: events_pb2.MediaChanged.Change.ValueType,
    *,
    version: int,
    now_ms: int,
    owner_erased: bool = False,
) -> NewRecord:
    """Ids and keys alone: neither file name nor address on the web."""
    event = events_pb2.MediaChanged(
        event_id=new_event_id(),
        tenant=media.tenant,
        media_id=media.media_id,
        change=change,
        version=version,
        owner=media.owner,
        purpose=media.purpose,  # type: ignore[arg-type]
        source=media.source,  # type: ignore[arg-type]
        object_key=rendition_key(media.tenant, media.media_id) if change == UPLOADED else "",
        occurred_at_ms=now_ms,
        owner_erased=owner_erased,
    )
    return NewRecord(topics.MEDIA_CHANGED, media.media_id, event.SerializeToString(), _headers("MediaChanged"))


def item_changed(tenant: str, item: Item, *, now_ms: int) -> NewRecord:
    """The whole item: readers keep a copy."""
    event = events_pb2.ItemChanged(
        event_id=new_event_id(), tenant=tenant, item=item_message(item), occurred_at_ms=now_ms
    )
    return NewRecord(
        topics.ITEM_CHANGED, f"{tenant}/{item.item_id}", event.SerializeToString(), _headers("ItemChanged")
    )


def item_gone(tenant: str, item_id: str) -> NewRecord:
    """The tombstone."""
    return NewRecord(topics.ITEM_CHANGED, f"{tenant}/{item_id}", None, _headers("ItemChanged"))


def embedded_of(record: Record) -> Embedded:
    """What embed says of a picture. Raises Rejected for a record that says nothing that we understand."""
    try:
        event = Embedded.FromString(record.value or b"")
    except DecodeError as error:
        raise Rejected(f"this is no MediaEmbedded: {error}") from error
    if not (event.tenant and event.media_id) or event.outcome not in (
        Embedded.OUTCOME_EMBEDDED,
        Embedded.OUTCOME_REJECTED,
        Embedded.OUTCOME_REMOVED,
    ):
        raise Rejected(f"this MediaEmbedded lacks a tenant, a media_id or an outcome that we know: {event.outcome}")
    return event


def _headers(event: str) -> dict[str, str]:
    return tracing.inject() | {"event": event}
