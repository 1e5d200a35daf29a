"""What search reads for watches: watch.changed as a tail from its start, and, after the group has read it, what changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from nungil.event_log import topics
from nungil.event_log.consume import Handler
from nungil.event_log.port import EventLog, Record, Tail
from nungil.runtime import tracing
from nungil.runtime.errors import DependencyAway, Rejected
from services.search import watch_wire, wire
from services.search.handlers.watches import KeepWatches, MatchItems

logger = logging.getLogger(__name__)

_BATCH = 500
_POLL_S = 0.5
_RETRY_S = 1.0
_LOOK_AGAIN_S = 30.0  # for features that a picture does not have yet


@dataclass(frozen=True)
class ReadWatches:
    """Keeps every watch, those of the past first. `caught_up` is set once these can be matched."""

    log: EventLog
    keep: KeepWatches
    stop: Event
    monotonic_s: Callable[[], float] = time.monotonic
    caught_up: Event = field(default_factory=Event)

    def __call__(self) -> None:
        looked_s, unsettled = self.monotonic_s(), True
        with self.log.tail([topics.WATCH_CHANGED], since="start") as tail:
            while not self.stop.is_set():
                try:
                    records = self._read(tail, wait=self.caught_up.is_set() and not unsettled)
                    if records and not self.caught_up.is_set():
                        continue  # the past first, to its end
                    again = self.keep.waits and self.monotonic_s() - looked_s >= _LOOK_AGAIN_S
                    unsettled = unsettled or bool(records) or again
                    if unsettled:
                        looked_s = self.monotonic_s()
                        self.keep.settle()
                        self.caught_up.set()
                        self.keep.look_through()
                        unsettled = False
                except DependencyAway as error:
                    logger.warning("watches are behind: %s", error)
                    self.stop.wait(_RETRY_S)

    def wait_until_caught_up(self) -> None:
        """Returns once the watches of the past can be matched, or the process is to stop."""
        while not self.stop.is_set() and not self.caught_up.wait(_POLL_S):
            logger.info("reading watches")

    def _read(self, tail: Tail, *, wait: bool) -> Sequence[Record]:
        records = tail.poll(max_records=_BATCH, timeout_s=_POLL_S if wait else 0.0)
        for record in records:
            try:
                key, watch = watch_wire.watch_of(record)
            except Rejected as error:
                logger.error("%s[%d] at %d is passed over: %s", record.topic, record.partition, record.offset, error)
                continue
            if watch is None:
                self.keep.end(key)
            else:
                self.keep.begin(watch)
        return records


@dataclass(frozen=True)
class ReadThenMatch:
    """Reads a batch as `read` does, and then matches what it brought with the watches."""

    read: Handler
    match: MatchItems
    space: str

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        faults = list(self.read(records))
        if not len(self.match.watches):
            return faults
        wrong = {id(record) for record, _ in faults}
        items: list[tuple[str, str]] = []
        media: list[tuple[str, str]] = []
        for record in records:
            if id(record) in wrong:
                continue
            if record.topic == topics.ITEM_CHANGED:
                tenant, _, item_id = record.key.partition("/")
                items.append((tenant, item_id))
            elif record.topic == topics.MEDIA_EMBEDDED:
                event = wire.embedded_picture(record)
                if wire.tells_of(event, self.space) and not wire.is_removal(event):
                    media.append((event.tenant, event.media_id))
        if items or media:
            with tracing.span("match watches", items=len(items), pictures=len(media)) as span:
                span.fields["matches"] = len(self.match(items, media))
        return faults
