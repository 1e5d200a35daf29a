"""Retention and compaction of the SQLite event log, done now and then by whoever appends."""

from __future__ import annotations

import sqlite3

from nungil.database.sqlite import writing
from nungil.event_log.topics import DAY_MS

TOMBSTONES_KEPT_MS = DAY_MS  # a reader that began before the removal has this long to come past it, as in Kafka
LEAST_DIRTY_RECORDS = 1000


def clean(connection: sqlite3.Connection, now_ms: int, *, least_dirty_records: int = LEAST_DIRTY_RECORDS) -> None:
    """Removes what is past its retention; in compacted topics, all but the last record of each key."""
    rows = connection.execute(
        "SELECT partition.id, next_offset, cleaned_to, compacted, retention_ms"
        " FROM partition JOIN topic ON topic.name = partition.topic WHERE next_offset > 0"
    ).fetchall()
    for partition, next_offset, cleaned_to, compacted, retention_ms in rows:
        if compacted:
            _drop_tombstones(connection, partition, cleaned_to, now_ms - TOMBSTONES_KEPT_MS)
            # Half of a partition may be superseded before it is gone through again, so an append costs the same at any size.
            [kept] = connection.execute(
                "SELECT count(*) FROM record WHERE partition = ? AND offset < ?", (partition, cleaned_to)
            ).fetchone()
            if next_offset - cleaned_to >= max(least_dirty_records, kept):
                _keep_last_of_each_key(connection, partition, next_offset)
        else:
            _drop_old(connection, partition, now_ms - retention_ms)


def _drop_old(connection: sqlite3.Connection, partition: int, before_ms: int) -> None:
    [first_kept] = connection.execute(
        "SELECT coalesce((SELECT offset FROM record WHERE partition = ? AND appended_at_ms >= ? ORDER BY offset LIMIT 1),"
        " (SELECT next_offset FROM partition WHERE id = ?))",
        (partition, before_ms, partition),
    ).fetchone()
    [first] = connection.execute("SELECT min(offset) FROM record WHERE partition = ?", (partition,)).fetchone()
    if first is not None and first < first_kept:
        with writing(connection):
            connection.execute("DELETE FROM record WHERE partition = ? AND offset < ?", (partition, first_kept))


def _drop_tombstones(connection: sqlite3.Connection, partition: int, cleaned_to: int, before_ms: int) -> None:
    old = (
        "FROM record WHERE partition = ? AND offset < ? AND value IS NULL AND appended_at_ms < ?",
        (partition, cleaned_to, before_ms),
    )
    if connection.execute("SELECT 1 " + old[0], old[1]).fetchone():
        with writing(connection):
            connection.execute("DELETE " + old[0], old[1])


def _keep_last_of_each_key(connection: sqlite3.Connection, partition: int, next_offset: int) -> None:
    with writing(connection):
        connection.execute(
            "DELETE FROM record WHERE partition = ? AND offset < ? AND offset NOT IN"
            " (SELECT max(offset) FROM record WHERE partition = ? GROUP BY key)",
            (partition, next_offset, partition),
        )
        connection.execute("UPDATE partition SET cleaned_to = ? WHERE id = ?", (next_offset, partition))
