"""Segments, who is in them and when to look again: the tables and every statement on them. The caller brings the transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
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
from nungil.database.open import hold
from services.profile.segments.facts import Deed
from services.profile.tables import CONSENTS, JOURNAL, METADATA, WATCHES

_BOTH = (profile_pb2.CONSENT_PURPOSE_PERSONALISE, profile_pb2.CONSENT_PURPOSE_IMAGE_INTEREST)


def _of_segment() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant", "segment_id"], ["segments.tenant", "segments.segment_id"], ondelete="CASCADE"
    )


def _of_person() -> Column[Any]:
    return Column("person_id", String, ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True)


SEGMENTS = Table(
    "segments",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("segment_id", String, primary_key=True),
    Column("draft", Integer, nullable=False),  # its version; 0: none
    Column("published", Integer, nullable=False),  # its version; 0: none
    Column(
        "spread_after", String, nullable=True
    ),  # the person up to whom the published version was applied; null: to all
)
SEGMENT_VERSIONS = Table(
    "segment_versions",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("segment_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", Text, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("published_at_ms", BigInteger, nullable=False),  # 0: never
    _of_segment(),
)
SEGMENT_REVISIONS = Table(
    "segment_revisions",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("revision", Integer, nullable=False),  # counts what was published and deleted
    Column("rules", Text, nullable=False),  # of the states that memberships follow from
)
MEMBERSHIPS = Table(
    "memberships",
    METADATA,
    _of_person(),
    Column("segment_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),  # that let them in
    Column("because", Text, nullable=False),  # media ids, JSON
    _of_segment(),
    Index("memberships_by_segment", "tenant", "segment_id"),
)
SEGMENT_TIMERS = Table(
    "segment_timers",
    METADATA,
    _of_person(),
    Column("segment_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    _of_segment(),
    Index("segment_timers_by_time", "at_ms"),
    Index("segment_timers_by_segment", "tenant", "segment_id"),
)


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """draft, published: versions; 0: none. spreading: the published one is still being applied."""

    segment_id: str
    draft: int
    published: int
    spreading: bool


@dataclass(frozen=True, slots=True)
class VersionRow:
    """definition: canonical JSON. published_at_ms 0: never."""

    version: int
    definition: str
    made_at_ms: int
    published_at_ms: int


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


def lock_segments(c: Connection, tenant: str) -> None:
    """Nobody else changes this tenant's segments until the transaction ends."""
    hold(c, f"segments/{tenant}")


def segments(c: Connection, tenant: str) -> list[SegmentRow]:
    """By id."""
    found = select(SEGMENTS).where(SEGMENTS.c.tenant == tenant).order_by(SEGMENTS.c.segment_id)
    return [_segment(row) for row in c.execute(found)]


def segment(c: Connection, tenant: str, segment_id: str) -> SegmentRow | None:
    """None where there is none."""
    row = c.execute(select(SEGMENTS).where(_is_segment(SEGMENTS, tenant, segment_id))).first()
    return _segment(row) if row else None


def versions(c: Connection, tenant: str, segment_id: str | None = None) -> dict[str, list[VersionRow]]:
    """By segment, newest first; of one segment, or of all."""
    v = SEGMENT_VERSIONS
    found = select(v).where(v.c.tenant == tenant).order_by(v.c.segment_id, v.c.version.desc())
    if segment_id is not None:
        found = found.where(v.c.segment_id == segment_id)
    by_segment: dict[str, list[VersionRow]] = {}
    for row in c.execute(found):
        kept = VersionRow(row.version, row.definition, row.made_at_ms, row.published_at_ms)
        by_segment.setdefault(row.segment_id, []).append(kept)
    return by_segment


