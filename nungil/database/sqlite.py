"""How every SQLite file of ours is opened: WAL, durable commits, a busy timeout, what is deleted overwritten."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from nungil.runtime.errors import Misconfigured

SCHEME = "sqlite://"
BUSY_TIMEOUT_S = 10.0
_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def path_of(url: str) -> Path:
    """The file that 'sqlite:///abs/path/x.db' names; its path is absolute with three slashes or four. Raises Misconfigured."""
    path = url.removeprefix(SCHEME)
    if path == url or not path.strip("/") or not path.startswith("/"):
        raise Misconfigured(f"{url!r} names no SQLite file: write sqlite:///absolute/path/x.db")
    return Path("/" + path.lstrip("/"))


def is_away(error: BaseException | None) -> bool:
    """Whether `error` may pass by itself (busy, full, unreadable), and is no mistake of ours in the SQL."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _AWAY


def connect(path: Path, *, durable: bool = True) -> sqlite3.Connection:
    """A connection in autocommit mode. `durable` False: a commit may be lost with the power, never with the process."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        prepare(connection, durable=durable)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, *, durable: bool = True) -> None:
    """Sets what a new connection needs. Raises Misconfigured where the file is something else."""
    _enter_wal(connection)
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")


def _enter_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for the other process that makes the same change to a new file, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    pause = Event()
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise Misconfigured("there is a file in the database's place that is no SQLite database") from error
            if not is_away(error) or time.monotonic() > deadline:
                raise
            pause.wait(0.02)
        else:
            return


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A transaction that holds the write lock from its beginning: it never fails half way for another writer's sake."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
