"""The journals and states of many people in few statements: what a batch of events reads and writes. The caller brings the transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from services.profile.core import Activity, Entry, Found, KeptConsent
from services.profile.store import encoding
from services.profile.store.journal_rows import activity_of, entry_of, row_of
from services.profile.store.people_rows import PAUSES, Pause
from services.profile.store.state_rows import KeptState
from services.profile.store.tables import CONSENTS, JOURNAL, PEOPLE, STATES


def lock_people(c: Connection, tenant: str, people: Collection[str]) -> set[str]:
    """Those of them whom this tenant has; nobody else writes these until the transaction ends. In one order, so that two
    batches never wait for each other."""
    found = select(PEOPLE.c.person_id).where(PEOPLE.c.tenant == tenant, PEOPLE.c.person_id.in_(people))
    return set(c.execute(found.order_by(PEOPLE.c.person_id).with_for_update()).scalars())


def consents(c: Connection, tenant: str, people: Collection[str], purpose: int) -> dict[str, KeptConsent]:
    """By person; whoever was never asked is absent."""
    rows = c.execute(
        select(CONSENTS).where(
            CONSENTS.c.tenant == tenant, CONSENTS.c.person_id.in_(people), CONSENTS.c.purpose == purpose
        )
    )
    return {row.person_id: KeptConsent(row.given, row.changed_at_ms) for row in rows}


def pauses(c: Connection, tenant: str, people: Collection[str]) -> dict[str, list[Pause]]:
    """By person, the first one first."""
    rows = c.execute(
        select(PAUSES)
        .where(PAUSES.c.tenant == tenant, PAUSES.c.person_id.in_(people))
        .order_by(PAUSES.c.person_id, PAUSES.c.paused_at_ms)
    )
    found: dict[str, list[Pause]] = {}
    for row in rows:
        found.setdefault(row.person_id, []).append(Pause(row.paused_at_ms, row.resumed_at_ms))
    return found


def add_waiting(c: Connection, tenant: str, activities: Sequence[Activity]) -> None:
    """Rows without findings; an event that its person has a row of already changes nothing. The people are locked."""
    known = {
        (row.person_id, row.event_id)
        for row in c.execute(
            select(JOURNAL.c.person_id, JOURNAL.c.event_id).where(
                JOURNAL.c.tenant == tenant,
                JOURNAL.c.person_id.in_({activity.person_id for activity in activities}),
                JOURNAL.c.event_id.in_({activity.event_id for activity in activities}),
            )
        )
    }
    new = {(one.person_id, one.event_id): one for one in activities if (one.person_id, one.event_id) not in known}
    if new:
        c.execute(insert(JOURNAL), [row_of(activity) for activity in new.values()])


def waiting(c: Connection, tenant: str, media_ids: Collection[str], people: Collection[str]) -> list[Activity]:
    """Rows of these pictures and people that have no findings yet."""
    found = select(JOURNAL).where(
        JOURNAL.c.tenant == tenant,
        JOURNAL.c.person_id.in_(people),
        JOURNAL.c.media_id.in_(media_ids),
        JOURNAL.c.findings.is_(None),
    )
    return [activity_of(row) for row in c.execute(found.order_by(JOURNAL.c.person_id, JOURNAL.c.event_id))]


def fill(c: Connection, tenant: str, found: Sequence[tuple[Activity, Found]]) -> dict[str, list[Entry]]:
    """Gives waiting rows what was found. By person, the entries of those rows: one that waits no more has none."""
    waits = select(JOURNAL.c.person_id, JOURNAL.c.event_id).where(
        JOURNAL.c.tenant == tenant,
        JOURNAL.c.person_id.in_({activity.person_id for activity, _ in found}),
        JOURNAL.c.event_id.in_({activity.event_id for activity, _ in found}),
        JOURNAL.c.findings.is_(None),
    )
    still = {(row.person_id, row.event_id) for row in c.execute(waits.with_for_update())}
    waited = [(activity, seen) for activity, seen in found if (activity.person_id, activity.event_id) in still]
    _put_found(c, tenant, waited)
    filled: dict[str, list[Entry]] = {}
    for activity, seen in waited:
        filled.setdefault(activity.person_id, []).append(entry_of(activity, seen))
    return filled


def fill_again(c: Connection, tenant: str, found: Sequence[tuple[Activity, Found]]) -> None:
    """Gives rows something else that was found. The people are locked."""
    _put_found(c, tenant, found)


def states(c: Connection, tenant: str, people: Collection[str]) -> dict[str, KeptState]:
    """By person; absent where nothing was folded."""
    rows = c.execute(
        select(STATES.c.person_id, STATES.c.state, STATES.c.rules, STATES.c.dropped_on).where(
            STATES.c.tenant == tenant, STATES.c.person_id.in_(people)
        )
    )
    return {row.person_id: KeptState(encoding.decode_state(row.state), row.rules, row.dropped_on) for row in rows}


def rows_of(c: Connection, tenant: str, people: Collection[str]) -> dict[str, int]:
    """By person, how many rows of their journal do not wait."""
    found = select(JOURNAL.c.person_id, func.count().label("n")).where(
        JOURNAL.c.tenant == tenant, JOURNAL.c.person_id.in_(people), JOURNAL.c.findings.is_not(None)
    )
    return {row.person_id: row.n for row in c.execute(found.group_by(JOURNAL.c.person_id))}


def add_states(c: Connection, tenant: str, kept: Mapping[str, KeptState]) -> None:
    """Of people who have none. None of them is a state of nothing."""
    if kept:
        rows = [
            {
                "tenant": tenant,
                "person_id": id_,
                "state": encoding.encode_state(one.state),
                "rules": one.rules,
                "dropped_on": one.dropped_on,
            }
            for id_, one in kept.items()
        ]
        c.execute(insert(STATES), rows)


def replace_states(c: Connection, tenant: str, kept: Mapping[str, KeptState]) -> None:
    """Of people who have one; leaves their checkpoints. None of them is a state of nothing."""
    if not kept:
        return
    of_person = and_(STATES.c.tenant == tenant, STATES.c.person_id == bindparam("of_person"))
    c.execute(
        update(STATES).where(of_person).values(state=bindparam("as_bytes")),
        [{"of_person": id_, "as_bytes": encoding.encode_state(one.state)} for id_, one in kept.items()],
    )


def _put_found(c: Connection, tenant: str, found_in: Sequence[tuple[Activity, Found]]) -> None:
    # Many people do things with one picture: what was found in it is the same object, and is encoded once.
    texts = {key: encoding.encode_findings(seen.findings) for key, seen in {id(s): s for _, s in found_in}.items()}
    rows = [
        {
            "of_person": activity.person_id,
            "of_event": activity.event_id,
            "found": texts[id(seen)],
            "seen": seen.vectors,
            "of_space": seen.space,
        }
        for activity, seen in found_in
    ]
    if rows:
        of_row = and_(
            JOURNAL.c.tenant == tenant,
            JOURNAL.c.person_id == bindparam("of_person"),
            JOURNAL.c.event_id == bindparam("of_event"),
        )
        found: dict[str, Any] = {
            "findings": bindparam("found"),
            "vectors": bindparam("seen"),
            "space": bindparam("of_space"),
        }
        c.execute(update(JOURNAL).where(of_row).values(found), rows)
