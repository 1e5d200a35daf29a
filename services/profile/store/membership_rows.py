"""Who is in which segment, and when to look again: the tables and every statement on them. The caller brings the transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from nungil.api.profile.v1 import profile_pb2
from services.profile.segments.facts import Deed
from services.profile.store.segments_rows import of_segment
from services.profile.store.tables import CONSENTS, JOURNAL, METADATA, WATCHES, person_column, theirs

_BOTH = (profile_pb2.CONSENT_PURPOSE_PERSONALISE, profile_pb2.CONSENT_PURPOSE_IMAGE_INTEREST)


MEMBERSHIPS = Table(
    "memberships",
    METADATA,
    person_column(primary_key=True),
    Column("segment_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),  # that let them in
    Column("because", Text, nullable=False),  # media ids, JSON
    of_segment(),
    Index("memberships_by_segment", "tenant", "segment_id"),
)
SEGMENT_TIMERS = Table(
    "segment_timers",
    METADATA,
    person_column(primary_key=True),
    Column("segment_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    of_segment(),
    Index("segment_timers_by_time", "at_ms"),
    Index("segment_timers_by_segment", "tenant", "segment_id"),
)


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """because: the pictures that let the person in."""

    since_ms: int
    version: int
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """Whom to look at again."""

    tenant: str
    person_id: str


def consented(c: Connection, tenant: str, person_id: str) -> bool:
    """Whether a person gave both consents that segments need."""
    at = and_(theirs(CONSENTS, tenant, person_id), CONSENTS.c.purpose.in_(_BOTH))
    given = c.execute(select(func.count()).select_from(CONSENTS).where(at, CONSENTS.c.given)).scalar_one()
    return bool(given == len(_BOTH))


def consented_after(c: Connection, tenant: str, person_id: str, *, limit: int) -> list[str]:
    """The next people of a tenant who gave both consents, in order."""
    found = (
        select(CONSENTS.c.person_id)
        .where(
            CONSENTS.c.tenant == tenant,
            CONSENTS.c.person_id > person_id,
            CONSENTS.c.purpose.in_(_BOTH),
            CONSENTS.c.given,
        )
        .group_by(CONSENTS.c.person_id)
        .having(func.count() == len(_BOTH))
        .order_by(CONSENTS.c.person_id)
        .limit(limit)
    )
    return list(c.execute(found).scalars())


def memberships(c: Connection, tenant: str, person_id: str) -> dict[str, MembershipRow]:
    """By segment."""
    rows = c.execute(select(MEMBERSHIPS).where(theirs(MEMBERSHIPS, tenant, person_id)))
    return {row.segment_id: MembershipRow(row.since_ms, row.version, tuple(json.loads(row.because))) for row in rows}


def timers(c: Connection, tenant: str, person_id: str) -> dict[str, int]:
    """When to look at a person again, by segment."""
    rows = c.execute(select(SEGMENT_TIMERS).where(theirs(SEGMENT_TIMERS, tenant, person_id)))
    return {row.segment_id: row.at_ms for row in rows}


def begin(c: Connection, tenant: str, person_id: str, rows: Mapping[str, MembershipRow]) -> None:
    """New memberships."""
    if rows:
        c.execute(
            insert(MEMBERSHIPS),
            [
                {
                    "person_id": person_id,
                    "segment_id": id_,
                    "tenant": tenant,
                    "since_ms": row.since_ms,
                    "version": row.version,
                    "because": json.dumps(row.because),
                }
                for id_, row in rows.items()
            ],
        )


def put_because(c: Connection, tenant: str, person_id: str, because: Mapping[str, Sequence[str]]) -> None:
    """Other pictures for memberships that go on."""
    if because:
        at = and_(theirs(MEMBERSHIPS, tenant, person_id), MEMBERSHIPS.c.segment_id == bindparam("of"))
        values = [{"of": id_, "pictures": json.dumps(list(media_ids))} for id_, media_ids in because.items()]
        c.execute(update(MEMBERSHIPS).where(at).values(because=bindparam("pictures")), values)


def end(c: Connection, tenant: str, person_id: str, segment_ids: Collection[str]) -> None:
    """Ends these memberships."""
    if segment_ids:
        c.execute(
            delete(MEMBERSHIPS).where(theirs(MEMBERSHIPS, tenant, person_id), MEMBERSHIPS.c.segment_id.in_(segment_ids))
        )


def end_all(c: Connection, tenant: str, person_id: str) -> None:
    """Nothing of segments is kept of this person any more."""
    for table in (MEMBERSHIPS, SEGMENT_TIMERS):
        c.execute(delete(table).where(theirs(table, tenant, person_id)))


def put_timers(c: Connection, tenant: str, person_id: str, at_ms: Mapping[str, int | None]) -> None:
    """Replaces those of these segments; None: there is no need to look again."""
    if not at_ms:
        return
    c.execute(
        delete(SEGMENT_TIMERS).where(
            theirs(SEGMENT_TIMERS, tenant, person_id), SEGMENT_TIMERS.c.segment_id.in_(list(at_ms))
        )
    )
    wanted = [
        {"person_id": person_id, "segment_id": id_, "tenant": tenant, "at_ms": moment}
        for id_, moment in at_ms.items()
        if moment is not None
    ]
    if wanted:
        c.execute(insert(SEGMENT_TIMERS), wanted)


def next_timer_ms(c: Connection) -> int | None:
    """The earliest of all; None where there is none."""
    found: int | None = c.execute(select(func.min(SEGMENT_TIMERS.c.at_ms))).scalar_one()
    return found


def due(c: Connection, now_ms: int, *, limit: int) -> list[Due]:
    """People whose moment has come, earliest first; limit: timers."""
    t = SEGMENT_TIMERS
    rows = c.execute(select(t).where(t.c.at_ms <= now_ms).order_by(t.c.at_ms, t.c.person_id).limit(limit))
    return list(dict.fromkeys(Due(row.tenant, row.person_id) for row in rows))


def sizes(c: Connection, tenant: str) -> dict[str, int]:
    """People by segment. For bands alone: no exact size leaves this service."""
    m = MEMBERSHIPS
    rows = c.execute(
        select(m.c.segment_id, func.count().label("n")).where(m.c.tenant == tenant).group_by(m.c.segment_id)
    )
    return {row.segment_id: row.n for row in rows}


def deeds(c: Connection, tenant: str, person_id: str, kinds: Iterable[str], since_ms: int) -> tuple[Deed, ...]:
    """What a person did with pictures since then, of these kinds, as far as it has been folded."""
    numbers = {profile_pb2.ActivityKind.Value(f"ACTIVITY_KIND_{kind.upper()}"): kind for kind in kinds}
    found = select(JOURNAL.c.kind, JOURNAL.c.media_id, JOURNAL.c.occurred_at_ms).where(
        theirs(JOURNAL, tenant, person_id),
        JOURNAL.c.occurred_at_ms > since_ms,
        JOURNAL.c.kind.in_(list(numbers)),
        JOURNAL.c.findings.is_not(None),
    )
    return tuple(Deed(numbers[row.kind], row.media_id, row.occurred_at_ms) for row in c.execute(found))


def markets(c: Connection, tenant: str, person_id: str) -> frozenset[str]:
    """In which a person waits for something to buy."""
    at = and_(theirs(WATCHES, tenant, person_id), WATCHES.c.market != "")
    return frozenset(c.execute(select(WATCHES.c.market).where(at).distinct()).scalars())
