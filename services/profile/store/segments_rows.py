"""Segments and their versions: the tables and every statement on them. The caller brings the transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)

from nungil.database.open import hold
from services.profile.store.tables import METADATA


def of_segment() -> ForeignKeyConstraint:
    """Of a table whose rows go with their segment."""
    return ForeignKeyConstraint(
        ["tenant", "segment_id"], ["segments.tenant", "segments.segment_id"], ondelete="CASCADE"
    )


SEGMENTS = Table(
    "segments",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("segment_id", String, primary_key=True),
    Column("draft", Integer, nullable=False),  # its version; 0: none
    Column("published", Integer, nullable=False),  # its version; 0: none
    Column("spread_after", String, nullable=True),  # up to which person the published version was applied; null: to all
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
    of_segment(),
)
SEGMENT_REVISIONS = Table(
    "segment_revisions",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("revision", Integer, nullable=False),  # counts what was published and deleted
    Column("rules", Text, nullable=False),  # of the states that memberships follow from
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


def _revise(c: Connection, tenant: str, rules: str) -> None:
    r = SEGMENT_REVISIONS
    if not c.execute(update(r).where(r.c.tenant == tenant).values(revision=r.c.revision + 1)).rowcount:
        c.execute(insert(r).values(tenant=tenant, revision=1, rules=rules))


def _segment(row: Any) -> SegmentRow:
    return SegmentRow(row.segment_id, row.draft, row.published, row.spread_after is not None)


def _is_segment(table: Table, tenant: str, segment_id: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.segment_id == segment_id)
