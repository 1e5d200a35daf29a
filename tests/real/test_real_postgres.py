"""What only a real PostgreSQL can show: writers side by side, being let in or not, going away and coming back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import real_servers
from sqlalchemy import Engine, MetaData, select, text

from nungil.database.errors import DatabaseAway
from nungil.database.migrations import upgrade
from nungil.database.open import alone, hold, open_database, reading
from nungil.database.outbox import outbox_table, put_out, relay
from nungil.database.postgres import make_database
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord
from nungil.event_log.topics import MEDIA_CHANGED
from nungil.runtime.errors import Misconfigured

pytestmark = real_servers.POSTGRES
METADATA = MetaData()
OUTBOX = outbox_table(METADATA)


@pytest.fixture
def url() -> str:
    return real_servers.a_database_url()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    with open_database(url) as engine:
        METADATA.create_all(engine)
        yield engine


def an_event(key: str, n: int) -> NewRecord:
    return NewRecord(MEDIA_CHANGED, key, b"%d" % n)


# Writers side by side


def test_records_of_one_key_keep_the_order_of_their_transactions(engine: Engine) -> None:
    first_has_written, first_may_end = threading.Event(), threading.Event()

    def first() -> None:
        with engine.begin() as connection:
            put_out(connection, OUTBOX, [an_event("m-1", 1)])
            first_has_written.set()
            first_may_end.wait(20)

    def second() -> None:
        with engine.begin() as connection:
            put_out(connection, OUTBOX, [an_event("m-1", 2)])

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert first_has_written.wait(20)
        two = pool.submit(second)
        with engine.begin() as connection:
            put_out(connection, OUTBOX, [an_event("m-2", 3)])  # another key waits for nobody
        with pytest.raises(TimeoutError):
            two.result(0.5)
        first_may_end.set()
        one.result(20)
        two.result(20)
    with reading(engine) as connection:
        rows = connection.execute(select(OUTBOX.c.key, OUTBOX.c.value).order_by(OUTBOX.c.id)).all()
    assert [bytes(row.value) for row in rows if row.key == "m-1"] == [b"1", b"2"]


def test_relays_of_several_processes_keep_the_order_of_each_key_and_lose_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    keys, each = [f"m-{n}" for n in range(4)], 60
    stop, woken = threading.Event(), [threading.Event() for _ in range(3)]

    def write(key: str) -> None:
        for n in range(each):
            with engine.begin() as connection:
                put_out(connection, OUTBOX, [an_event(key, n)])
            woken[n % 3].set()

    with open_event_log(f"sqlite://{tmp_path}/log.db") as log, ThreadPoolExecutor(8) as pool:
        relays = [pool.submit(relay, engine, OUTBOX, log, stop, event) for event in woken]
        list(pool.map(write, keys))
        while _waiting(engine):
            stop.wait(0.05)
        stop.set()
        for event in woken:
            event.set()
        for each_relay in relays:
            each_relay.result(20)
        with log.tail([MEDIA_CHANGED], since="start") as tail:
            records = list(tail.poll(max_records=10_000, timeout_s=0))
    for key in keys:
        assert [int(r.value or b"") for r in records if r.key == key] == list(range(each))


def test_only_one_is_alone(engine: Engine) -> None:
    with alone(engine, "sweep") as first, alone(engine, "sweep") as second, alone(engine, "other") as other:
        assert (first, second, other) == (True, False, True)
    with alone(engine, "sweep") as again:
        assert again


def test_shared_holders_do_not_wait_for_each_other(engine: Engine) -> None:
    with engine.begin() as one, engine.begin() as two:
        hold(one, "picture/m-1", shared=True)
        hold(two, "picture/m-1", "picture/m-2", shared=True)
        with pytest.raises(DatabaseAway), engine.begin() as three:
            three.execute(text("SET LOCAL lock_timeout = '100ms'"))
            hold(three, "picture/m-1")


def test_a_deadlock_is_an_outage_for_one_of_the_two(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pair (id int PRIMARY KEY, n int)"))
        connection.execute(text("INSERT INTO pair VALUES (1, 0), (2, 0)"))
    met = threading.Barrier(2)

    def cross(first: int, second: int) -> bool:
        try:
            with engine.begin() as connection:
                connection.execute(text("UPDATE pair SET n = n + 1 WHERE id = :id"), {"id": first})
                met.wait(20)
                connection.execute(text("UPDATE pair SET n = n + 1 WHERE id = :id"), {"id": second})
        except DatabaseAway:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(cross, (1, 2), (2, 1))) == [False, True]


# Being let in


def test_a_database_is_made_once(url: str) -> None:
    assert not make_database(url)


def test_a_database_that_is_not_there_is_misconfigured(url: str) -> None:
    with open_database(f"{url}_not") as engine, pytest.raises(Misconfigured, match="does not exist"), engine.begin():
        pass


def test_a_password_that_is_wrong_is_misconfigured_and_not_told(engine: Engine, url: str) -> None:
    role = url.rpartition("/")[2][-20:]
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE r_{role} LOGIN PASSWORD 'right'"))
    host = url.split("@")[-1]
    with open_database(f"postgresql://r_{role}:wr0ng@{host}") as other:
        with pytest.raises(Misconfigured) as caught, other.begin():
            pass
    assert "wr0ng" not in str(caught.value)
    with open_database(f"postgresql://r_{role}:right@{host}") as other:
        with pytest.raises(Misconfigured, match="permission denied"), other.begin() as connection:
            connection.execute(OUTBOX.select())


def test_a_database_that_orders_text_otherwise_is_misconfigured(url: str) -> None:
    odd = f"{url}_odd"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {odd.rpartition('/')[2]} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C'"
        )
    with open_database(odd) as engine, pytest.raises(Misconfigured, match="nungil databases apply"), engine.begin():
        pass


def test_a_reader_can_write_nothing(engine: Engine) -> None:
    with pytest.raises(DatabaseAway, match="read-only"), reading(engine) as connection:
        put_out(connection, OUTBOX, [an_event("m-1", 1)])


# Going away


def test_a_connection_that_was_cut_is_away_once_and_then_made_again(engine: Engine) -> None:
    with pytest.raises(DatabaseAway), engine.begin() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        put_out(connection, OUTBOX, [an_event("m-1", 1)])
    assert not _waiting(engine)
    with engine.begin() as connection:
        put_out(connection, OUTBOX, [an_event("m-1", 1)])
    assert _waiting(engine) == 1


def test_connections_that_were_cut_while_idle_are_not_noticed(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _waiting(engine), range(8)))
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    for _ in range(6):
        assert _waiting(engine) == 0


def test_a_statement_that_takes_too_long_is_an_outage(engine: Engine) -> None:
    with pytest.raises(DatabaseAway, match="statement timeout"), engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = '100ms'"))
        connection.execute(text("SELECT pg_sleep(10)"))


@real_servers.STOPPABLE
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGQUIT])  # in order, and as a crash
def test_an_open_database_recovers_by_itself_when_the_server_is_back(
    engine: Engine, url: str, by: signal.Signals
) -> None:
    with engine.begin() as connection:
        put_out(connection, OUTBOX, [an_event("m-1", 1)])
    with real_servers.stopped("postgres", by=by):
        for _ in range(2):
            with pytest.raises(DatabaseAway):
                _waiting(engine)
        with pytest.raises(DatabaseAway):
            upgrade("ingest", url)
    assert _waiting(engine) == 1


def _waiting(engine: Engine) -> int:
    with reading(engine) as connection:
        return len(connection.execute(OUTBOX.select()).all())
