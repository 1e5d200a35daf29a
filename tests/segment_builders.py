"""A profile that follows segments, for the tests of what people are in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from profile_builders import DAY_MS, TENANT, AProfile, a_picture, a_profile, an_activity

from nungil.api.profile.v1 import people_pb2
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.database.open import reading
from services.profile.abouts import About
from services.profile.handlers.abouts import Abouts
from services.profile.handlers.consents import Consents
from services.profile.handlers.segments import ManageSegments, Mine, MySegments
from services.profile.journal import Journal
from services.profile.segmenting import Segments
from services.profile.store import membership_rows
from services.profile.watching import Watches

HALF_MS = 60 * DAY_MS
DOGS = {"interest": "dogs", "weight": 1.5, "leave_below": 0.5}
FOR_SEGMENTS, FOR_ADS = people_pb2.ABOUT_PURPOSE_SEGMENTS, people_pb2.ABOUT_PURPOSE_ADS


@dataclass
class ASegmentedProfile(AProfile):
    """As AProfile; a change of a person is followed by segments."""

    segments: Segments = field(init=False)
    smallest: int = 2
    _told: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.segments = Segments(super().journal, lambda _: self.taxonomy, self.clock, self.woken)

    @property
    def journal(self) -> Journal:
        return replace(super().journal, followers=(self.segments.follow,))

    @property
    def consents(self) -> Consents:
        return replace(super().consents, followers=(self.segments.consents_changed,))

    @property
    def watches(self) -> Watches:
        return replace(super().watches, followers=(self.segments.markets_changed,))

    @property
    def abouts(self) -> Abouts:
        return Abouts(self.engine, self.clock, (self.segments.about_changed,))

    @property
    def manage(self) -> ManageSegments:
        return ManageSegments(self.segments, 100, self.smallest)

    def a_member(self, subject: str = "mina") -> str:
        """Who gave both consents a year ago."""
        person_id = self.a_person(subject)
        then, self.now_ms = self.now_ms, self.now_ms - 365 * DAY_MS
        self.consents.set(TENANT, person_id, pb.CONSENT_PURPOSE_PERSONALISE, True)
        self.now_ms = then
        return person_id

    def publish(self, segment_id: str, who: object) -> None:
        """Counts at once, for everybody."""
        self.manage.put(TENANT, segment_id, a_definition(who))
        self.manage.publish(TENANT, segment_id)
        self.apply()

    def apply(self) -> None:
        """What was published, to everybody."""
        while self.segments.spread_some():
            pass

    def saves(self, person_id: str, media_id: str, label: str, *, kind: int = pb.ACTIVITY_KIND_SAVED) -> None:
        """A picture of one thing, now."""
        self._told += 1
        self.put(a_picture(media_id, owner=person_id, shows=[(label, 0.9)]))
        assert not self.read(an_activity(person_id, media_id, event_id=f"e-{self._told}", kind=kind, at_ms=self.now_ms))

    def states(self, person_id: str, *purposes: int, **words: str) -> None:
        """All that the person states, and who may read it: segments, where nothing else is said."""
        self.abouts.put(TENANT, person_id, About(**words, purposes=purposes or (FOR_SEGMENTS,)))  # type: ignore[arg-type]

    def of(self, person_id: str) -> dict[str, Mine]:
        """What the person is told."""
        return {mine.segment_id: mine for mine in MySegments(self.segments)(TENANT, person_id)}

    def kept(self, person_id: str) -> set[str]:
        """The rows of memberships, which are what counts for campaigns and sizes."""
        with reading(self.engine) as c:
            return set(membership_rows.memberships(c, TENANT, person_id))

    def timers(self, person_id: str) -> dict[str, int]:
        with reading(self.engine) as c:
            return membership_rows.timers(c, TENANT, person_id)


def a_definition(who: object) -> str:
    """Of no telling name."""
    return json.dumps({"name": {"ko": "시험", "en": "A trial"}, "who": who})


@contextmanager
def a_segmented_profile(folder: Path) -> Iterator[ASegmentedProfile]:
    """As a_profile."""
    with a_profile(folder) as plain:
        yield ASegmentedProfile(plain.engine, plain.objects)
