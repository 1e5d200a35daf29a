"""People who were erased, in search's copy. The caller brings the transaction."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, tuple_

from nungil.database.open import hold
from services.search.store import ERASED_PEOPLE, PICTURE_TAGS, PICTURES


def erase_owner(connection: Connection, tenant: str, person_id: str) -> int:
    """Removes what pictures of a person show, and takes no more of it; how many rows there were when this was asked first."""
    hold(connection, _held(tenant, person_id))
    removed = 0
    for table in (PICTURE_TAGS, PICTURES):
        owned = table.c.tenant == tenant, table.c.owner == person_id
        removed += connection.execute(delete(table).where(*owned)).rowcount
    of_person = ERASED_PEOPLE.c.tenant == tenant, ERASED_PEOPLE.c.person_id == person_id
    counted: int | None = connection.execute(select(ERASED_PEOPLE.c.rows).where(*of_person)).scalar_one_or_none()
    if counted is None:
        counted = removed
        connection.execute(insert(ERASED_PEOPLE).values(tenant=tenant, person_id=person_id, rows=counted))
    return counted


def erased_among(connection: Connection, owners: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of (tenant, owner) who were erased; nobody else is until the transaction ends."""
    if not owners:
        return set()
    hold(connection, *(_held(*owner) for owner in owners), shared=True)
    key = tuple_(ERASED_PEOPLE.c.tenant, ERASED_PEOPLE.c.person_id)
    found = connection.execute(select(ERASED_PEOPLE.c.tenant, ERASED_PEOPLE.c.person_id).where(key.in_(sorted(owners))))
    return {(tenant, person_id) for tenant, person_id in found}


def _held(tenant: str, owner: str) -> str:
    return f"owner/{tenant}/{owner}"
