"""A database URL becomes an engine. SQLAlchemy Core, so that one statement serves SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

from nungil.database import postgres, sqlite
from nungil.database.errors import DatabaseAway
from nungil.runtime.clock import now_ms
from nungil.runtime.errors import Misconfigured

_READ_ONLY = "nungil_read_only"


@contextmanager
def open_database(url: str) -> Iterator[Engine]:
    """The database of a service: 'sqlite:///abs/path/x.db', made with its folder where absent, or 'postgresql://user@host/x'.

    `with engine.begin() as connection:` is one durable transaction; `with reading(engine) as connection:` is for reads
    alone. What a transaction reads and then relies on, it locks: rows by `with_for_update`, what has no row by `hold`. On SQLite
    the whole database is locked from the beginning; on PostgreSQL nothing else is (decision 10). Both raise DatabaseAway
    where the database is locked for 10 s, full or gone. Raises Misconfigured for a URL that we cannot open, and at the
    first use for a server that is too old or lets us not in.
    """
    check_database_url(url)
    engine = _sqlite_engine(url) if url.startswith(sqlite.SCHEME) else postgres.engine_of(url)
    try:
        yield engine
    finally:
        engine.dispose()


def check_database_url(url: str) -> dict[str, str]:
    """What follows '?' in a PostgreSQL URL. Raises Misconfigured for a URL that we cannot open. Connects to nothing."""
    if url.startswith(sqlite.SCHEME):
        sqlite.path_of(url)
        return {}
    if url.startswith(postgres.SCHEMES):
        return {name: value for name, value in postgres.engine_of(url).url.query.items() if isinstance(value, str)}
    raise Misconfigured(
        f"no database adapter for {url.partition('://')[0]!r}: write sqlite:///absolute/path/x.db or postgresql://user@host/x"
    )


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database, which blocks no writer. Write nothing in it."""
    with engine.connect() as connection:
        if _is_postgres(connection):
            yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            yield connection.execution_options(**{_READ_ONLY: True})


def hold(connection: Connection, *names: str, shared: bool = False) -> None:
    """Keeps every other transaction that holds one of `names` waiting until this one ends.

    For what no row can be locked for, as it may not exist yet. Those that are `shared` keep only the others waiting.
    """
    if _is_postgres(connection):  # SQLite has one writer, and this is it
        postgres.lock(connection, names, shared=shared)


def clock_of(connection: Connection) -> int:
    """Now, in milliseconds of UTC, by a clock that every process on this database shares."""
    if _is_postgres(connection):
        return postgres.now_ms(connection)
    return now_ms()  # one machine


@contextmanager
def alone(engine: Engine, name: str) -> Iterator[bool]:
    """Whether no other process is within a block of this name; it stays so until this one ends. Does not wait.

    On SQLite always true: there, run one.
    """
    if engine.dialect.name != "postgresql":
        yield True
        return
    with engine.begin() as connection:
        yield postgres.try_lock(connection, name)


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _sqlite_engine(url: str) -> Engine:
    path = sqlite.path_of(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": sqlite.BUSY_TIMEOUT_S},
        pool_size=8,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # sqlite3 begins no transactions of its own: `begin` below does
        sqlite.prepare(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "handle_error")
    def translate(context: ExceptionContext) -> None:
        if sqlite.is_away(context.original_exception):
            raise DatabaseAway(f"the database {path.name} cannot be used now: {context.original_exception}")

    return engine
