"""People who leave, and what the gateway keeps of them. The caller brings the transaction."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from nungil.database.open import hold
from services.gateway.store import ANSWERS, API_KEYS, ERASED_PEOPLE

OWN_KEY = "person"  # the scopes of a key that speaks for one person and can do nothing else


def begin(c: Connection, tenant: str, person_id: str, subject: str) -> None:
    """Notes whose keys end with this person: nobody can tell once profile has removed the link."""
    hold(c, _held(tenant, person_id))
    if c.execute(select(ERASED_PEOPLE).where(*_is(tenant, person_id))).first() is None:
        c.execute(insert(ERASED_PEOPLE).values(tenant=tenant, person_id=person_id, subject=subject, rows=None))


def call_off(c: Connection, tenant: str, person_id: str) -> None:
    """The person was not erased."""
    c.execute(delete(ERASED_PEOPLE).where(*_is(tenant, person_id), ERASED_PEOPLE.c.rows.is_(None)))


def erase(c: Connection, tenant: str, person_id: str) -> int:
    """Removes answers and own keys of a person, and the note whose they were; how many, as counted at first."""
    hold(c, _held(tenant, person_id))
    noted = c.execute(select(ERASED_PEOPLE).where(*_is(tenant, person_id))).mappings().one_or_none()
    of_person = ANSWERS.c.tenant == tenant, ANSWERS.c.person_id == person_id
    removed = c.execute(delete(ANSWERS).where(*of_person)).rowcount
    if noted is not None and noted["subject"] is not None:
        own = API_KEYS.c.tenant == tenant, API_KEYS.c.subject == noted["subject"], API_KEYS.c.scopes == OWN_KEY
        removed += c.execute(delete(API_KEYS).where(*own)).rowcount
    if noted is not None and noted["rows"] is not None:
        return int(noted["rows"])
    if noted is None:
        c.execute(insert(ERASED_PEOPLE).values(tenant=tenant, person_id=person_id, subject=None, rows=removed))
    else:
        c.execute(update(ERASED_PEOPLE).where(*_is(tenant, person_id)).values(subject=None, rows=removed))
    return removed


def _is(tenant: str, person_id: str) -> tuple[ColumnElement[bool], ...]:
    return (ERASED_PEOPLE.c.tenant == tenant, ERASED_PEOPLE.c.person_id == person_id)


def _held(tenant: str, person_id: str) -> str:
    return f"erased/{tenant}/{person_id}"
