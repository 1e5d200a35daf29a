"""Messages to and from what search speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1.events_pb2 import MediaEmbedded, MediaEncoded
from nungil.api.ingest.v1 import items_pb2
from nungil.api.ingest.v1.events_pb2 import ItemChanged, MediaChanged
from nungil.api.profile.v1 import profile_pb2
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.api.search.v1 import search_pb2 as pb
from nungil.event_log import topics
from nungil.event_log.port import NewRecord, Record
from nungil.pictures.boxes import Box
from nungil.pictures.features import box_from_proto, box_to_proto
from nungil.runtime import tracing
from services.search import tags_wire
from services.search.core import CropQuery, Filters, ItemRow, OfferRow, Sort, Tag, checked_filters, checked_limit
from services.search.errors import InvalidItem, InvalidPicture, InvalidQuery

_SORTS = {pb.SORT_UNSPECIFIED: Sort.LIKENESS, pb.SORT_PRICE: Sort.PRICE, pb.SORT_NEWEST: Sort.NEWEST}


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer. box: the part that matched best. item: with the offers that pass, or None. same: likely the same kind of thing."""

    media_id: str
    score: float
    region: int
    box: Box
    item: ItemRow | None
    same: bool = False


@dataclass(frozen=True, slots=True)
class Understood:
    """How words were read. filters: those given, and what words asked for; narrow, exclude: what words named. rest: what was looked for
    in titles. ranked: the items that say it, best first; None where nothing was left to look for. look: its vector, float32 [dim], by
    the encoder's text tower, None where that was not asked; away: it should have been, and did not answer."""

    filters: Filters
    narrow: tuple[Tag, ...]
    exclude: tuple[Tag, ...]
    rest: str
    ranked: Sequence[str] | None
    look: NDArray[np.float32] | None = field(default=None, compare=False)
    away: bool = False


