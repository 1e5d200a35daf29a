"""Statements on people who were erased, and on what was theirs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from nungil.database.open import hold
from services.ingest.core import Media
from services.ingest.store.tables import ERASED_PEOPLE, MEDIA


@dataclass(frozen=True, slots=True)
class Counted:
    """What a person had when their erasure began."""

    pictures: int
    objects: int


def hold_owner(connection: Connection, tenant: str, owner: str, *, shared: bool) -> None:
    """Uploads of an owner share it; their erasure waits for these, and they for it."""
    hold(connection, f"owner/{tenant}/{owner}", shared=shared)


def find_erased(connection: Connection, tenant: str, person_id: str) -> Counted | None:
    """None for a person who was not erased."""
    of_person = (ERASED_PEOPLE.c.tenant == tenant, ERASED_PEOPLE.c.person_id == person_id)
    row = connection.execute(select(ERASED_PEOPLE).where(*of_person)).one_or_none()
    return Counted(row.pictures, row.objects) if row else None


def add_erased(connection: Connection, tenant: str, person_id: str, counted: Counted) -> None:
    """From now on nothing of theirs is taken. The owner is held."""
    connection.execute(
        insert(ERASED_PEOPLE).values(
            tenant=tenant, person_id=person_id, pictures=counted.pictures, objects=counted.objects
        )
    )


def media_of(connection: Connection, tenant: str, owner: str) -> list[Media]:
    """All of an owner's pictures, in whatever state."""
    found = select(MEDIA).where(MEDIA.c.tenant == tenant, MEDIA.c.owner == owner).order_by(MEDIA.c.media_id)
    return [Media(**row._mapping) for row in connection.execute(found)]


def forget_owner(connection: Connection, tenant: str, owner: str) -> None:
    """Removes the rows."""
    connection.execute(delete(MEDIA).where(MEDIA.c.tenant == tenant, MEDIA.c.owner == owner))
