"""The table of what people tried and every statement on it. The caller brings the transaction; every statement names the tenant."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
)

from services.profile.store.tables import METADATA, person_column, theirs
from services.profile.tried import Place, Tried

TRIED = Table(
    "tried",
    METADATA,
    person_column(primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("media_id", String, nullable=False),
    Column("made_media_id", String, nullable=False),  # empty: none
    Column("note", Text, nullable=False),  # empty: none
    Column("tried_at_ms", BigInteger, nullable=False),
    Index("tried_in_order", "person_id", "tried_at_ms", "event_id"),
    Index("tried_by_media", "tenant", "media_id"),
    Index("tried_by_made", "tenant", "made_media_id"),
)
_KEPT = tuple(TRIED.c[name] for name in ("event_id", "media_id", "made_media_id", "note", "tried_at_ms"))


def find(c: Connection, tenant: str, person_id: str, event_id: str) -> Tried | None:
    """What a person tried, by its event."""
    row = c.execute(select(*_KEPT).where(theirs(TRIED, tenant, person_id), TRIED.c.event_id == event_id)).first()
    return None if row is None else Tried(*row)


def add(c: Connection, tenant: str, person_id: str, tried: Tried) -> None:
    """Of a locked person, who has none of this event."""
    c.execute(
        insert(TRIED).values(
            tenant=tenant,
            person_id=person_id,
            event_id=tried.event_id,
            media_id=tried.media_id,
            made_media_id=tried.made_media_id,
            note=tried.note,
            tried_at_ms=tried.tried_at_ms,
        )
    )


def page(c: Connection, tenant: str, person_id: str, *, after: Place | None, limit: int) -> list[Tried]:
    """A person's own, newest first."""
    found = select(*_KEPT).where(theirs(TRIED, tenant, person_id))
    if after is not None:
        at_ms, event_id = after
        same = and_(TRIED.c.tried_at_ms == at_ms, TRIED.c.event_id < event_id)
        found = found.where(or_(TRIED.c.tried_at_ms < at_ms, same))
    newest_first = found.order_by(TRIED.c.tried_at_ms.desc(), TRIED.c.event_id.desc())
    return [Tried(*row) for row in c.execute(newest_first.limit(limit))]


def people_with_picture(c: Connection, tenant: str, media_id: str) -> list[str]:
    """Who tried it, or made what it shows, in order."""
    return sorted(c.execute(select(TRIED.c.person_id).where(_shows(tenant, media_id)).distinct()).scalars())


def remove_picture(c: Connection, tenant: str, person_id: str, media_id: str) -> None:
    """Removes a person's rows that show it, on either side."""
    c.execute(delete(TRIED).where(_shows(tenant, media_id), TRIED.c.person_id == person_id))


def _shows(tenant: str, media_id: str) -> ColumnElement[bool]:
    return and_(TRIED.c.tenant == tenant, or_(TRIED.c.media_id == media_id, TRIED.c.made_media_id == media_id))