@dataclass(frozen=True, slots=True)
class Chips:
    """Tags, each with how many of the `counted` results have it."""

    chips: Sequence[tuple[Tag, int]]
    counted: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of hits. box: what was searched with. partial: as `FoundRows`. understood: where there were words; chips: where asked for."""

    matched: bool
    hits: Sequence[Hit]
    box: Box
    clipped: bool
    next_cursor: str
    partial: bool = False
    understood: Understood | None = None
    chips: Chips | None = None


def query_of(request: pb.SearchByCropRequest) -> CropQuery:
    """Raises InvalidQuery, UnknownMarket or UnknownCurrency."""
    part = request.WhichOneof("part")
    given = request.filters
    return CropQuery(
        tenant=request.caller.tenant,
        person_id=request.caller.person_id,
        media_id=request.media_id,
        part=box_from_proto(request.box) if part == "box" else request.region if part == "region" else None,
        filters=filters_of(given),
        limit=checked_limit(request.limit),
        cursor=request.cursor,
        record=request.record,
        event_id=request.event_id,
        text=tags_wire.checked_text(request.text),
        narrow=tags_wire.tags_of_chips(request.narrow),
        exclude=tags_wire.tags_of_chips(request.exclude),
        want_chips=request.want_chips,
        sort=sort_of(request.sort),
    )


def filters_of(given: pb.Filters) -> Filters:
    """Raises InvalidQuery, UnknownMarket or UnknownCurrency."""
    said = {name: getattr(given, name) for name in Filters.__slots__}
    return checked_filters(Filters(**{**said, "kinds": tuple(sorted(set(given.kinds)))}))


def sort_of(sort: pb.Sort.ValueType) -> Sort:
    """Raises InvalidQuery for one that is none."""
    if sort not in _SORTS:
        raise InvalidQuery(f"results cannot be sorted by {sort}: 0 is by likeness, 1 by price, 2 by age")
    return _SORTS[sort]


def answer_to_proto(answer: Answer, took_ms: float) -> pb.SearchByCropResponse:
    return pb.SearchByCropResponse(
        matched=answer.matched,
        hits=[hit_to_proto(hit) for hit in answer.hits],
        box=box_to_proto(answer.box),
        clipped=answer.clipped,
        next_cursor=answer.next_cursor,
        partial=answer.partial,
        took_ms=took_ms,
        understood=None if answer.understood is None else understood_to_proto(answer.understood),
        chips=chips_to_proto(answer.chips),
        counted=0 if answer.chips is None else answer.chips.counted,
    )


def chips_to_proto(chips: Chips | None) -> list[pb.Chip]:
    return [] if chips is None else [tags_wire.chip_to_proto(tag, count) for tag, count in chips.chips]


def understood_to_proto(understood: Understood) -> pb.Understood:
    return pb.Understood(
        filters=pb.Filters(**{name: getattr(understood.filters, name) for name in Filters.__slots__}),
        narrow=[tags_wire.chip_to_proto(tag) for tag in understood.narrow],
        exclude=[tags_wire.chip_to_proto(tag) for tag in understood.exclude],
        rest=understood.rest,
        by_look=understood.look is not None,
    )


def hit_to_proto(hit: Hit) -> pb.Hit:
    return pb.Hit(
        media_id=hit.media_id,
        score=hit.score,
        region=hit.region,
        box=box_to_proto(hit.box),
        item=None if hit.item is None else item_to_proto(hit.item),
        same=hit.same,
    )


def item_of(record: Record) -> tuple[str, str, ItemRow | None]:
    """Tenant, item id and the item, None where it was deleted. Raises InvalidItem."""
    tenant, slash, item_id = record.key.partition("/")
    if not (tenant and slash and item_id):
        raise InvalidItem(f"the key {record.key!r} is not <tenant>/<item_id>")
    if record.value is None:
        return tenant, item_id, None
    try:
        event = ItemChanged.FromString(record.value)
    except DecodeError as error:
        raise InvalidItem(f"no ItemChanged: {error}") from error
    if (event.tenant, event.item.item_id) != (tenant, item_id):
        raise InvalidItem(f"the key {record.key!r} and the event name different items")
    item = event.item
    offers = tuple(OfferRow(**{name: getattr(offer, name) for name in OfferRow.__slots__}) for offer in item.offers)
    row = ItemRow(
        tenant,
        item_id,
        item.title.ko,
        item.title.en,
        item.brand,
        item.category,
        tuple(item.media_ids),
        offers,
        item.created_at_ms,
        tuple(item.aliases),
        item.kind or items_pb2.ITEM_KIND_PRODUCT,
    )
    return tenant, item_id, row


def deleted_picture(record: Record) -> MediaChanged | None:
    """The deletion that this record of media.changed is, or None where it is none."""
    try:
        event = MediaChanged.FromString(record.value or b"")
    except DecodeError:
        return None  # embed, whose work it is, puts it away as a dead letter
    return event if event.change == MediaChanged.CHANGE_DELETED else None


def crop_searched(query: CropQuery, box: Box, *, event_id: str, now_ms: int) -> NewRecord:
    """The event that a person searched with a part of a picture."""
    event = UserActivity(
        event_id=event_id,
        tenant=query.tenant,
        person_id=query.person_id,
        kind=profile_pb2.ACTIVITY_KIND_CROP_SEARCHED,
        media_id=query.media_id,
        box=None if query.part is None else box_to_proto(box),
        occurred_at_ms=now_ms,
    )
    headers = {**tracing.inject(), "event": "UserActivity"}
    return NewRecord(topics.USER_ACTIVITY, query.person_id, event.SerializeToString(), headers)


def item_to_proto(item: ItemRow) -> items_pb2.Item:
    return items_pb2.Item(
        item_id=item.item_id,
        media_ids=item.media_ids,
        title=common_pb2.Name(ko=item.title_ko, en=item.title_en),
        brand=item.brand,
        category=item.category,
        offers=[
            items_pb2.Offer(**{name: getattr(offer, name) for name in OfferRow.__slots__}) for offer in item.offers
        ],
        created_at_ms=item.created_at_ms,
        aliases=item.aliases,
        kind=items_pb2.ItemKind.ValueType(item.kind),
    )


def embedded_picture(record: Record) -> MediaEmbedded:
    """What this record of media.embedded tells. Raises InvalidPicture."""
    try:
        event = MediaEmbedded.FromString(record.value or b"")
    except DecodeError as error:
        raise InvalidPicture(f"no MediaEmbedded: {error}") from error
    if not (event.tenant and event.media_id):
        raise InvalidPicture("a MediaEmbedded without tenant or media_id")
    return event


def tells_of(event: MediaEmbedded, space: str) -> bool:
    """Whether it says that a picture is to be found in this encoder space, or not any more."""
    if event.outcome == MediaEmbedded.OUTCOME_EMBEDDED:
        return event.encoder_space == space
    return event.outcome == MediaEmbedded.OUTCOME_REMOVED


def is_removal(event: MediaEmbedded) -> bool:
    """Whether rows and features are gone."""
    return event.outcome == MediaEmbedded.OUTCOME_REMOVED


def encoded_picture(record: Record) -> MediaEncoded | None:
    """What this record of media.encoded tells, or None where it tells nothing."""
    try:
        event = MediaEncoded.FromString(record.value or b"")
    except DecodeError:
        return None  # a note that cannot be read is a picture found a moment later
    return event if event.tenant and event.media_id else None
