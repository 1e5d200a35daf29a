"""After rows were deleted for good: their bytes too."""

from __future__ import annotations

from sqlalchemy import Engine

from nungil.database.errors import DatabaseAway


def scrub(engine: Engine) -> bool:
    """Takes the bytes of what was deleted out of the database's files. True: they are gone.

    SQLite overwrote them on deleting (secure_delete); here its journal is emptied too. PostgreSQL answers False: its pages, its
    WAL and what is made of it keep bytes until they are written over, as the server is set.
    Raises DatabaseAway where a reader holds SQLite's journal for longer than the busy timeout: call again.
    """
    if engine.dialect.name != "sqlite":
        return False
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None  # noqa: S101  # of an open connection
        [busy, *_] = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise DatabaseAway("the journal of the database is in use and cannot be emptied yet")
    return True
