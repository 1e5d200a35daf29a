"""Who people are, what they agreed to, and what is kept of them beside their journal: pauses of learning, what they state, what their pictures show.

The caller brings the transaction; every statement names the tenant.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from services.profile.core import KeptConsent
from services.profile.store.tables import CONSENTS, JOURNAL, METADATA, PEOPLE, STATES, person_column, theirs
from services.profile.stories import Shares

PAUSES = Table(
    "pauses",
    METADATA,
    person_column(primary_key=True),
    Column("paused_at_ms", BigInteger, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("resumed_at_ms", BigInteger, nullable=True),  # null: it is paused
)
ABOUTS = Table(
    "abouts",
    METADATA,
    person_column(primary_key=True),
    Column("tenant", String, nullable=False),
    Column("about", Text, nullable=False),
    Column("changed_at_ms", BigInteger, nullable=False),
)
GALLERY = Table(
    "gallery",
    METADATA,
    person_column(primary_key=True),
    Column("media_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("shares", Text, nullable=False),
    Index("gallery_by_media", "tenant", "media_id"),
)


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nothing is learnt. resumed_at_ms None: it lasts."""

    paused_at_ms: int
    resumed_at_ms: int | None

    def covers(self, at_ms: int) -> bool:
        """Whether what occurred then is not to be learnt: while a pause lasts, that is everything."""
        return self.resumed_at_ms is None or self.paused_at_ms <= at_ms < self.resumed_at_ms


def find_person(c: Connection, tenant: str, subject: str) -> str | None:
    """The person_id behind a subject."""
    found = select(PEOPLE.c.person_id).where(PEOPLE.c.tenant == tenant, PEOPLE.c.subject == subject)
    return c.execute(found).scalar_one_or_none()


def add_person(c: Connection, person_id: str, tenant: str, subject: str, now_ms: int) -> None:
    """Raises IntegrityError where another has made this subject's person meanwhile."""
    c.execute(insert(PEOPLE).values(person_id=person_id, tenant=tenant, subject=subject, created_at_ms=now_ms))


def has_person(c: Connection, tenant: str, person_id: str) -> bool:
    """Whether this tenant has this person."""
    return c.execute(_person(tenant, person_id)).first() is not None


def lock_person(c: Connection, tenant: str, person_id: str) -> bool:
    """As `has_person`; nobody else writes this person until the transaction ends."""
    return c.execute(_person(tenant, person_id).with_for_update()).first() is not None


def people_after(c: Connection, person_id: str, *, limit: int) -> list[tuple[str, str]]:
    """Tenant and person_id of the next people who have a journal or a state, of every tenant, in order."""
    known = JOURNAL.c.person_id == PEOPLE.c.person_id, STATES.c.person_id == PEOPLE.c.person_id
    found = (
        select(PEOPLE.c.tenant, PEOPLE.c.person_id)
        .where(PEOPLE.c.person_id > person_id, or_(*(exists().where(of_person) for of_person in known)))
        .order_by(PEOPLE.c.person_id)
        .limit(limit)
    )
    return [(row.tenant, row.person_id) for row in c.execute(found)]


def consents(c: Connection, tenant: str, person_id: str) -> dict[int, KeptConsent]:
    """By purpose; one that was never set is absent."""
    rows = c.execute(select(CONSENTS).where(theirs(CONSENTS, tenant, person_id)))
    return {row.purpose: KeptConsent(row.given, row.changed_at_ms) for row in rows}


def consented(c: Connection, tenant: str, person_id: str, purpose: int) -> bool:
    """Whether this consent is given."""
    return consents(c, tenant, person_id).get(purpose, KeptConsent()).given


def put_consent(c: Connection, tenant: str, person_id: str, purpose: int, kept: KeptConsent) -> None:
    """Replaces."""
    at = and_(theirs(CONSENTS, tenant, person_id), CONSENTS.c.purpose == purpose)
    values = {"given": kept.given, "changed_at_ms": kept.changed_at_ms}
    if not c.execute(update(CONSENTS).where(at).values(values)).rowcount:
        c.execute(insert(CONSENTS).values(tenant=tenant, person_id=person_id, purpose=purpose, **values))


def pauses(c: Connection, tenant: str, person_id: str) -> list[Pause]:
    """The first one first."""
    found = select(PAUSES).where(theirs(PAUSES, tenant, person_id)).order_by(PAUSES.c.paused_at_ms)
    return [Pause(row.paused_at_ms, row.resumed_at_ms) for row in c.execute(found)]


