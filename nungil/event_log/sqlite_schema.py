"""The tables of the SQLite event log, and how its errors are told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nungil.database.sqlite import is_away, writing
from nungil.event_log.errors import EventLogAway
from nungil.event_log.topics import Topic
from nungil.runtime.errors import Misconfigured

SCHEMA_VERSION = 1
_SCHEMA = (
    "CREATE TABLE topic (name TEXT PRIMARY KEY, compacted INTEGER NOT NULL, retention_ms INTEGER NOT NULL)",
    """CREATE TABLE partition (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL REFERENCES topic, number INTEGER NOT NULL,
        next_offset INTEGER NOT NULL DEFAULT 0,
        cleaned_to INTEGER NOT NULL DEFAULT 0, -- compacted topics: below it, one record a key
        UNIQUE (topic, number))""",
    """CREATE TABLE record (
        partition INTEGER NOT NULL, offset INTEGER NOT NULL, key TEXT NOT NULL, value BLOB, headers TEXT NOT NULL,
        appended_at_ms INTEGER NOT NULL, PRIMARY KEY (partition, offset)) WITHOUT ROWID""",
    "CREATE TABLE consumer_group (name TEXT PRIMARY KEY, generation INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE member (id TEXT PRIMARY KEY, group_name TEXT NOT NULL, topics TEXT NOT NULL, seen_ms INTEGER NOT NULL)",
    """CREATE TABLE claim (
        group_name TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL DEFAULT 0, owner TEXT,
        PRIMARY KEY (group_name, partition)) WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class Partition:
    """Where records of one key go. `id` is the row; `number` is counted within the topic."""

    id: int
    topic: str
    number: int


@contextmanager
def translated() -> Iterator[None]:
    """Turns what may pass by itself into EventLogAway; a mistake in our SQL stays what it is."""
    try:
        yield
    except sqlite3.Error as error:
        if is_away(error):
            raise EventLogAway(f"the event log cannot be used now: {error}") from error
        raise


def apply_topics(connection: sqlite3.Connection, topics: Iterable[Topic]) -> dict[str, list[Partition]]:
    """Creates what is missing, and gives each topic's partitions in order. A topic keeps the partitions it was made with."""
    with writing(connection):
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise Misconfigured(f"the event log has schema {version}, and this Nungil reads {SCHEMA_VERSION}")
        for topic in topics:
            made = connection.execute(
                "INSERT INTO topic VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
                (topic.name, topic.compacted, topic.retention_ms),
            ).rowcount
            if made:
                connection.executemany(
                    "INSERT INTO partition (topic, number) VALUES (?, ?)",
                    [(topic.name, number) for number in range(topic.partitions)],
                )
        partitions: dict[str, list[Partition]] = {}
        for row in connection.execute("SELECT id, topic, number FROM partition ORDER BY topic, number"):
            partitions.setdefault(row[1], []).append(Partition(*row))
    return partitions
