"""What every database promises to a service, and the outbox over it. A new adapter joins by the URL of an empty database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import real_servers
from sqlalchemy import Column, Engine, ForeignKey, Integer, MetaData, String, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from nungil.database.open import open_database, reading
from nungil.database.outbox import outbox_table, put_out, relay
from nungil.event_log.errors import EventLogAway
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.event_log.topics import MEDIA_CHANGED

METADATA = MetaData()
OUTBOX = outbox_table(METADATA)
MEDIA = Table(
    "media", METADATA, Column("media_id", String, primary_key=True), Column("version", Integer, nullable=False)
)
REGION = Table(
    "region",
    METADATA,
    Column("id", String, primary_key=True),
    Column("media_id", ForeignKey("media.media_id"), nullable=False),
)


def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path}/ingest.db"


def postgres_url(_: Path) -> str:
    return real_servers.a_database_url()


@pytest.fixture(
    params=[
        pytest.param(sqlite_url, id="sqlite"),
        *real_servers.where("NUNGIL_TEST_POSTGRES", pytest.param(postgres_url, id="postgres")),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param(tmp_path))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    with open_database(url) as engine:
        METADATA.create_all(engine)
        yield engine


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with open_event_log(f"sqlite://{tmp_path}/log.db") as log:
        yield log


class Interrupted:
    """A real log between which and its caller something happens: `before` or `after` each append."""

    def __init__(
        self, log: EventLog, *, before: Callable[[], None] = lambda: None, after: Callable[[], None] = lambda: None
    ) -> None:
        self._log, self._before, self._after = log, before, after
        self.subscribe, self.tail, self.lag = log.subscribe, log.tail, log.lag

    def append(self, records: Sequence[NewRecord]) -> None:
        self._before()
        self._log.append(records)
        self._after()


class Crash(Exception):
    """The process ends here."""


def an_event(n: int, key: str = "m-1") -> NewRecord:
    return NewRecord(MEDIA_CHANGED, key, b"%d" % n, {"event": "MediaChanged", "title": "눈길"})


def add_media(engine: Engine, media_id: str, *events: NewRecord) -> None:
    with engine.begin() as connection:
        connection.execute(insert(MEDIA).values(media_id=media_id, version=1))
        put_out(connection, OUTBOX, events)


def count(engine: Engine, table: Table) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def published(log: EventLog) -> list[Record]:
    with log.tail([MEDIA_CHANGED], since="start") as tail:
        return list(tail.poll(max_records=10_000, timeout_s=0))


def values(log: EventLog) -> list[int]:
    return [int(record.value or b"") for record in published(log)]


@contextmanager
def relaying(engine: Engine, log: EventLog) -> Iterator[threading.Event]:
    stop, woken = threading.Event(), threading.Event()
    thread = threading.Thread(target=relay, args=(engine, OUTBOX, log, stop, woken))
    thread.start()
    try:
        yield woken
    finally:
        stop.set()
        woken.set()
        thread.join()


def until(done: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if done():
            return
        pause.wait(0.01)
    pytest.fail("waited too long")


def relay_all(engine: Engine, log: EventLog) -> None:
    with relaying(engine, log):
        until(lambda: count(engine, OUTBOX) == 0)


# The database


def test_what_was_committed_is_there_when_the_database_is_opened_again(url: str) -> None:
    with open_database(url) as engine:
        METADATA.create_all(engine)
        add_media(engine, "m-1")
    with open_database(url) as engine:
        assert count(engine, MEDIA) == 1


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(Crash), engine.begin() as connection:
        connection.execute(insert(MEDIA).values(media_id="m-1", version=1))
        raise Crash
    assert count(engine, MEDIA) == 0


def test_a_row_that_points_at_nothing_is_refused(engine: Engine) -> None:
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(REGION).values(id="m-1:0", media_id="m-1"))


def test_transactions_that_read_and_then_write_do_not_lose_each_other(engine: Engine) -> None:
    add_media(engine, "m-1")

    def one_more(_: int) -> None:
        with engine.begin() as connection:
            version = connection.execute(select(MEDIA.c.version).with_for_update()).scalar_one()
            connection.execute(update(MEDIA).values(version=version + 1))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one_more, range(60)))
    with reading(engine) as connection:
        assert connection.execute(select(MEDIA.c.version)).scalar_one() == 61


def test_a_reader_sees_what_was_committed_and_stops_no_writer(engine: Engine) -> None:
    add_media(engine, "m-1")
    with reading(engine) as connection:
        connection.execute(select(MEDIA)).all()
        add_media(engine, "m-2")
    with engine.begin() as writer:
        writer.execute(insert(MEDIA).values(media_id="m-3", version=1))
        assert count(engine, MEDIA) == 2
    assert count(engine, MEDIA) == 3


# The outbox


def test_events_are_published_as_they_were_put_out(engine: Engine, log: EventLog) -> None:
    add_media(engine, "m-1", an_event(1), NewRecord(MEDIA_CHANGED, "m-1", None))
    relay_all(engine, log)
    first, tombstone = published(log)
    assert (first.key, first.value, first.headers) == ("m-1", b"1", {"event": "MediaChanged", "title": "눈길"})
    assert tombstone.value is None


def test_a_transaction_that_was_rolled_back_publishes_nothing(engine: Engine, log: EventLog) -> None:
    with pytest.raises(Crash), engine.begin() as connection:
        put_out(connection, OUTBOX, [an_event(1)])
        raise Crash
    add_media(engine, "m-2", an_event(2))
    relay_all(engine, log)
    assert values(log) == [2]


def test_a_transaction_without_events_publishes_nothing(engine: Engine, log: EventLog) -> None:
    add_media(engine, "m-1")
    relay_all(engine, log)
    assert not published(log)


def test_nothing_is_published_before_its_transaction_commits(engine: Engine, log: EventLog) -> None:
    with relaying(engine, log) as woken:
        with engine.begin() as connection:
            put_out(connection, OUTBOX, [an_event(1)])
            woken.set()
            threading.Event().wait(0.1)
            assert not published(log)
        woken.set()
        until(lambda: values(log) == [1])


def test_events_are_published_in_the_order_of_their_transactions(engine: Engine, log: EventLog) -> None:
    for n in range(0, 700, 7):
        add_media(engine, f"m-{n}", *(an_event(n + more) for more in range(7)))
    relay_all(engine, log)
    assert values(log) == list(range(700))


def test_a_relay_publishes_when_woken_and_soon_when_not(engine: Engine, log: EventLog) -> None:
    with relaying(engine, log) as woken:
        add_media(engine, "m-1", an_event(1))
        woken.set()
        until(lambda: values(log) == [1])
        add_media(engine, "m-2", an_event(2))
        until(lambda: values(log) == [1, 2])


def test_a_crash_between_publishing_and_deleting_publishes_again(engine: Engine, log: EventLog) -> None:
    add_media(engine, "m-1", an_event(1), an_event(2))

    def crash() -> None:
        raise Crash

    with pytest.raises(Crash):
        relay(engine, OUTBOX, Interrupted(log, after=crash), threading.Event(), threading.Event())
    add_media(engine, "m-2", an_event(3))
    relay_all(engine, log)
    assert values(log) == [1, 2, 1, 2, 3]


def test_a_log_that_is_away_loses_nothing_and_breaks_no_order(engine: Engine, log: EventLog) -> None:
    tries = 0

    def away_at_first() -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise EventLogAway

    add_media(engine, "m-1", an_event(1))
    with relaying(engine, Interrupted(log, before=away_at_first)) as woken:
        until(lambda: tries >= 2)
        add_media(engine, "m-2", an_event(2))
        woken.set()
        until(lambda: count(engine, OUTBOX) == 0)
    assert values(log) == [1, 2]
    assert tries >= 4


def test_a_relay_that_is_stopped_while_the_log_is_away_ends(engine: Engine, log: EventLog) -> None:
    add_media(engine, "m-1", an_event(1))
    stop = threading.Event()

    def away() -> None:
        stop.set()
        raise EventLogAway

    relay(engine, OUTBOX, Interrupted(log, before=away), stop, threading.Event())
    assert count(engine, OUTBOX) == 1


def test_what_is_left_in_the_outbox_is_published_at_the_next_start(url: str, log: EventLog) -> None:
    with open_database(url) as engine:
        METADATA.create_all(engine)
        add_media(engine, "m-1", an_event(1))
    with open_database(url) as engine:
        relay_all(engine, log)
    assert values(log) == [1]
