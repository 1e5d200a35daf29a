"""Telling profile what was searched for, beside the answers: a search never waits for the event log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field

from nungil.event_log.port import EventLog, NewRecord
from nungil.runtime import metrics
from nungil.runtime.errors import DependencyAway

logger = logging.getLogger(__name__)

KEPT_RECORDS = 10_000  # about 3 MB
BATCH_RECORDS = 256
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True)
class TellActivities:
    """Keeps what was noted until the log has it, in order: at most `kept_records`, of which the oldest go first.

    In memory: what a killed process had not told yet (a moment's, while the log is there) is lost. Safe for many threads.
    """

    log: EventLog
    kept_records: int = KEPT_RECORDS
    _waiting: deque[NewRecord] = field(default_factory=deque, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _noted: threading.Event = field(default_factory=threading.Event, init=False)

    def __call__(self, record: NewRecord) -> None:
        """Returns at once."""
        with self._lock:
            if len(self._waiting) >= self.kept_records:
                self._drop(1)
            self._waiting.append(record)
        self._noted.set()

    def publish(self, stop: threading.Event) -> None:
        """Publishes until `stop`, which is set when nobody notes any more, and then once what is left. Where the log is away it tries again, with a growing wait."""
        wait_s = FIRST_WAIT_S
        while not stop.is_set():
            self._noted.wait(FIRST_WAIT_S)
            self._noted.clear()
            try:
                self._publish_all()
                wait_s = FIRST_WAIT_S
            except DependencyAway as error:
                logger.warning("%d crop searches are not recorded yet: %s", len(self._waiting), error)
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        try:
            self._publish_all()
        except DependencyAway as error:
            with self._lock:
                logger.warning("%d crop searches were never recorded: %s", len(self._waiting), error)
                self._drop(len(self._waiting))

    def _publish_all(self) -> None:
        while batch := self._next():
            try:
                self.log.append(batch)
            except DependencyAway:
                self._put_back(batch)
                raise

    def _next(self) -> list[NewRecord]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(BATCH_RECORDS, len(self._waiting)))]

    def _put_back(self, batch: list[NewRecord]) -> None:
        with self._lock:
            self._waiting.extendleft(reversed(batch))
            self._drop(max(0, len(self._waiting) - self.kept_records))

    def _drop(self, records: int) -> None:
        for _ in range(records):
            self._waiting.popleft()
        metrics.SEARCH_ACTIVITIES_DROPPED.add(records)
