"""The events that profile reads. One subscription in one thread: one process writes a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from nungil.event_log import topics
from nungil.event_log.port import Record
from nungil.runtime import tracing
from nungil.runtime.errors import Rejected
from services.profile import wire
from services.profile.core import Activity
from services.profile.handlers import PeopleActed, PictureChanged, PictureEmbedded

GROUP = "profile"
TOPICS = (topics.MEDIA_CHANGED, topics.MEDIA_EMBEDDED, topics.USER_ACTIVITY)
Fault = tuple[Record, Rejected]
E = TypeVar("E")


@dataclass(frozen=True)
class ReadEvents:
    """Handles a batch in the order of its delivery; activities that follow each other are folded together."""

    changed: PictureChanged
    embedded: PictureEmbedded
    acted: PeopleActed

    def __call__(self, records: Sequence[Record]) -> list[Fault]:
        faults: list[Fault] = []
        for topic, run in groupby(records, key=lambda record: record.topic):
            if topic == topics.USER_ACTIVITY:
                faults.extend(self._activities(list(run)))
            elif topic == topics.MEDIA_EMBEDDED:
                faults.extend(_each(run, wire.media_embedded_of, self.embedded))
            else:
                faults.extend(_each(run, wire.media_changed_of, self.changed))
        return faults

    def _activities(self, records: Sequence[Record]) -> Iterator[Fault]:
        read: list[tuple[Record, Activity]] = []
        for record in records:
            try:
                read.append((record, wire.activity_of(record)))
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
