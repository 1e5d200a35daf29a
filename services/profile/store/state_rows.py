"""What was folded of people. The caller brings the transaction; every statement names the tenant."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from services.profile import core
from services.profile.core import State
from services.profile.store import encoding
from services.profile.store.tables import STATES, theirs


@dataclass(frozen=True, slots=True)
class KeptState:
    """A state and under which rules, and on which day, it was folded."""

    state: State
    rules: str
    dropped_on: int


def state(c: Connection, tenant: str, person_id: str) -> KeptState | None:
    """None where nothing was folded."""
    of = theirs(STATES, tenant, person_id)
    row = c.execute(select(STATES.c.state, STATES.c.rules, STATES.c.dropped_on).where(of)).first()
    return KeptState(encoding.decode_state(row.state), row.rules, row.dropped_on) if row else None


def put_state(c: Connection, tenant: str, person_id: str, kept: KeptState) -> None:
    """Replaces, and leaves the checkpoint. A state of nothing leaves no row: as if there had never been one."""
    at = theirs(STATES, tenant, person_id)
    if kept.state == core.NOTHING:
        c.execute(delete(STATES).where(at))
        return
    values = {"state": encoding.encode_state(kept.state), "rules": kept.rules, "dropped_on": kept.dropped_on}
    if not c.execute(update(STATES).where(at).values(values)).rowcount:
        c.execute(insert(STATES).values(tenant=tenant, person_id=person_id, **values))


def checkpoint(c: Connection, tenant: str, person_id: str, rules: str, dropped_on: int) -> State | None:
    """None where there is none under these rules of this day."""
    found = select(STATES.c.checkpoint).where(
        theirs(STATES, tenant, person_id),
        STATES.c.rules == rules,
        STATES.c.dropped_on == dropped_on,
    )
    kept = c.execute(found).scalar_one_or_none()
    return encoding.decode_state(kept) if kept else None


def put_checkpoint(c: Connection, tenant: str, person_id: str, state: State | None) -> None:
    """Beside the state that is kept. Its rules and its day are that one's."""
    at = theirs(STATES, tenant, person_id)
    c.execute(update(STATES).where(at).values(checkpoint=encoding.encode_state(state) if state else None))