def put_draft(c: Connection, tenant: str, segment_id: str, definition: str, now_ms: int) -> None:
    """A new draft, or another definition of the one there is. The tenant's segments are locked."""
    known = segment(c, tenant, segment_id)
    if known is None:
        c.execute(insert(SEGMENTS).values(tenant=tenant, segment_id=segment_id, draft=0, published=0))
        known = SegmentRow(segment_id, 0, 0, False)
    if known.draft:
        at = and_(_is_segment(SEGMENT_VERSIONS, tenant, segment_id), SEGMENT_VERSIONS.c.version == known.draft)
        c.execute(update(SEGMENT_VERSIONS).where(at).values(definition=definition, made_at_ms=now_ms))
        return
    version = known.published + 1
    c.execute(
        insert(SEGMENT_VERSIONS).values(
            tenant=tenant,
            segment_id=segment_id,
            version=version,
            definition=definition,
            made_at_ms=now_ms,
            published_at_ms=0,
        )
    )
    c.execute(update(SEGMENTS).where(_is_segment(SEGMENTS, tenant, segment_id)).values(draft=version))


def publish_draft(c: Connection, tenant: str, segment_id: str, draft: int, now_ms: int, rules: str) -> None:
    """The draft counts from here on; to whom it applies already is worked out person by person (`spread`)."""
    at = _is_segment(SEGMENT_VERSIONS, tenant, segment_id)
    c.execute(update(SEGMENT_VERSIONS).where(at, SEGMENT_VERSIONS.c.version == draft).values(published_at_ms=now_ms))
    c.execute(
        update(SEGMENTS)
        .where(_is_segment(SEGMENTS, tenant, segment_id))
        .values(draft=0, published=draft, spread_after="")
    )
    _revise(c, tenant, rules)


def drop_segment(c: Connection, tenant: str, segment_id: str, rules: str) -> bool:
    """Whether there was one. Its versions, memberships and timers go with it."""
    gone = c.execute(delete(SEGMENTS).where(_is_segment(SEGMENTS, tenant, segment_id))).rowcount > 0
    if gone:
        _revise(c, tenant, rules)
    return gone


def revision(c: Connection, tenant: str) -> int:
    """Changes with what is published; 0: nothing ever was."""
    r = SEGMENT_REVISIONS
    return c.execute(select(r.c.revision).where(r.c.tenant == tenant)).scalar_one_or_none() or 0


def published(c: Connection, tenant: str) -> list[tuple[str, int, str]]:
    """Segment, version, definition."""
    s, v = SEGMENTS, SEGMENT_VERSIONS
    joined = and_(v.c.tenant == s.c.tenant, v.c.segment_id == s.c.segment_id, v.c.version == s.c.published)
    found = select(s.c.segment_id, v.c.version, v.c.definition).join(v, joined)
    return [(row.segment_id, row.version, row.definition) for row in c.execute(found.where(s.c.tenant == tenant))]


def spread_again(c: Connection, rules_of: Callable[[str], str]) -> None:
    """Applies every published segment anew where memberships followed from states under other rules."""
    r = SEGMENT_REVISIONS
    for tenant, followed in c.execute(select(r.c.tenant, r.c.rules)).all():
        rules = rules_of(tenant)
        if rules != followed:
            at = and_(SEGMENTS.c.tenant == tenant, SEGMENTS.c.published > 0)
            c.execute(update(SEGMENTS).where(at).values(spread_after=""))
            c.execute(update(r).where(r.c.tenant == tenant).values(rules=rules))


def to_spread(c: Connection) -> tuple[str, str, str] | None:
    """Tenant, segment and the last person that it was applied to, of one that is to be applied to more; None: all are."""
    found = (
        select(SEGMENTS).where(SEGMENTS.c.spread_after.is_not(None)).order_by(SEGMENTS.c.tenant, SEGMENTS.c.segment_id)
    )
    row = c.execute(found.limit(1)).first()
    return (row.tenant, row.segment_id, row.spread_after) if row else None


def put_spread(c: Connection, tenant: str, segment_ids: Collection[str], was: str, now: str | None) -> None:
    """How far segments were applied, unless one was published anew meanwhile."""
    at = and_(SEGMENTS.c.tenant == tenant, SEGMENTS.c.segment_id.in_(segment_ids), SEGMENTS.c.spread_after == was)
    c.execute(update(SEGMENTS).where(at).values(spread_after=now))


