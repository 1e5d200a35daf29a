"""Between messages and watches."""

from __future__ import annotations

import uuid

from google.protobuf.message import DecodeError

from nungil.api.profile.v1.events_pb2 import WatchChanged
from nungil.api.search.v1.events_pb2 import WatchMatched
from nungil.event_log import topics
from nungil.event_log.port import NewRecord, Record
from nungil.pictures.boxes import clip
from nungil.pictures.features import box_from_proto
from nungil.runtime import tracing
from services.search.core import Filters
from services.search.errors import InvalidWatch
from services.search.watches import Key, Watch, WatchMatch

_MATCHES = uuid.UUID("5b0a5a57-0f0e-5a0c-8c1e-6d617463683a")  # the namespace of the event ids of matches


def watch_of(record: Record) -> tuple[Key, Watch | None]:
    """Its key, and the watch; None where it has ended. Raises InvalidWatch or InvalidBox."""
    tenant, slash, watch_id = record.key.partition("/")
    if not (tenant and slash and watch_id):
        raise InvalidWatch(f"the key {record.key!r} is not <tenant>/<watch_id>")
    if record.value is None:
        return (tenant, watch_id), None
    try:
        event = WatchChanged.FromString(record.value)
    except DecodeError as error:
        raise InvalidWatch(f"no WatchChanged: {error}") from error
    if (event.tenant, event.watch.watch_id) != (tenant, watch_id) or not event.person_id:
        raise InvalidWatch(f"the key {record.key!r} and the event name different watches, or nobody")
    watch = event.watch
    filters = Filters(
        market=watch.market,
        in_stock=True,
        max_price_minor=watch.max_price_minor,
        currency=watch.currency,
        items_only=True,
    )
    box = clip(box_from_proto(watch.box))[0]
    return (tenant, watch_id), Watch(tenant, watch_id, event.person_id, watch.media_id, box, filters)


def watch_matched(match: WatchMatch, now_ms: int) -> NewRecord:
    """The event of a match. Its id follows from the watch and the item: told again, it is the same event."""
    watch = match.watch
    event = WatchMatched(
        event_id=str(uuid.uuid5(_MATCHES, f"{watch.tenant}/{watch.watch_id}/{match.item_id}")),
        tenant=watch.tenant,
        person_id=watch.person_id,
        watch_id=watch.watch_id,
        item_id=match.item_id,
        media_id=match.media_id,
        score=match.score,
        occurred_at_ms=now_ms,
    )
    headers = {**tracing.inject(), "event": "WatchMatched"}
    return NewRecord(topics.WATCH_MATCHED, watch.person_id, event.SerializeToString(), headers)
