"""Reading the SQLite event log: positions, taking records, waiting for more; and the tail."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from threading import Event

from nungil.event_log.port import Record
from nungil.event_log.sqlite_schema import Partition, translated

SHORTEST_WAIT_S = 0.002
LONGEST_WAIT_S = 0.05  # an idle reader asks 20 times a second, at some microseconds each


class Reader:
    """The next positions of some partitions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.positions: dict[Partition, int] = {}
        self._turn = 0

    def take(self, max_records: int) -> list[Record]:
        """The next records, in order within each partition. Partitions take turns at being the first."""
        partitions = list(self.positions)
        if not partitions:
            return []
        # One query tells where there is anything: a reader of three topics has 36 partitions, and looks after every change.
        written = dict(self._connection.execute("SELECT id, next_offset FROM partition").fetchall())
        self._turn = (self._turn + 1) % len(partitions)
        records: list[Record] = []
        ends: dict[
            Partition, int
        ] = {}  # only all together: what a failing query has taken before it would be committed unseen
        for partition in partitions[self._turn :] + partitions[: self._turn]:
            if written[partition.id] <= self.positions[partition]:
                continue
            rows = self._connection.execute(
                "SELECT offset, key, value, headers, appended_at_ms FROM record"
                " WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (partition.id, self.positions[partition], max_records - len(records)),
            ).fetchall()
            records += [
                Record(partition.topic, partition.number, offset, key, value, json.loads(headers), appended_at_ms)
                for offset, key, value, headers, appended_at_ms in rows
            ]
            if rows:
                ends[partition] = rows[-1][0] + 1
            if len(records) >= max_records:
                break
        self.positions |= ends
        return records


class Waiter:
    """Looks again when another connection has changed the database, which SQLite tells without reading any table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pause = Event()
        self._wait_s = SHORTEST_WAIT_S  # grows over empty polls too

    def wait_for(self, look: Callable[[], list[Record]], *, due: Callable[[], bool], timeout_s: float) -> list[Record]:
        """What `look` finds, at most `timeout_s` from now. It is called at once, after every change, and when `due`."""
        deadline = time.monotonic() + timeout_s
        seen = -1
        while True:
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != seen or due():
                seen = version
                if records := look():
                    self._wait_s = SHORTEST_WAIT_S
                    return records
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return []
            self._pause.wait(min(self._wait_s, remaining_s))
            self._wait_s = min(1.5 * self._wait_s, LONGEST_WAIT_S)


class SqliteTail:
    """Every record of some topics, for one reader."""

    def __init__(self, connection: sqlite3.Connection, partitions: Sequence[Partition], *, from_start: bool) -> None:
        self._reader = Reader(connection)
        self._waiter = Waiter(connection)
        for partition in partitions:
            row = connection.execute("SELECT next_offset FROM partition WHERE id = ?", (partition.id,)).fetchone()
            self._reader.positions[partition] = 0 if from_start else row[0]

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Record]:
        with translated():
            return self._waiter.wait_for(lambda: self._reader.take(max_records), due=lambda: False, timeout_s=timeout_s)
