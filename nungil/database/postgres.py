"""How a PostgreSQL database of ours is opened: bounded waits, its errors as ours, locks by name where rows cannot be locked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError

from nungil.database.errors import DatabaseAway
from nungil.runtime.errors import Misconfigured
from nungil.runtime.urls import without_secrets

SCHEMES = ("postgresql://", "postgres://")
OLDEST_SERVER = 13
CONNECT_TIMEOUT_S = 5
_USE = "write postgresql://user@host:5432/database"
_POOL = 8
_SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "180s",  # longer than the log takes to accept what a relay gives it
    "timezone": "UTC",
}
_TCP = {  # so that a server that went without a word is noticed within 20 s
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# Classes: connection, resources, intervention (shutdown, not yet up), system error. States: serialization, deadlock, lock timeout, statement timeout, idle timeouts.
_AWAY_CLASSES = frozenset({"08", "53", "57", "58"})
_AWAY_STATES = frozenset({"40001", "40P01", "55P03", "25P03", "25P04", "25006"})
_WRONG = (
    "does not exist",
    "authentication failed",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "no password",
)


def engine_of(url: str) -> Engine:
    """Connects at the first use. Raises Misconfigured for a URL that names no database."""
    address = _address(url)
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    engine = create_engine(
        address,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": options, **_TCP},
        pool_size=_POOL,
        max_overflow=_POOL,
        pool_timeout=CONNECT_TIMEOUT_S * 2,
        pool_pre_ping=True,
        hide_parameters=True,  # what is stored stays out of errors, and so out of logs
        isolation_level="READ COMMITTED",
    )
    event.listen(engine, "handle_error", _translate)
    event.listen(engine, "first_connect", _check)
    return engine


def make_database(url: str) -> bool:
    """Makes the database that `url` names, with the order of text that we need; false where it is there.

    For who runs the system: services make none. Needs a role that may create databases, and the database `postgres`.
    """
    address = _address(url)
    try:
        with psycopg.connect(
            _conninfo(address.set(database="postgres")), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
        ) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").format(
                    sql.Identifier(address.database or "")
                )
            )
    except psycopg.errors.DuplicateDatabase:
        return False
    except psycopg.Error as error:
        raise _ours(error, without_secrets(url)) or Misconfigured(f"no database was made: {error}") from error
    return True


def lock(connection: Connection, names: Iterable[str], *, shared: bool) -> None:
    """Holds each of `names` until the transaction ends. In one order, so that two that want the same never block each other for good."""
    keys = sorted({int.from_bytes(hashlib.blake2b(n.encode(), digest_size=8).digest(), signed=True) for n in names})
    if keys:
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {function}(key) FROM unnest(CAST(:keys AS bigint[])) AS key"), {"keys": keys})  # noqa: S608


def now_ms(connection: Connection) -> int:
    """By the server's clock."""
    query = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
    return int(connection.execute(query).scalar_one())


def try_lock(connection: Connection, name: str) -> bool:
    """Holds `name` until the transaction ends, unless another does."""
    key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
    return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": key}).scalar_one())


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Misconfigured(f"{without_secrets(url)!r} names no database; {_USE}") from error
    if not address.database or not (address.host or "host" in address.query):
        raise Misconfigured(f"{without_secrets(url)!r} names no database; {_USE}")
    return address.set(drivername="postgresql+psycopg")


def _conninfo(address: URL) -> str:
    return address.set(drivername="postgresql").render_as_string(hide_password=False)


def _check(connection: psycopg.Connection[Any], _: Any) -> None:
    """Once an engine: the version, and that text is ordered by its bytes, as SQLite orders it and as pages and ties are."""
    check_version(connection.info.server_version)
    query = "SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    [(collation, encoding)] = connection.execute(query).fetchall()
    connection.rollback()
    if collation not in ("C", "POSIX", "C.UTF-8", "C.utf8") or encoding != "UTF8":
        raise Misconfigured(
            f"the database {connection.info.dbname} orders text by {collation} in {encoding}, not by its bytes: create it "
            "with TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C', as `nungil databases apply` does"
        )


def check_version(said: int) -> None:
    """`said`: the server's version as it is numbered there, 150018 for 15.18. Raises Misconfigured for one that is not for us."""
    if said // 10_000 < OLDEST_SERVER:
        raise Misconfigured(
            f"the server is PostgreSQL {said // 10_000}: use {OLDEST_SERVER} or newer; move its databases there with pg_upgrade"
        )


def _translate(context: ExceptionContext) -> None:
    if context.is_pre_ping:  # the pool connects again
        return
    error = context.original_exception
    if isinstance(error, psycopg.Error):
        ours = _ours(error, "the database", disconnected=context.is_disconnect)
        if ours is not None:
            raise ours from error


def _ours(error: psycopg.Error, name: str, *, disconnected: bool = False) -> DatabaseAway | Misconfigured | None:
    """What may pass by itself is away; what an operator must mend is misconfigured; what is ours to mend is neither."""
    state = error.sqlstate or ""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    connecting = isinstance(error, psycopg.OperationalError) and not state
    if state.startswith("28") or state == "3D000" or (connecting and any(wrong in str(error) for wrong in _WRONG)):
        return Misconfigured(f"{name} does not let us in: {said}; check its URL, and that it was created")
    if state == "42501":
        return Misconfigured(f"{name} does not allow what we need: {said}; grant it to the role in its URL")
    if disconnected or connecting or state[:2] in _AWAY_CLASSES or state in _AWAY_STATES:
        return DatabaseAway(f"{name} cannot be used now: {said}")
    return None
