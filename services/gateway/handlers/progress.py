"""Following the states of pictures and the matches of watches: one tail of the event log, shared by every open stream."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from google.protobuf.message import DecodeError

from nungil.event_log.port import EventLog, Record
from nungil.event_log.topics import MEDIA_CHANGED, MEDIA_EMBEDDED, WATCH_MATCHED
from nungil.runtime.errors import DependencyAway
from services.gateway.core import Who
from services.gateway.wire.progress import StateChange, Told, told_of

logger = logging.getLogger(__name__)

_WAITING = 1_000  # changes kept for a reader that is slow; it is cut off at the next, and asks again
_REMEMBERED = 10_000
_LONGEST_WAIT_S = 5.0
Changes = asyncio.Queue["Told | None"]


@dataclass(frozen=True, eq=False)
class Follower:
    """A stream that is open. None in `changes` ends it."""

    who: Who
    media_id: str | None
    changes: Changes = field(default_factory=lambda: asyncio.Queue(_WAITING))


@dataclass
class FollowProgress:
    """`read` runs in a thread of its own; everything else belongs to the event loop."""

    log: EventLog
    followers: set[Follower] = field(default_factory=set)
    latest: OrderedDict[str, StateChange] = field(default_factory=OrderedDict)
    ended: bool = False

    @contextmanager
    def follow(self, who: Who, media_id: str | None = None) -> Iterator[Changes]:
        """The changes from now on that `who` may see, then None."""
        follower = Follower(who, media_id)
        if self.ended:
            follower.changes.put_nowait(None)
        self.followers.add(follower)
        try:
            yield follower.changes
        finally:
            self.followers.discard(follower)

    def spread(self, change: Told) -> None:
        """Gives a change to everyone who may see it, and remembers states: ingest, which is asked, may learn of them later than we."""
        if isinstance(change, StateChange):
            self._remember(change)
        for follower in list(self.followers):
            if change.is_for(follower.who, follower.media_id):
                try:
                    follower.changes.put_nowait(change)
                except asyncio.QueueFull:
                    self._end(follower)

    def _remember(self, change: StateChange) -> None:
        self.latest[change.media_id] = change
        self.latest.move_to_end(change.media_id)
        if len(self.latest) > _REMEMBERED:
            self.latest.popitem(last=False)

    def end(self) -> None:
        """Ends every stream, and those that begin after."""
        self.ended = True
        for follower in list(self.followers):
            self._end(follower)

    def _end(self, follower: Follower) -> None:
        while not follower.changes.empty():
            follower.changes.get_nowait()
        follower.changes.put_nowait(None)
        self.followers.discard(follower)

    def read(self, loop: asyncio.AbstractEventLoop, stop: Event) -> None:
        """Tails the log until `stop`. While the log is away streams stay open; what they miss, a GET of the picture tells."""
        wait_s = 0.1
        while not stop.is_set():
            try:
                with self.log.tail([MEDIA_CHANGED, MEDIA_EMBEDDED, WATCH_MATCHED], since="now") as tail:
                    while not stop.is_set():
                        for record in tail.poll(max_records=256, timeout_s=0.5):
                            self._pass_on(record, loop)
                        wait_s = 0.1
            except DependencyAway as error:
                logger.warning("the event log is away, trying again in %.1f s: %s", wait_s, error)
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _pass_on(self, record: Record, loop: asyncio.AbstractEventLoop) -> None:
        try:
            change = told_of(record)
        except DecodeError:
            logger.warning("%s/%d@%d is no event", record.topic, record.partition, record.offset)
            return
        if change is not None:
            loop.call_soon_threadsafe(self.spread, change)
