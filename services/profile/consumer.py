"""The events that profile reads. One subscription in one thread: one process writes a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.event_log import topics
from nungil.event_log.port import Record
from nungil.runtime import tracing
from nungil.runtime.errors import Rejected
from services.profile.core import Activity
from services.profile.handlers.boards import Boards
from services.profile.handlers.events import PeopleActed, PictureChanged, PicturesEmbedded
from services.profile.watching import Watches
from services.profile.wire import watches as watch_wire
from services.profile.wire.events import activity_of, media_changed_of, media_embedded_of

GROUP = "profile"
BATCH = 2048  # records at once: what is there is taken, and one event alone does not wait for more
TOPICS = (
    topics.MEDIA_CHANGED,
    topics.ITEM_CHANGED,
    topics.MEDIA_EMBEDDED,
    topics.USER_ACTIVITY,
    topics.WATCH_MATCHED,
)
Fault = tuple[Record, Rejected]
E = TypeVar("E")


@dataclass(frozen=True)
class ReadEvents:
    """Handles a batch in the order of its delivery; what follows each other of one kind is handled together."""

    changed: PictureChanged
    embedded: PicturesEmbedded
    acted: PeopleActed
    watches: Watches
    boards: Boards

    def __call__(self, records: Sequence[Record]) -> list[Fault]:
        faults: list[Fault] = []
        for topic, run in groupby(records, key=lambda record: record.topic):
            if topic == topics.USER_ACTIVITY:
                faults.extend(self._activities(list(run)))
            elif topic == topics.MEDIA_EMBEDDED:
                faults.extend(self._embedded(list(run)))
            elif topic == topics.ITEM_CHANGED:
                self._items(list(run))
            elif topic == topics.WATCH_MATCHED:
                faults.extend(_each(run, watch_wire.matched_of, self.watches.matched))
            else:
                faults.extend(_each(run, media_changed_of, self.changed))
        return faults

    def _embedded(self, records: Sequence[Record]) -> Iterator[Fault]:
        read: list[tuple[Record, MediaEmbedded]] = []
        for record in records:
            try:
                read.append((record, media_embedded_of(record)))
            except Rejected as error:
                yield record, error
        spans = [
            tracing.begin(
                f"profile {record.topic}",
                record.headers,
                media_id=record.key,
                appended_at_ms=record.appended_at_ms,
            )
            for record, _ in read
        ]
        faults = self.embedded([(event, span) for (_, event), span in zip(read, spans, strict=True)])
        for span in spans:
            span.end()
        for record, event in read:
            if fault := faults.get((event.tenant, event.media_id)):
                yield record, fault

    def _items(self, records: Sequence[Record]) -> None:
        """Only tombstones matter: what an item is, others know."""
        gone = sorted(
            tuple(record.key.split("/", 1)) for record in records if record.value is None and "/" in record.key
        )
        for tenant, of_tenant in groupby(gone, key=lambda key: key[0]):
            self.boards.forget_items(tenant, [item_id for _, item_id in of_tenant])

    def _activities(self, records: Sequence[Record]) -> Iterator[Fault]:
        read: list[tuple[Record, Activity]] = []
        for record in records:
            try:
                read.append((record, activity_of(record)))
            except Rejected as error:
                yield record, error
        spans = [
            tracing.begin(
                "profile activity",
                record.headers,
                media_id=activity.media_id,
                event_id=activity.event_id,
                appended_at_ms=record.appended_at_ms,
            )
            for record, activity in read
        ]
        faults = self.acted([activity for _, activity in read])
        for span in spans:
            span.end()
        for record, activity in read:
            if activity in faults:
                yield record, faults[activity]


def _each(records: Iterator[Record], event_of: Callable[[Record], E], handle: Callable[[E], None]) -> Iterator[Fault]:
    for record in records:
        with (
            tracing.trace(record.headers),
            tracing.span(f"profile {record.topic}", media_id=record.key, appended_at_ms=record.appended_at_ms),
        ):
            try:
                handle(event_of(record))
            except Rejected as error:
                yield record, error
