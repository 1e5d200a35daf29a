"""An event log URL becomes an adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from nungil.database import sqlite
from nungil.event_log.port import EventLog
from nungil.event_log.sqlite import SESSION_TIMEOUT_S, SqliteEventLog
from nungil.runtime.errors import Misconfigured


@contextmanager
def open_event_log(url: str, *, session_timeout_s: float = SESSION_TIMEOUT_S) -> Iterator[EventLog]:
    """The event log at `url`: 'sqlite:///abs/path/log.db', made with its folder and topics where absent.

    session_timeout_s: a member that has not polled for so long may lose its partitions to another.
    Raises Misconfigured for a URL that we cannot open, EventLogAway where it cannot be reached.
    """
    if not url.startswith(sqlite.SCHEME):
        raise Misconfigured(
            f"no event log adapter for {url.partition('://')[0]!r}: write sqlite:///absolute/path/log.db"
        )
    with closing(SqliteEventLog(sqlite.path_of(url), session_timeout_s=session_timeout_s)) as log:
        yield log