def pause(c: Connection, tenant: str, person_id: str, now_ms: int, *, forget_before_ms: int) -> None:
    """Begins a pause of a locked person, and forgets those that ended so long ago that nothing of then can come any more."""
    mine = theirs(PAUSES, tenant, person_id)
    c.execute(delete(PAUSES).where(mine, PAUSES.c.resumed_at_ms < forget_before_ms))
    c.execute(insert(PAUSES).values(tenant=tenant, person_id=person_id, paused_at_ms=now_ms))


def resume(c: Connection, tenant: str, person_id: str, now_ms: int) -> None:
    """Ends the pause."""
    lasting = and_(theirs(PAUSES, tenant, person_id), PAUSES.c.resumed_at_ms.is_(None))
    c.execute(update(PAUSES).where(lasting).values(resumed_at_ms=now_ms))


def corrected(c: Connection, tenant: str, person_id: str) -> dict[str, tuple[int, str]]:
    """By interest, the place in the journal of its last correction."""
    said = select(JOURNAL.c.interest, JOURNAL.c.occurred_at_ms, JOURNAL.c.event_id).where(
        theirs(JOURNAL, tenant, person_id), JOURNAL.c.interest != ""
    )
    places: dict[str, tuple[int, str]] = {}
    for row in c.execute(said):
        places[row.interest] = max(places.get(row.interest, (0, "")), (row.occurred_at_ms, row.event_id))
    return places


def is_corrected(c: Connection, tenant: str, person_id: str, event_id: str) -> bool:
    """Whether the journal has this event."""
    known = select(JOURNAL.c.event_id).where(theirs(JOURNAL, tenant, person_id), JOURNAL.c.event_id == event_id)
    return c.execute(known).first() is not None


def about(c: Connection, tenant: str, person_id: str) -> Mapping[str, Any] | None:
    """What a person states; None: nothing."""
    kept = c.execute(select(ABOUTS.c.about).where(theirs(ABOUTS, tenant, person_id))).scalar_one_or_none()
    return None if kept is None else json.loads(kept)


def put_about(c: Connection, tenant: str, person_id: str, stated: Mapping[str, Any], now_ms: int) -> None:
    """Replaces what a locked person states."""
    drop_about(c, tenant, person_id)
    text = json.dumps(stated, ensure_ascii=False, sort_keys=True)
    c.execute(insert(ABOUTS).values(tenant=tenant, person_id=person_id, about=text, changed_at_ms=now_ms))


def drop_about(c: Connection, tenant: str, person_id: str) -> None:
    """Forgets it."""
    c.execute(delete(ABOUTS).where(theirs(ABOUTS, tenant, person_id)))


def gallery(c: Connection, tenant: str, person_id: str) -> dict[str, Shares]:
    """What a person's pictures show, by media id."""
    found = select(GALLERY.c.media_id, GALLERY.c.shares).where(theirs(GALLERY, tenant, person_id))
    return {row.media_id: tuple((id_, share) for id_, share in json.loads(row.shares)) for row in c.execute(found)}


def put_gallery(c: Connection, tenant: str, person_id: str, found: Mapping[str, Shares]) -> None:
    """Replaces what these pictures of a locked person show."""
    if found:
        drop_gallery(c, tenant, person_id, list(found))
        rows = [{"tenant": tenant, "person_id": person_id, "media_id": m, "shares": _text(s)} for m, s in found.items()]
        c.execute(insert(GALLERY), rows)


def drop_gallery(c: Connection, tenant: str, person_id: str, media_ids: Sequence[str] | None = None) -> None:
    """Forgets what these pictures of a person show; None: all of them."""
    these = () if media_ids is None else (GALLERY.c.media_id.in_(media_ids),)
    c.execute(delete(GALLERY).where(theirs(GALLERY, tenant, person_id), *these))


def drop_from_galleries(c: Connection, tenant: str, media_ids: Collection[str]) -> None:
    """Forgets what pictures show, whosever they are."""
    c.execute(delete(GALLERY).where(GALLERY.c.tenant == tenant, GALLERY.c.media_id.in_(media_ids)))


def _text(shares: Shares) -> str:
    return json.dumps(shares, separators=(",", ":"))


def _person(tenant: str, person_id: str) -> Select[Any]:
    return select(PEOPLE.c.person_id).where(theirs(PEOPLE, tenant, person_id))
