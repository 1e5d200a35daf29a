"""The outbox: events written in the transaction that they tell of, and published afterwards by a relay.

METADATA = MetaData()
OUTBOX = outbox_table(METADATA)

with engine.begin() as connection:
    connection.execute(media.insert().values(...))
    put_out(connection, OUTBOX, [NewRecord(topics.MEDIA_CHANGED, key=media_id, value=event.SerializeToString())])
woken.set()  # optional: publishes now, not within half a second

# in __main__:
stack.enter_context(worker("relay", lambda: relay(engine, OUTBOX, log, stop, woken), stop))
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    select,
)

from nungil.database.open import alone, hold, reading
from nungil.event_log.port import EventLog, NewRecord
from nungil.runtime import metrics
from nungil.runtime.errors import DependencyAway

logger = logging.getLogger(__name__)

BATCH_RECORDS = 256
IDLE_S = 0.5
GATHER_S = 0.1
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


def outbox_table(metadata: MetaData) -> Table:
    """The table `outbox` of a service's metadata; the service's first migration creates it (nungil/database/migrations.py shows how)."""
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("topic", String, nullable=False),
        Column("key", String, nullable=False),
        Column("value", LargeBinary, nullable=True),
        Column("headers", JSON, nullable=False),
        sqlite_autoincrement=True,
    )


def put_out(connection: Connection, table: Table, records: Sequence[NewRecord]) -> None:
    """Writes `records` in the caller's transaction: they are published, in this order, if and only if it commits.

    Transactions with records of one key wait for each other from here on, so that the order of ids is theirs. Call it last.
    """
    if records:
        hold(connection, *(f"outbox/{record.topic}/{record.key}" for record in records))
        connection.execute(
            table.insert(),
            [{"topic": r.topic, "key": r.key, "value": r.value, "headers": dict(r.headers)} for r in records],
        )


def relay(engine: Engine, table: Table, log: EventLog, stop: threading.Event, woken: threading.Event) -> None:
    """Publishes what `put_out` wrote, in order, at least once, until `stop`. In a thread of its own.

    On PostgreSQL each process of a service may run one: they take turns. On SQLite run one a database.
    Looks when `woken` is set, and every half second. What comes alone is published at once; what comes within a tenth of a
    second after it is gathered, so that many writers do not cost a transaction and a sync of the log each. Where the log or the database is away it tries again, with a growing wait.
    """
    wait_s = FIRST_WAIT_S
    head = _Head()
    metrics.OUTBOX_AGE.ask(head.age_s)
    while not stop.is_set():
        woken.clear()
        try:
            published = _publish_some(engine, table, log, head)
        except DependencyAway as error:
            logger.warning("the outbox waits %.1f s: %s", wait_s, error)
            stop.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            continue
        wait_s = FIRST_WAIT_S
        if not published:
            woken.wait(IDLE_S)
        elif published < BATCH_RECORDS:
            stop.wait(GATHER_S)


@dataclass
class _Head:
    """The first event that is not published, and when it was first seen: at most half a second after it was written."""

    id: int | None = None
    seen_s: float = 0.0

    def is_now(self, id_: int | None) -> None:
        if id_ != self.id:
            self.id, self.seen_s = id_, time.monotonic()

    def age_s(self) -> float:
        return 0.0 if self.id is None else time.monotonic() - self.seen_s


def _publish_some(engine: Engine, table: Table, log: EventLog, head: _Head) -> int:
    with alone(engine, "outbox") as my_turn:
        if not my_turn:
            return 0
        with reading(engine) as connection:
            rows = connection.execute(table.select().order_by(table.c.id).limit(BATCH_RECORDS)).all()
            full = len(rows) == BATCH_RECORDS
            waiting = connection.execute(select(func.count()).select_from(table)).scalar_one() if full else len(rows)
        metrics.OUTBOX_RECORDS.set(waiting)
        head.is_now(rows[0].id if rows else None)
        if not rows:
            return 0
        began_s = time.perf_counter()
        log.append([NewRecord(row.topic, row.key, row.value, row.headers) for row in rows])
        with engine.begin() as connection:  # a crash before this publishes them again: readers are idempotent
            connection.execute(table.delete().where(table.c.id.in_([row.id for row in rows])))
        metrics.OUTBOX_RECORDS.set(waiting - len(rows))
        head.is_now(None)
        ms = round(1000 * (time.perf_counter() - began_s))
        logger.info("%d events published in %d ms", len(rows), ms, extra={"records": len(rows), "ms": ms})
        return len(rows)
