"""Statements on imports of feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select, update

from services.ingest.feed import Progress, Refused, Terms
from services.ingest.store.tables import IMPORTS, REFUSED_ROWS


def add_import(
    connection: Connection,
    tenant: str,
    import_id: str,
    feed: bytes,
    terms: Terms,
    refused: Sequence[Refused],
    *,
    now_ms: int,
) -> None:
    """A new import with what was refused at the first look; one that is done begins anew. Raises
    sqlalchemy.exc.IntegrityError where it exists and is not done."""
    this = (IMPORTS.c.tenant == tenant, IMPORTS.c.import_id == import_id)
    if connection.execute(delete(IMPORTS).where(*this, IMPORTS.c.feed.is_(None))).rowcount:
        connection.execute(
            delete(REFUSED_ROWS).where(REFUSED_ROWS.c.tenant == tenant, REFUSED_ROWS.c.import_id == import_id)
        )
    connection.execute(
        insert(IMPORTS).values(
            tenant=tenant,
            import_id=import_id,
            created_at_ms=now_ms,
            feed=feed,
            terms=asdict(terms),
            items_read=0,
            rows=len(refused),
            accepted=0,
            items_put=0,
            retired=0,
        )
    )
    refuse(connection, tenant, import_id, refused)


def refuse(connection: Connection, tenant: str, import_id: str, refused: Sequence[Refused]) -> None:
    """Keeps why rows were not applied."""
    if refused:
        rows = [{"tenant": tenant, "import_id": import_id, "line": r.line, "reason": r.reason} for r in refused]
        connection.execute(insert(REFUSED_ROWS), rows)


def find_import(connection: Connection, tenant: str, import_id: str) -> Progress | None:
    """How far it is."""
    columns = (c for c in IMPORTS.c if c.name not in ("feed", "created_at_ms"))
    query = select(*columns, IMPORTS.c.feed.is_(None).label("done")).where(
        IMPORTS.c.tenant == tenant, IMPORTS.c.import_id == import_id
    )
    row = connection.execute(query).one_or_none()
    return Progress(**{**row._mapping, "terms": Terms(**(row.terms or {}))}) if row else None


def refused_rows(connection: Connection, tenant: str, import_id: str, *, limit: int) -> list[Refused]:
    """In the order of the file."""
    query = (
        select(REFUSED_ROWS.c.line, REFUSED_ROWS.c.reason)
        .where(REFUSED_ROWS.c.tenant == tenant, REFUSED_ROWS.c.import_id == import_id)
        .order_by(REFUSED_ROWS.c.line)
        .limit(limit)
    )
    return [Refused(row.line, row.reason) for row in connection.execute(query)]


def next_import(connection: Connection) -> tuple[str, str] | None:
    """Tenant and id of the oldest import that is not done, of any tenant."""
    query = (
        select(IMPORTS.c.tenant, IMPORTS.c.import_id)
        .where(IMPORTS.c.feed.is_not(None))
        .order_by(IMPORTS.c.created_at_ms, IMPORTS.c.import_id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (row.tenant, row.import_id) if row else None


def feed_of(connection: Connection, tenant: str, import_id: str) -> tuple[bytes, int]:
    """The bytes of an import that is not done, and when it was begun."""
    query = select(IMPORTS.c.feed, IMPORTS.c.created_at_ms).where(
        IMPORTS.c.tenant == tenant, IMPORTS.c.import_id == import_id
    )
    row = connection.execute(query).one()
    return bytes(row.feed), int(row.created_at_ms)


def advance(
    connection: Connection, tenant: str, import_id: str, *, items_read: int, rows: int, accepted: int, items_put: int
) -> None:
    """Adds a batch to what was done."""
    connection.execute(
        update(IMPORTS)
        .where(IMPORTS.c.tenant == tenant, IMPORTS.c.import_id == import_id)
        .values(
            items_read=IMPORTS.c.items_read + items_read,
            rows=IMPORTS.c.rows + rows,
            accepted=IMPORTS.c.accepted + accepted,
            items_put=IMPORTS.c.items_put + items_put,
        )
    )


def add_retired(connection: Connection, tenant: str, import_id: str, offers: int) -> None:
    """Counts offers that a full feed retired."""
    connection.execute(
        update(IMPORTS)
        .where(IMPORTS.c.tenant == tenant, IMPORTS.c.import_id == import_id)
        .values(retired=IMPORTS.c.retired + offers)
    )


def finish(connection: Connection, tenant: str, import_id: str) -> None:
    """Marks it done and forgets the feed's bytes."""
    connection.execute(
        update(IMPORTS).where(IMPORTS.c.tenant == tenant, IMPORTS.c.import_id == import_id).values(feed=None)
    )


def position(connection: Connection, tenant: str, import_id: str) -> int | None:
    """Items read so far (None: done), held until the transaction ends, so that two processes never apply the same batch."""
    query = select(IMPORTS.c.items_read).where(
        IMPORTS.c.tenant == tenant, IMPORTS.c.import_id == import_id, IMPORTS.c.feed.is_not(None)
    )
    found: int | None = connection.execute(query.with_for_update()).scalar_one_or_none()
    return found