def spreading_with(c: Connection, tenant: str, after: str) -> list[str]:
    """All segments of a tenant that were applied exactly so far: they go on together."""
    at = and_(SEGMENTS.c.tenant == tenant, SEGMENTS.c.spread_after == after)
    return sorted(c.execute(select(SEGMENTS.c.segment_id).where(at)).scalars())


def consented(c: Connection, tenant: str, person_id: str) -> bool:
    """Whether a person gave both consents that segments need."""
    at = and_(CONSENTS.c.tenant == tenant, CONSENTS.c.person_id == person_id, CONSENTS.c.purpose.in_(_BOTH))
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
    rows = c.execute(select(MEMBERSHIPS).where(_is_person(MEMBERSHIPS, tenant, person_id)))
    return {row.segment_id: MembershipRow(row.since_ms, row.version, tuple(json.loads(row.because))) for row in rows}


def timers(c: Connection, tenant: str, person_id: str) -> dict[str, int]:
    """When to look at a person again, by segment."""
    rows = c.execute(select(SEGMENT_TIMERS).where(_is_person(SEGMENT_TIMERS, tenant, person_id)))
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
        at = and_(_is_person(MEMBERSHIPS, tenant, person_id), MEMBERSHIPS.c.segment_id == bindparam("of"))
        values = [{"of": id_, "pictures": json.dumps(list(media_ids))} for id_, media_ids in because.items()]
        c.execute(update(MEMBERSHIPS).where(at).values(because=bindparam("pictures")), values)


def end(c: Connection, tenant: str, person_id: str, segment_ids: Collection[str]) -> None:
    """Ends these memberships."""
    if segment_ids:
        c.execute(
            delete(MEMBERSHIPS).where(
                _is_person(MEMBERSHIPS, tenant, person_id), MEMBERSHIPS.c.segment_id.in_(segment_ids)
            )
        )


def end_all(c: Connection, tenant: str, person_id: str) -> None:
    """Nothing of segments is kept of this person any more."""
    for table in (MEMBERSHIPS, SEGMENT_TIMERS):
        c.execute(delete(table).where(_is_person(table, tenant, person_id)))


def put_timers(c: Connection, tenant: str, person_id: str, at_ms: Mapping[str, int | None]) -> None:
    """Replaces those of these segments; None: there is no need to look again."""
    if not at_ms:
        return
    c.execute(
        delete(SEGMENT_TIMERS).where(
            _is_person(SEGMENT_TIMERS, tenant, person_id), SEGMENT_TIMERS.c.segment_id.in_(list(at_ms))
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
        JOURNAL.c.tenant == tenant,
        JOURNAL.c.person_id == person_id,
        JOURNAL.c.occurred_at_ms > since_ms,
        JOURNAL.c.kind.in_(list(numbers)),
        JOURNAL.c.findings.is_not(None),
    )
    return tuple(Deed(numbers[row.kind], row.media_id, row.occurred_at_ms) for row in c.execute(found))


def markets(c: Connection, tenant: str, person_id: str) -> frozenset[str]:
    """In which a person waits for something to buy."""
    at = and_(WATCHES.c.tenant == tenant, WATCHES.c.person_id == person_id, WATCHES.c.market != "")
    return frozenset(c.execute(select(WATCHES.c.market).where(at).distinct()).scalars())


def _revise(c: Connection, tenant: str, rules: str) -> None:
    r = SEGMENT_REVISIONS
    if not c.execute(update(r).where(r.c.tenant == tenant).values(revision=r.c.revision + 1)).rowcount:
        c.execute(insert(r).values(tenant=tenant, revision=1, rules=rules))


def _segment(row: Any) -> SegmentRow:
    return SegmentRow(row.segment_id, row.draft, row.published, row.spread_after is not None)


def _is_segment(table: Table, tenant: str, segment_id: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.segment_id == segment_id)


def _is_person(table: Table, tenant: str, person_id: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.person_id == person_id)
