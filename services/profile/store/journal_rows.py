"""The journal of people, and the pictures that are gone. The caller brings the transaction; every statement names the tenant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Select,
    and_,
    delete,
    insert,
    select,
    update,
)

from nungil.database.open import hold
from nungil.pictures.boxes import Box
from services.profile import core
from services.profile.core import Activity, Entry, Found
from services.profile.store import encoding
from services.profile.store.tables import JOURNAL, REMOVED_PICTURES, theirs
from services.profile.taking_back import Place


def waiting(c: Connection, tenant: str, media_ids: Collection[str], *, person_id: str | None = None) -> list[Activity]:
    """Rows of these pictures that have no findings yet, of everyone or of one person."""
    found = select(JOURNAL).where(
        JOURNAL.c.tenant == tenant, JOURNAL.c.media_id.in_(media_ids), JOURNAL.c.findings.is_(None)
    )
    if person_id is not None:
        found = found.where(JOURNAL.c.person_id == person_id)
    return [activity_of(row) for row in c.execute(found.order_by(JOURNAL.c.person_id, JOURNAL.c.event_id))]


def drop_row(c: Connection, activity: Activity) -> None:
    """Removes one row."""
    c.execute(delete(JOURNAL).where(_is_row(activity)))


def drop_waiting(c: Connection, tenant: str, media_ids: Collection[str]) -> None:
    """Removes the rows of pictures that will never have features."""
    c.execute(
        delete(JOURNAL).where(
            JOURNAL.c.tenant == tenant, JOURNAL.c.media_id.in_(media_ids), JOURNAL.c.findings.is_(None)
        )
    )


def drop_older(c: Connection, tenant: str, person_id: str, before_ms: int) -> int:
    """Removes a person's rows that occurred before, corrections aside; how many there were."""
    return c.execute(
        delete(JOURNAL).where(
            theirs(JOURNAL, tenant, person_id),
            JOURNAL.c.occurred_at_ms < before_ms,
            JOURNAL.c.interest == "",
        )
    ).rowcount


def entries(c: Connection, tenant: str, person_id: str, *, after: Place = (0, "")) -> list[Entry]:
    """A person's journal in order, or what comes after a place in it, without the rows that wait.

    What of it still speaks says `taking_back.standing`.
    """
    rows = c.execute(
        _rows(
            tenant,
            person_id,
            JOURNAL.c.event_id,
            JOURNAL.c.kind,
            JOURNAL.c.media_id,
            JOURNAL.c.occurred_at_ms,
            JOURNAL.c.findings,
            JOURNAL.c.interest,
            JOURNAL.c.text,
            JOURNAL.c.box,
            JOURNAL.c.vectors,
            JOURNAL.c.space,
        ).where(JOURNAL.c.findings.is_not(None), JOURNAL.c.occurred_at_ms >= after[0])
    )
    found = [
        Entry(
            row.event_id,
            row.kind,
            row.media_id,
            row.occurred_at_ms,
            encoding.decode_findings(row.findings),
            row.interest,
            row.text,
            encoding.decode_box(row.box),
            row.vectors or b"",
            row.space or "",
        )
        for row in rows
        if (row.occurred_at_ms, row.event_id) > after
    ]
    return sorted(found, key=lambda entry: entry.place)  # here: databases do not agree on the order of text


def learnt(c: Connection, tenant: str, person_id: str) -> list[Activity]:
    """What a person did with pictures, of the rows that do not wait."""
    of = theirs(JOURNAL, tenant, person_id), JOURNAL.c.interest == ""
    rows = c.execute(select(JOURNAL).where(*of, JOURNAL.c.findings.is_not(None)).order_by(JOURNAL.c.event_id))
    return [activity_of(row) for row in rows]


def places_of(
    c: Connection, tenant: str, person_id: str, media_ids: Collection[str]
) -> dict[str, list[tuple[Place, int]]]:
    """Of each of these pictures, place and kind of a person's rows that do not wait, in order."""
    found = _rows(
        tenant, person_id, JOURNAL.c.event_id, JOURNAL.c.kind, JOURNAL.c.media_id, JOURNAL.c.occurred_at_ms
    ).where(JOURNAL.c.findings.is_not(None), JOURNAL.c.media_id.in_(media_ids))
    places: dict[str, list[tuple[Place, int]]] = {}
    for row in c.execute(found):
        places.setdefault(row.media_id, []).append(((row.occurred_at_ms, row.event_id), row.kind))
    return {media_id: sorted(of_one) for media_id, of_one in places.items()}


def kinds_before(c: Connection, tenant: str, person_id: str, entries: Sequence[Entry]) -> dict[str, list[int]]:
    """For each picture that is hidden among `entries`, the kinds of a person's rows of it that come before all of them."""
    hidden = {entry.media_id for entry in entries if entry.kind == core.HIDDEN}
    if not hidden:
        return {}
    first = min(entry.place for entry in entries)
    places = places_of(c, tenant, person_id, hidden)
    return {media_id: [kind for place, kind in of_one if place < first] for media_id, of_one in places.items()}


def pictures_of_kinds(c: Connection, tenant: str, person_id: str, kinds: Collection[int]) -> set[str]:
    """The pictures that a person did any of these things with, in the days that a journal is kept."""
    found = _rows(tenant, person_id, JOURNAL.c.media_id).where(JOURNAL.c.kind.in_(kinds), JOURNAL.c.media_id != "")
    return set(c.execute(found.distinct()).scalars())


