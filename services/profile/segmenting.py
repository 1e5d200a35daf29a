"""Who is in which segment: followed change by change, ended by timers, never by looking at everybody.

A change of a person looks at the segments that name what changed. Each look also finds, in closed form, the next moment at which
the answer turns by itself, and keeps that in a timer. A timer may be early (evidence that came since made it later): then the
look changes nothing and sets it again. What was just published is applied to those whom no change concerns a page of people at a time.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from nungil.api.profile.v1 import people_pb2, profile_pb2
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway
from nungil.runtime.lifecycle import FIRST_WAIT_S, LONGEST_WAIT_S
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile import core
from services.profile.abouts import UNSTATED
from services.profile.core import DAY_MS, Entry, State
from services.profile.journal import Journal
from services.profile.segments.definition import DAYS_KEPT, decode
from services.profile.segments.evaluation import Course, Facts, course
from services.profile.segments.explanation import Explaining
from services.profile.segments.facts import Known, changed_keys, facts_of
from services.profile.segments.published import Published, Segment, published_of, segment_of
from services.profile.stating import about_for, fields_readable_for
from services.profile.store import membership_rows, people_rows, segments_rows, state_rows
from services.profile.store.membership_rows import MembershipRow

logger = logging.getLogger(__name__)

PAGE = 50  # people a transaction, while a segment is applied
DUE_AT_ONCE = 200  # timers
LOOK_S = 10.0  # other processes set timers too
_TENANTS_REMEMBERED = 1_000


@dataclass(frozen=True)
class Segments:
    """Writes one person at a time, in transactions that hold that person's row. journal: for states; it may have no followers.

    taxonomy_of: a tenant's.
    """

    journal: Journal
    taxonomy_of: Callable[[str], Taxonomy]
    clock: Clock
    woken: threading.Event
    _published: OrderedDict[str, Published] = field(default_factory=OrderedDict)

    def follow(
        self,
        c: Connection,
        tenant: str,
        person_id: str,
        before: State,
        after: State,
        entries: Sequence[Entry] | None,
    ) -> None:
        """A state has changed. Looks at the segments that name what did; where the journal was folded again, at the person's own ones too."""
        published = self.published(c, tenant)
        if not published.segments:
            return
        if not membership_rows.consented(c, tenant, person_id):
            membership_rows.end_all(c, tenant, person_id)
            return
        keys = changed_keys(before, after)
        if entries is None:
            keys |= published.kinds("activity")
        else:
            keys |= {("activity", _word(entry.kind)) for entry in entries if not entry.interest}
        touched = published.touched(keys)
        if entries is None:
            touched |= membership_rows.memberships(c, tenant, person_id).keys() & published.segments.keys()
        self._settle(
            c, tenant, person_id, after, [published.segments[id_] for id_ in sorted(touched)], anew=entries is None
        )

    def consents_changed(self, c: Connection, tenant: str, person_id: str) -> None:
        """A locked person gave or withdrew a consent: all that they may be in, or nothing."""
        if not membership_rows.consented(c, tenant, person_id):
            membership_rows.end_all(c, tenant, person_id)
            return
        kept = state_rows.state(c, tenant, person_id)
        published = self.published(c, tenant)
        self._settle(c, tenant, person_id, kept.state if kept else core.NOTHING, list(published.segments.values()))

    def markets_changed(self, c: Connection, tenant: str, person_id: str) -> None:
        """A locked person waits for something, or does no more."""
        self._said_changed(c, tenant, person_id, "market")

    def about_changed(self, c: Connection, tenant: str, person_id: str) -> None:
        """A locked person states something else of themselves, or lets others read it."""
        self._said_changed(c, tenant, person_id, "stated")

    def _said_changed(self, c: Connection, tenant: str, person_id: str, kind: str) -> None:
        published = self.published(c, tenant)
        touched = published.touched(published.kinds(kind))
        if touched and membership_rows.consented(c, tenant, person_id):
            kept = state_rows.state(c, tenant, person_id)
            segments = [published.segments[id_] for id_ in sorted(touched)]
            self._settle(c, tenant, person_id, kept.state if kept else core.NOTHING, segments)

    def segments_of(self, c: Connection, tenant: str, person_id: str, now_ms: int) -> frozenset[str]:
        """The segments that a person is in at this moment, whether or not their timers were looked at yet."""
        members = membership_rows.memberships(c, tenant, person_id)
        if not members or not membership_rows.consented(c, tenant, person_id):
            return frozenset()
        late = {
            id_ for id_, at_ms in membership_rows.timers(c, tenant, person_id).items() if at_ms <= now_ms
        } & members.keys()
        if not late:
            return frozenset(members)
        kept = state_rows.state(c, tenant, person_id)
        published = self.published(c, tenant)
        segments = [published.segments[id_] for id_ in late if id_ in published.segments]
        facts = self.facts(
            tenant, self.known(c, tenant, person_id, kept.state if kept else core.NOTHING, segments, now_ms)
        )
        over = {one.segment_id for one in segments if not _course(one, facts, now_ms, member=True).holds}
        return frozenset(members.keys() - over)

    def segments_for_ads(self, c: Connection, tenant: str, person_id: str, now_ms: int) -> frozenset[str]:
        """As `segments_of`, but those that name what the person states only where campaigns may read it as well."""
        members = self.segments_of(c, tenant, person_id, now_ms)
        published = self.published(c, tenant)
        stated = {id_: published.segments[id_].stated for id_ in members if id_ in published.segments}
        if not any(stated.values()):
            return members
        may = fields_readable_for(c, tenant, person_id, people_pb2.ABOUT_PURPOSE_ADS)
        return frozenset(id_ for id_ in members if stated.get(id_, frozenset()) <= may)

    def is_published(self, c: Connection, tenant: str, segment_id: str) -> bool:
        """Whether a tenant has a segment of this id that counts."""
        return segment_id in self.published(c, tenant).segments

    def published(self, c: Connection, tenant: str) -> Published:
        """What counts now. Read again only where the revision is another."""
        revision = segments_rows.revision(c, tenant)
        known = self._published.get(tenant)
        if known is None or known.revision != revision:
            rows = segments_rows.published(c, tenant) if revision else []
            segments = [segment_of(id_, version, decode(text)) for id_, version, text in rows]
            known = self._published[tenant] = published_of(revision, segments, self.taxonomy_of(tenant))
            while len(self._published) > _TENANTS_REMEMBERED:
                self._published.popitem(last=False)
        return known

    def known(
        self, c: Connection, tenant: str, person_id: str, state: State, segments: Collection[Segment], now_ms: int
    ) -> Known:
        """As much of a person as these segments ask for."""
        kinds = frozenset[str]().union(*(segment.activities for segment in segments))
        since_ms = now_ms - DAYS_KEPT * DAY_MS
        deeds = membership_rows.deeds(c, tenant, person_id, kinds, since_ms) if kinds else ()
        asks = any(segment.markets for segment in segments)
        markets = membership_rows.markets(c, tenant, person_id) if asks else frozenset[str]()
        fields = frozenset[str]().union(*(segment.stated for segment in segments))
        about = about_for(c, tenant, person_id, people_pb2.ABOUT_PURPOSE_SEGMENTS) if fields else UNSTATED
        return Known(state, deeds, markets, {name: word for name in fields if (word := getattr(about, name))})

    def facts(self, tenant: str, known: Known) -> Facts:
        """By the rules that states follow from."""
        return facts_of(known, self.taxonomy_of(tenant), self.journal.rules.half_life_ms)

    def explaining(self, tenant: str, known: Known, now_ms: int) -> Explaining:
        """Of one person at one moment."""
        return Explaining(known, self.taxonomy_of(tenant), self.journal.rules.half_life_ms, now_ms)

    def rules_of(self, tenant: str) -> str:
        """What a tenant's memberships follow from, beside definitions and people."""
        return "#".join((self.journal.rules.fingerprint, self.journal.digest(tenant)))

    def work(self, stop: threading.Event) -> None:
        """Applies what was published and looks at those whose moment has come, until `stop`. In a thread of its own.

        Waits for the earliest timer; for what other processes set, LOOK_S at most.
        """
        wait_s, begun = FIRST_WAIT_S, False
        while not stop.is_set():
            self.woken.clear()
            try:
                if not begun:
                    with self.journal.engine.begin() as c:
                        segments_rows.spread_again(c, self.rules_of)
                    begun = True
                pause_s = 0.0 if self.spread_some() or self.settle_due() else self._pause_s()
            except DependencyAway as error:
                logger.warning("segments wait %.1f s: %s", wait_s, error)
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
            if pause_s and not stop.is_set():
                self.woken.wait(pause_s)

    def settle_due(self) -> int:
        """Looks at those whose moment has come, DUE_AT_ONCE timers at most; how many people they were."""
        with reading(self.journal.engine) as c:
            due = membership_rows.due(c, self.clock(), limit=DUE_AT_ONCE)
        for one in due:
            state = self.journal.state_of(one.tenant, one.person_id)
            with self.journal.engine.begin() as c:
                if not people_rows.lock_person(c, one.tenant, one.person_id):
                    continue
                kept = state_rows.state(c, one.tenant, one.person_id)
                published, timers = self.published(c, one.tenant), membership_rows.timers(c, one.tenant, one.person_id)
                over = sorted(
                    id_ for id_, at_ms in timers.items() if at_ms <= self.clock()
                )  # all of theirs, not only the earliest
                segments = [published.segments[id_] for id_ in over if id_ in published.segments]
                membership_rows.put_timers(c, one.tenant, one.person_id, dict.fromkeys(over))
                if membership_rows.consented(c, one.tenant, one.person_id):
                    self._settle(c, one.tenant, one.person_id, kept.state if kept else state, segments)
        return len(due)

    def spread_some(self) -> int:
        """Applies what was published to the next PAGE people of a tenant; 0 where there is nothing to apply."""
        with reading(self.journal.engine) as c:
            found = segments_rows.to_spread(c)
            if found is None:
                return 0
            tenant, _, after = found
            ids = segments_rows.spreading_with(c, tenant, after)
            people = membership_rows.consented_after(c, tenant, after, limit=PAGE)
        for person_id in people:
            self.journal.state_of(
                tenant, person_id
            )  # under the rules of today, in a transaction of its own where it is not
        with self.journal.engine.begin() as c:
            published = self.published(c, tenant)
            segments = [published.segments[id_] for id_ in ids if id_ in published.segments]
            for person_id in people:
                if people_rows.lock_person(c, tenant, person_id) and membership_rows.consented(c, tenant, person_id):
                    kept = state_rows.state(c, tenant, person_id)
                    self._settle(c, tenant, person_id, kept.state if kept else core.NOTHING, segments)
            segments_rows.put_spread(c, tenant, ids, after, people[-1] if len(people) == PAGE else None)
        return max(len(people), 1)

    def states(self, tenant: str) -> Iterator[tuple[str, State]]:
        """Everyone who may be in a segment, one after another: a page of ids is in memory at a time, and one state."""
        after = ""
        while True:
            with reading(self.journal.engine) as c:
                people = membership_rows.consented_after(c, tenant, after, limit=PAGE)
            for person_id in people:
                yield person_id, self.journal.state_of(tenant, person_id)
            if len(people) < PAGE:
                return
            after = people[-1]

    def _settle(
        self,
        c: Connection,
        tenant: str,
        person_id: str,
        state: State,
        segments: Sequence[Segment],
        *,
        anew: bool = False,
    ) -> None:
        """Begins and ends the memberships of a person who consented, and sets timers. anew: their pictures may be others."""
        if not segments:
            return
        now_ms = self.clock()
        members = membership_rows.memberships(c, tenant, person_id)
        timers = membership_rows.timers(c, tenant, person_id)
        known = self.known(c, tenant, person_id, state, segments, now_ms)
        facts = self.facts(tenant, known)
        explain = self.explaining(tenant, known, now_ms)
        begun: dict[str, MembershipRow] = {}
        because: dict[str, tuple[str, ...]] = {}
        ended: list[str] = []
        looks: dict[str, int | None] = {}
        for segment in segments:
            id_ = segment.segment_id
            member, now = _goes_on(segment, facts, now_ms, member=id_ in members)
            if member and id_ not in members:
                begun[id_] = MembershipRow(now_ms, segment.version, explain.because(segment.definition))
            elif not member and id_ in members:
                ended.append(id_)
            elif member and anew and (pictures := explain.because(segment.definition)) != members[id_].because:
                because[id_] = pictures
            if _earlier(now.turns_at_ms, timers.get(id_)):
                looks[id_] = now.turns_at_ms
        membership_rows.begin(c, tenant, person_id, begun)
        membership_rows.end(c, tenant, person_id, ended)
        membership_rows.put_because(c, tenant, person_id, because)
        membership_rows.put_timers(c, tenant, person_id, looks)

    def _pause_s(self) -> float:
        with reading(self.journal.engine) as c:
            next_ms = membership_rows.next_timer_ms(c)
        left_ms = LOOK_S * 1000 if next_ms is None else next_ms - self.clock()
        return min(max(left_ms / 1000, 0.001), LOOK_S)


def _course(segment: Segment, facts: Facts, now_ms: int, *, member: bool) -> Course:
    return course(segment.definition.who, facts, member=member, now_ms=now_ms)


def _goes_on(segment: Segment, facts: Facts, now_ms: int, *, member: bool) -> tuple[bool, Course]:
    """Whether they are in it from now on, and by the thresholds of that, when this turns."""
    now = _course(segment, facts, now_ms, member=member)
    if now.holds == member:
        return member, now
    return now.holds, _course(segment, facts, now_ms, member=now.holds)


def _earlier(wanted_ms: int | None, kept_ms: int | None) -> bool:
    return wanted_ms is not None and (kept_ms is None or wanted_ms < kept_ms)


def _word(kind: int) -> str:
    return (
        profile_pb2.ActivityKind.Name(profile_pb2.ActivityKind.ValueType(kind)).removeprefix("ACTIVITY_KIND_").lower()
    )
