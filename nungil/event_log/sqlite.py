"""The event log on one machine: one SQLite file that all processes share. What it gives is what the port says."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from nungil.database.sqlite import connect, writing
from nungil.event_log.errors import UnknownTopic
from nungil.event_log.port import NewRecord, Subscription, Tail
from nungil.event_log.sqlite_cleaning import clean
from nungil.event_log.sqlite_group import SqliteSubscription
from nungil.event_log.sqlite_reader import SqliteTail
from nungil.event_log.sqlite_schema import Partition, apply_topics, translated
from nungil.event_log.topics import TOPICS, Topic
from nungil.runtime.clock import Clock, now_ms

logger = logging.getLogger(__name__)

SESSION_TIMEOUT_S = 6.0
CLEAN_EVERY_MS = 60_000


class SqliteEventLog:
    """See port.EventLog. Appends are serialised by SQLite's own lock, across threads and processes."""

    def __init__(
        self,
        path: Path,
        *,
        topics: Sequence[Topic] = TOPICS,
        session_timeout_s: float = SESSION_TIMEOUT_S,
        clock: Clock = now_ms,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._session_timeout_s = session_timeout_s
        self._clock = clock
        self._cleaned_at_ms = clock()
        self._lock = threading.Lock()  # of the one connection that appends
        with translated():
            self._connection = connect(path)
            try:
                self._partitions = apply_topics(self._connection, topics)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Ends appending. Subscriptions and tails close by themselves."""
        with self._lock:
            self._connection.close()

    def append(self, records: Sequence[NewRecord]) -> None:
        placed = [(self._partition_of(record), record) for record in records]
        if not placed:
            return
        now = self._clock()
        with self._lock, translated():
            with writing(self._connection) as c:
                ends = {
                    partition: c.execute("SELECT next_offset FROM partition WHERE id = ?", (partition,)).fetchone()[0]
                    for partition in {partition for partition, _ in placed}
                }
                rows = []
                for partition, record in placed:
                    headers = json.dumps(dict(record.headers), ensure_ascii=False)
                    rows.append((partition, ends[partition], record.key, record.value, headers, now))
                    ends[partition] += 1
                c.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", rows)
                c.executemany(
                    "UPDATE partition SET next_offset = ? WHERE id = ?", [(end, at) for at, end in ends.items()]
                )
            self._clean_if_due(now)

    @contextmanager
    def subscribe(self, topics: Sequence[str], *, group: str) -> Iterator[Subscription]:
        partitions = self._partitions_of(topics)
        with translated():
            connection = connect(self._path, durable=False)  # a commit lost with the power is a redelivery
        with closing(connection):
            member = SqliteSubscription(connection, partitions, group=group, session_timeout_s=self._session_timeout_s)
            member.join()
            try:
                yield member
            finally:
                member.leave()

    @contextmanager
    def tail(self, topics: Sequence[str], *, since: Literal["start", "now"]) -> Iterator[Tail]:
        partitions = self._partitions_of(topics)
        with translated():
            connection = connect(self._path, durable=False)
        with closing(connection):
            with translated():
                tail = SqliteTail(connection, partitions, from_start=since == "start")
            yield tail

    def lag(self, topics: Sequence[str], *, group: str) -> Mapping[str, int]:
        behind = dict.fromkeys(topics, 0)
        with self._lock, translated():
            for partition in self._partitions_of(topics):
                [count] = self._connection.execute(
                    "SELECT count(*) FROM record WHERE partition = :partition AND offset >= coalesce("
                    "(SELECT position FROM claim WHERE group_name = :group AND partition = :partition), 0)",
                    {"partition": partition.id, "group": group},
                ).fetchone()
                behind[partition.topic] += count
        return behind

    def clean(self) -> None:
        """Applies retention and compaction now, however little there is to remove."""
        with self._lock, translated():
            clean(self._connection, self._clock(), least_dirty_records=1)

    def _clean_if_due(self, now: int) -> None:
        if now - self._cleaned_at_ms < CLEAN_EVERY_MS:
            return
        self._cleaned_at_ms = now
        try:
            clean(self._connection, now)
        except sqlite3.Error as error:  # the records are in: only the cleaning waits for the next time
            logger.warning("the event log was not cleaned: %s", error)

    def _partitions_of(self, topics: Sequence[str]) -> list[Partition]:
        return [partition for topic in topics for partition in self._known(topic)]

    def _partition_of(self, record: NewRecord) -> int:
        partitions = self._known(record.topic)
        return partitions[zlib.crc32(record.key.encode()) % len(partitions)].id

    def _known(self, topic: str) -> list[Partition]:
        if topic not in self._partitions:
            raise UnknownTopic(f"{topic!r} is no topic: see nungil/event_log/topics.py")
        return self._partitions[topic]