def has_rows(c: Connection, tenant: str, person_id: str) -> bool:
    """Whether a person has a row that does not wait."""
    found = _rows(tenant, person_id, JOURNAL.c.event_id).where(JOURNAL.c.findings.is_not(None)).limit(1)
    return c.execute(found).first() is not None


def people_with(c: Connection, tenant: str, media_id: str) -> list[str]:
    """Who has rows of this picture, in order."""
    found = select(JOURNAL.c.person_id).where(JOURNAL.c.tenant == tenant, JOURNAL.c.media_id == media_id).distinct()
    return sorted(c.execute(found).scalars())


def drop_picture(c: Connection, tenant: str, person_id: str, media_id: str) -> None:
    """Removes a person's rows of a picture."""
    c.execute(delete(JOURNAL).where(theirs(JOURNAL, tenant, person_id), JOURNAL.c.media_id == media_id))


def forget_result(c: Connection, tenant: str, media_id: str) -> None:
    """What was made of a picture is gone: nothing points at it any more."""
    of_result = JOURNAL.c.tenant == tenant, JOURNAL.c.result_media_id == media_id
    c.execute(update(JOURNAL).where(*of_result).values(result_media_id=""))


def drop_learnt(c: Connection, tenant: str, person_id: str) -> None:
    """Removes the rows of what was learnt of a person. What they said themselves stays; the state is to be folded again."""
    learnt = theirs(JOURNAL, tenant, person_id), JOURNAL.c.interest == ""
    c.execute(delete(JOURNAL).where(*learnt))


def add_correction(c: Connection, tenant: str, person_id: str, entry: Entry) -> bool:
    """Whether it is new: an event that has a row already changes nothing. The person is locked."""
    known = _rows(tenant, person_id, JOURNAL.c.event_id).where(JOURNAL.c.event_id == entry.event_id)
    if c.execute(known).first() is not None:
        return False
    c.execute(
        insert(JOURNAL).values(
            person_id=person_id,
            event_id=entry.event_id,
            tenant=tenant,
            kind=entry.kind,
            media_id="",
            occurred_at_ms=entry.occurred_at_ms,
            findings=encoding.encode_findings(()),
            interest=entry.interest,
            text=entry.text,
        )
    )
    return True


def mark_removed(c: Connection, tenant: str, media_id: str, at_ms: int, *, forget_before_ms: int) -> None:
    """Remembers that a picture is gone; what was removed long ago is forgotten, as nothing of it can come any more."""
    hold(c, _picture(tenant, media_id))
    c.execute(
        delete(REMOVED_PICTURES).where(
            REMOVED_PICTURES.c.tenant == tenant, REMOVED_PICTURES.c.removed_at_ms < forget_before_ms
        )
    )
    if not removed(c, tenant, [media_id]):
        c.execute(insert(REMOVED_PICTURES).values(tenant=tenant, media_id=media_id, removed_at_ms=at_ms))


def keep_pictures(c: Connection, tenant: str, media_ids: Collection[str]) -> None:
    """None of these is marked as gone until the transaction ends: what `removed` says stays true. After `lock_person`."""
    hold(c, *(_picture(tenant, media_id) for media_id in media_ids), shared=True)


def removed(c: Connection, tenant: str, media_ids: Collection[str]) -> set[str]:
    """Which of these pictures are gone."""
    found = select(REMOVED_PICTURES.c.media_id).where(
        REMOVED_PICTURES.c.tenant == tenant, REMOVED_PICTURES.c.media_id.in_(media_ids)
    )
    return set(c.execute(found).scalars())


def _picture(tenant: str, media_id: str) -> str:
    return f"picture/{tenant}/{media_id}"


def _rows(tenant: str, person_id: str, *columns: Column[Any]) -> Select[Any]:
    return select(*columns).where(theirs(JOURNAL, tenant, person_id))


def _is_row(activity: Activity) -> Any:
    return and_(
        JOURNAL.c.tenant == activity.tenant,
        JOURNAL.c.person_id == activity.person_id,
        JOURNAL.c.event_id == activity.event_id,
    )


def entry_of(activity: Activity, seen: Found) -> Entry:
    """A row that was filled."""
    return Entry(
        activity.event_id,
        activity.kind,
        activity.media_id,
        activity.occurred_at_ms,
        seen.findings,
        box=activity.box,
        vectors=seen.vectors,
        space=seen.space,
    )


def row_of(activity: Activity) -> Mapping[str, Any]:
    return {
        "person_id": activity.person_id,
        "event_id": activity.event_id,
        "tenant": activity.tenant,
        "kind": activity.kind,
        "media_id": activity.media_id,
        "box": encoding.encode_box(activity.box),
        "occurred_at_ms": activity.occurred_at_ms,
        "result_media_id": activity.result_media_id,
    }


def activity_of(row: Any) -> Activity:
    box: Box | None = encoding.decode_box(row.box)
    return Activity(
        row.event_id,
        row.tenant,
        row.person_id,
        row.kind,
        row.media_id,
        box,
        row.occurred_at_ms,
        result_media_id=row.result_media_id,
    )
