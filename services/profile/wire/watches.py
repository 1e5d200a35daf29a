"""Between messages and watches."""

from __future__ import annotations

import math
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from nungil.api.common.v1 import common_pb2
from nungil.api.profile.v1 import profile_pb2
from nungil.api.profile.v1.events_pb2 import WatchChanged
from nungil.api.search.v1.events_pb2 import WatchMatched
from nungil.event_log import topics
from nungil.event_log.port import NewRecord, Record
from nungil.pictures.features import FoundLabel, box_to_proto
from nungil.pictures.naming import named_labels
from nungil.runtime import ids, tracing
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.errors import InvalidMatch
from services.profile.watches import Crop, Unmet, Watch, WatchMatch


@dataclass(frozen=True, slots=True)
class Matched:
    """Something was found for a watch."""

    tenant: str
    person_id: str
    watch_id: str
    match: WatchMatch


def asked_of(request: profile_pb2.CreateWatchRequest) -> Crop:
    """What is asked for, unchecked and without its box."""
    return Crop(
        request.media_id,
        market=request.market,
        currency=request.currency,
        max_price_minor=request.max_price_minor,
    )


def watch_to_proto(watch: Watch) -> profile_pb2.Watch:
    """With its matches."""
    crop = watch.crop
    return profile_pb2.Watch(
        watch_id=watch.watch_id,
        media_id=crop.media_id,
        box=box_to_proto(crop.box),
        market=crop.market,
        currency=crop.currency,
        max_price_minor=crop.max_price_minor,
        created_at_ms=watch.created_at_ms,
        matches=[
            profile_pb2.WatchMatch(item_id=m.item_id, media_id=m.media_id, score=m.score, matched_at_ms=m.matched_at_ms)
            for m in watch.matches
        ],
    )


def unmet_to_proto(unmet: Unmet, taxonomy: Taxonomy) -> profile_pb2.ListUnmetResponse.Group:
    """A group with its label's names."""
    labels: list[common_pb2.Label] = []
    if unmet.label:
        labels = named_labels([FoundLabel(unmet.label, unmet.score)], taxonomy)
    return profile_pb2.ListUnmetResponse.Group(
        labels=labels, watches=unmet.watches, market=unmet.market, people=unmet.people
    )


def began(tenant: str, person_id: str, watch: Watch) -> NewRecord:
    """The event that tells of a new watch."""
    event = WatchChanged(
        event_id=ids.new_event_id(),
        tenant=tenant,
        person_id=person_id,
        watch=watch_to_proto(watch),
        occurred_at_ms=watch.created_at_ms,
    )
    headers = {**tracing.inject(), "event": "WatchChanged"}
    return NewRecord(topics.WATCH_CHANGED, _key(tenant, watch.watch_id), event.SerializeToString(), headers)


def ended(tenant: str, watch_id: str) -> NewRecord:
    """The tombstone of a watch."""
    return NewRecord(topics.WATCH_CHANGED, _key(tenant, watch_id), None, tracing.inject())


def matched_of(record: Record) -> Matched:
    """Raises InvalidMatch."""
    try:
        event = WatchMatched.FromString(record.value or b"")
    except DecodeError as error:
        raise InvalidMatch(f"its bytes are no WatchMatched: {error}") from error
    missing = [name for name in ("tenant", "person_id", "watch_id", "item_id", "media_id") if not getattr(event, name)]
    if missing or event.occurred_at_ms <= 0 or not math.isfinite(event.score):
        raise InvalidMatch(f"{', '.join(missing) or 'its time or score'} is missing or cannot be")
    match = WatchMatch(event.item_id, event.media_id, event.score, event.occurred_at_ms)
    return Matched(event.tenant, event.person_id, event.watch_id, match)


def _key(tenant: str, watch_id: str) -> str:
    return f"{tenant}/{watch_id}"
