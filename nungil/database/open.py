"""A database URL becomes an engine. SQLAlchemy Core, so that one statement serves SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

from nungil.database import sqlite
from nungil.database.errors import DatabaseAway
from nungil.runtime.errors import Misconfigured

_READ_ONLY = "nungil_read_only"


@contextmanager
def open_database(url: str) -> Iterator[Engine]:
    """The database of a service: 'sqlite:///abs/path/x.db', made with its folder where absent.

    `with engine.begin() as connection:` is one durable transaction that takes the write lock at once, so that what it
    read cannot change before it writes; `with reading(engine) as connection:` is for reads alone. Both raise
    DatabaseAway where the database is locked for 10 s, full or gone. Raises Misconfigured for a URL that we cannot open.
    """
    if not url.startswith(sqlite.SCHEME):
        raise Misconfigured(f"no database adapter for {url.partition('://')[0]!r}: write sqlite:///absolute/path/x.db")
    engine = _sqlite_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database, which blocks no writer. Write nothing in it."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_READ_ONLY: True})


def _sqlite_engine(url: str) -> Engine:
    path = sqlite.path_of(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": sqlite.BUSY_TIMEOUT_S}, pool_size=8
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
