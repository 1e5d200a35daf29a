"""What a shop does with segments, and what a person is told of theirs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nungil.database.open import reading
from nungil.taxonomy.taxonomy import Name
from services.profile import core
from services.profile.handlers.people import must_exist
from services.profile.segmenting import Segments
from services.profile.segments import definition as definitions
from services.profile.segments.errors import NoSuchSegment, NothingToPublish, TooManySegments
from services.profile.segments.evaluation import course
from services.profile.segments.explanation import Explanation
from services.profile.segments.facts import Known
from services.profile.segments.published import segment_of
from services.profile.segments.sizes import Band, band_of
from services.profile.segments.validation import read
from services.profile.store import membership_rows, people_rows, segments_rows, state_rows
from services.profile.store.segments_rows import SegmentRow, VersionRow

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """A segment as its shop is told of it. versions: newest first, one at least. size: of what is published."""

    row: SegmentRow
    versions: Sequence[VersionRow]
    size: Band

    @property
    def name(self) -> Name:
        """Of the newest version."""
        return definitions.decode(self.versions[0].definition).name


@dataclass(frozen=True, slots=True)
class Tried:
    """How many a version would hold now. of: how many may be in any segment."""

    version: int
    size: Band
    of: Band


@dataclass(frozen=True)
class ManageSegments:
    """A tenant's segments. most: a tenant. smallest: fewer people than this are one band."""

    segments: Segments
    most: int
    smallest: int

    def put(self, tenant: str, segment_id: str, text: str) -> Told:
        """Keeps a draft. Raises InvalidSegment, RefusedSegment, TooManySegments."""
        definition = read(segment_id, text, self.segments.taxonomy_of(tenant))
        with self.segments.journal.engine.begin() as c:
            segments_rows.lock_segments(c, tenant)
            if (
                segments_rows.segment(c, tenant, segment_id) is None
                and len(segments_rows.segments(c, tenant)) >= self.most
            ):
                raise TooManySegments(f"{self.most} segments are kept for a tenant at most: delete one first")
            segments_rows.put_draft(c, tenant, segment_id, definitions.encode(definition), self.segments.clock())
        return self.of(tenant, segment_id)

    def all(self, tenant: str) -> list[Told]:
        """By id."""
        with reading(self.segments.journal.engine) as c:
            versions, sizes = segments_rows.versions(c, tenant), membership_rows.sizes(c, tenant)
            rows = segments_rows.segments(c, tenant)
        return [self._told(row, versions, sizes) for row in rows]

    def of(self, tenant: str, segment_id: str) -> Told:
        """Raises NoSuchSegment."""
        with reading(self.segments.journal.engine) as c:
            row = _must_be(segments_rows.segment(c, tenant, segment_id), segment_id)
            versions, sizes = segments_rows.versions(c, tenant, segment_id), membership_rows.sizes(c, tenant)
        return self._told(row, versions, sizes)

    def dry_run(self, tenant: str, segment_id: str) -> Tried:
        """Whom the draft, or else what is published, would let in now: one person after another, none of them changed. Raises NoSuchSegment."""
        told = self.of(tenant, segment_id)
        version = told.row.draft or told.row.published
        text = next(one.definition for one in told.versions if one.version == version)
        segment = segment_of(segment_id, version, definitions.decode(text))
        now_ms, inside, people = self.segments.clock(), 0, 0
        for person_id, state in self.segments.states(tenant):
            known = Known(state)
            if segment.activities or segment.markets or segment.stated:
                with reading(self.segments.journal.engine) as c:
                    known = self.segments.known(c, tenant, person_id, state, [segment], now_ms)
            facts = self.segments.facts(tenant, known)
            inside += course(segment.definition.who, facts, member=False, now_ms=now_ms).holds
            people += 1
        return Tried(version, band_of(inside, self.smallest), band_of(people, self.smallest))

    def publish(self, tenant: str, segment_id: str) -> Told:
        """Raises NoSuchSegment, NothingToPublish."""
        with self.segments.journal.engine.begin() as c:
            segments_rows.lock_segments(c, tenant)
            row = _must_be(segments_rows.segment(c, tenant, segment_id), segment_id)
            if not row.draft:
                raise NothingToPublish(f"segment {segment_id} has no draft: put a definition first")
            rules = self.segments.rules_of(tenant)
            segments_rows.publish_draft(c, tenant, segment_id, row.draft, self.segments.clock(), rules)
        self.segments.woken.set()
        logger.info("segment %s of %s: version %d counts", segment_id, tenant, row.draft)
        return self.of(tenant, segment_id)

    def delete(self, tenant: str, segment_id: str) -> None:
        """Raises NoSuchSegment."""
        with self.segments.journal.engine.begin() as c:
            segments_rows.lock_segments(c, tenant)
            if not segments_rows.drop_segment(c, tenant, segment_id, self.segments.rules_of(tenant)):
                raise NoSuchSegment(f"no segment {segment_id[:64]}")
        logger.info("segment %s of %s is deleted", segment_id, tenant)

    def _told(self, row: SegmentRow, versions: Mapping[str, Sequence[VersionRow]], sizes: Mapping[str, int]) -> Told:
        return Told(row, versions[row.segment_id], band_of(sizes.get(row.segment_id, 0), self.smallest))


@dataclass(frozen=True, slots=True)
class Mine:
    """A membership as its person is told of it."""

    segment_id: str
    name: Name
    since_ms: int
    explanation: Explanation


@dataclass(frozen=True)
class MySegments:
    """The segments that a person is in at this moment, each with its reason and its end."""

    segments: Segments

    def __call__(self, tenant: str, person_id: str) -> list[Mine]:
        """By id. Raises UnknownPerson."""
        now_ms = self.segments.clock()
        self.segments.journal.state_of(tenant, person_id)
        with reading(self.segments.journal.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            if not membership_rows.consented(c, tenant, person_id):
                return []
            members = membership_rows.memberships(c, tenant, person_id)
            published = self.segments.published(c, tenant)
            mine = [published.segments[id_] for id_ in sorted(members) if id_ in published.segments]
            kept = state_rows.state(c, tenant, person_id)
            known = self.segments.known(c, tenant, person_id, kept.state if kept else core.NOTHING, mine, now_ms)
        explain = self.segments.explaining(tenant, known, now_ms)
        told: list[Mine] = []
        for segment in mine:
            if explanation := explain(segment.definition):
                since_ms = members[segment.segment_id].since_ms
                told.append(Mine(segment.segment_id, segment.definition.name, since_ms, explanation))
        return told


def _must_be(row: SegmentRow | None, segment_id: str) -> SegmentRow:
    if row is None:
        raise NoSuchSegment(f"no segment {segment_id[:64]}")
    return row
