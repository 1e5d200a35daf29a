"""The journal: what enters it, when it is folded, what is taken out of it again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, Engine

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_IMAGE_INTEREST
from nungil.database.open import reading
from nungil.object_store import keys
from nungil.object_store.errors import ObjectNotFound
from nungil.object_store.port import ObjectStore
from nungil.pictures.boxes import Box
from nungil.pictures.features import Features, decode_features
from nungil.runtime import metrics
from nungil.runtime.clock import Clock
from nungil.runtime.errors import Rejected
from services.profile import core
from services.profile.core import Activity, Entry, Finding, Found, Rules
from services.profile.errors import InvalidActivity, UnreadableFeatures
from services.profile.found_cache import FoundCache, Seen
from services.profile.parts import found_in
from services.profile.store import batch_rows, journal_rows, people_rows, state_rows
from services.profile.taking_back import TAKES_BACK, Place, standing, taken_from

logger = logging.getLogger(__name__)

CATALOGUE = "catalogue"
CHECKPOINT_ROWS = 256  # late rows are mostly not later than so many others
Read = Callable[[Features, Box | None], Sequence[Finding]]
Faults = dict[Activity, Rejected]
Follower = Callable[[Connection, str, str, core.State, core.State, Sequence[Entry] | None], None]


def no_overlay(tenant: str) -> str:
    """As the taxonomy ships."""
    return ""


@dataclass(frozen=True)
class FeatureObjects:
    """What embed found in pictures."""

    objects: ObjectStore
    encoder_space: str

    def of(self, tenant: str, media_id: str) -> Features | None:
        """None where there are none yet. Raises UnreadableFeatures."""
        kept = self.kept(tenant, media_id)
        return kept or self._read(keys.transient_features_key(tenant, media_id, self.encoder_space), media_id)

    def kept(self, tenant: str, media_id: str) -> Features | None:
        """As `of`, of pictures that stay: None also for one that is only searched with."""
        return self._read(keys.features_key(tenant, media_id, self.encoder_space), media_id)

    def _read(self, key: str, media_id: str) -> Features | None:
        try:
            return decode_features(self.objects.get(key))
        except ObjectNotFound:
            return None
        except (DecodeError, ValueError) as error:
            raise UnreadableFeatures(f"the features of picture {media_id} cannot be read: {error}") from error


@dataclass(frozen=True)
class Journal:
    """Writes people in transactions that hold their rows: one at a time, or all those of a batch of events.

    An activity first gets a row that waits, and then looks for the features of its picture. Embed stores features
    before it tells of them, so a row whose look came too early is there when the telling arrives: none waits for ever
    whose picture has features.

    digest: of what a tenant lays over the taxonomy: pictures that were read under another are read again before they are
    folded. One whose features are gone (it was only searched with) keeps what was found then.

    followers: called in the transaction of every change of a state, with tenant, person_id, the state before and after,
    and the entries that were folded on top; None where all of the journal was folded again.
    """

    engine: Engine
    features: FeatureObjects
    read: Read
    rules: Rules
    clock: Clock
    followers: Sequence[Follower] = ()
    digest: Callable[[str], str] = no_overlay
    cache: FoundCache = field(default_factory=FoundCache)

    def add(self, activities: Sequence[Activity]) -> Faults:
        """Each event once, whatever was added before. Answers those that are wrong and will stay wrong."""
        faults: Faults = {}
        for tenant, of_tenant in _by_tenant(activities):
            refused = self._enter(tenant, of_tenant)
            entered = [activity for activity in of_tenant if activity not in refused]
            media_ids = {activity.media_id for activity in entered}
            with reading(self.engine) as c:
                waiting = batch_rows.waiting(c, tenant, media_ids, {activity.person_id for activity in entered})
            unreadable = self._fill(tenant, waiting)
            faults |= refused | {a: unreadable[a.media_id] for a in entered if a.media_id in unreadable}
        return faults

    def resolve(self, tenant: str, media_ids: Collection[str]) -> dict[str, Rejected]:
        """Fills the rows that wait for the features of these pictures. Answers the pictures that cannot be read."""
        with reading(self.engine) as c:
            waiting = journal_rows.waiting(c, tenant, media_ids)
        for media_id in media_ids:
            self.cache.forget(tenant, media_id)
        return self._fill(tenant, waiting)

    def give_up(self, tenant: str, media_ids: Collection[str]) -> None:
        """Drops the rows that wait for the features of pictures that will never have any."""
        with self.engine.begin() as c:
            journal_rows.drop_waiting(c, tenant, media_ids)

    def forget_picture(self, tenant: str, media_id: str) -> None:
        """Removes a picture from every journal, for good, and folds those persons again: as if it had never been seen."""
        now_ms = self.clock()
        self.cache.forget(tenant, media_id)
        with self.engine.begin() as c:  # first, so that no row is added after the look for those there are
            journal_rows.mark_removed(c, tenant, media_id, now_ms, forget_before_ms=core.oldest_kept_ms(now_ms))
            journal_rows.forget_result(c, tenant, media_id)
            people_rows.drop_from_galleries(c, tenant, [media_id])
        with reading(self.engine) as c:
            people = journal_rows.people_with(c, tenant, media_id)
        for person_id in people:
            with self.engine.begin() as c:
                people_rows.lock_person(c, tenant, person_id)
                self.take_out(c, tenant, person_id, media_id)

    def take_out(self, c: Connection, tenant: str, person_id: str, media_id: str) -> None:
        """Removes a picture from the journal of a locked person, who is then as if they had never seen it."""
        rows = journal_rows.places_of(c, tenant, person_id, [media_id]).get(media_id, ())
        journal_rows.drop_picture(c, tenant, person_id, media_id)
        if rows:
            self._fold_from(c, tenant, person_id, rows[0][0])

    def correct(self, tenant: str, person_id: str, entry: Entry) -> core.State:
        """What a person says of an interest, in effect when this returns; needs no consent. The same event twice changes nothing.

        Raises InvalidActivity for a person whom nobody knows.
        """
        with self.engine.begin() as c:
            if not people_rows.lock_person(c, tenant, person_id):
                raise InvalidActivity(f"no person {person_id}")
            self.take(c, tenant, person_id, [entry])
        return self.state_of(tenant, person_id)

    def take(self, c: Connection, tenant: str, person_id: str, corrections: Sequence[Entry]) -> None:
        """As `correct`, of a locked person, in the caller's transaction. corrections: in order."""
        new = [entry for entry in corrections if journal_rows.add_correction(c, tenant, person_id, entry)]
        if new:
            self._fold(c, tenant, person_id, new)

    def forget_learnt(self, c: Connection, tenant: str, person_id: str) -> None:
        """Removes all that was learnt of a locked person; what they said of interests stays."""
        journal_rows.drop_learnt(c, tenant, person_id)
        self._fold_again(c, tenant, person_id)

    def removed(self, tenant: str, media_ids: Collection[str]) -> set[str]:
        """Which of these pictures were deleted."""
        with reading(self.engine) as c:
            return journal_rows.removed(c, tenant, media_ids)

    def state_of(self, tenant: str, person_id: str) -> core.State:
        """What was learnt of a person, under the rules of today."""
        with reading(self.engine) as c:
            kept = state_rows.state(c, tenant, person_id)
            if kept is None and not journal_rows.has_rows(c, tenant, person_id):
                return core.NOTHING
        if kept is not None and kept.rules == self._rules_of(tenant):
            return kept.state
        with self.engine.begin() as c:
            people_rows.lock_person(c, tenant, person_id)
            return self._fold_again(c, tenant, person_id)

    def _enter(self, tenant: str, activities: Sequence[Activity]) -> Faults:
        """Rows that wait, of all that may enter, in one transaction."""
        now_ms = self.clock()
        faults: Faults = {}
        people, media_ids = {one.person_id for one in activities}, {one.media_id for one in activities}
        with self.engine.begin() as c:
            known = batch_rows.lock_people(c, tenant, people)
            consents = batch_rows.consents(c, tenant, known, CONSENT_PURPOSE_IMAGE_INTEREST)
            pauses = batch_rows.pauses(c, tenant, known)
            journal_rows.keep_pictures(c, tenant, media_ids)
            removed = journal_rows.removed(c, tenant, media_ids)
            wanted: list[Activity] = []
            for activity in activities:
                if activity.person_id not in known:
                    faults[activity] = InvalidActivity(f"no person {activity.person_id}")
                    continue
                if activity.occurred_at_ms > now_ms + core.AHEAD_MS:
                    faults[activity] = InvalidActivity(f"it occurred at {activity.occurred_at_ms}, which has not come")
                    continue
                consent = consents.get(activity.person_id, core.KeptConsent())
                why = core.refusal(
                    activity,
                    consented_at_ms=consent.changed_at_ms if consent.given else None,
                    removed=activity.media_id in removed,
                    now_ms=now_ms,
                )
                if any(pause.covers(activity.occurred_at_ms) for pause in pauses.get(activity.person_id, ())):
                    why = "learning is paused, or was then"
                if why:
                    logger.info("activity %s of %s is dropped: %s", activity.event_id, activity.person_id, why)
                else:
                    wanted.append(activity)
            batch_rows.add_waiting(c, tenant, wanted)
        return faults

    def _fill(self, tenant: str, waiting: Sequence[Activity]) -> dict[str, Rejected]:
        """Gives waiting rows of people their findings, and folds. Answers the pictures that cannot be read."""
        faults: dict[str, Rejected] = {}
        seen: list[tuple[Activity, Found | None]] = []
        for media_id, of_picture in groupby(sorted(waiting, key=_media_id), key=_media_id):
            try:
                for activity in of_picture:
                    looked = self._look(tenant, activity)
                    if looked is not None:
                        owner, found = looked
                        seen.append((activity, found if owner in (activity.person_id, CATALOGUE) else None))
            except Rejected as error:
                faults[media_id] = error
        if seen:
            self._write(tenant, seen)
        return faults

    def _look(self, tenant: str, activity: Activity) -> Seen | None:
        """Whose picture it is and what is in it; None where there are no features yet."""

        def look() -> Seen | None:
            features = self.features.of(tenant, activity.media_id)
            if features is None:
                return None
            return features.owner, found_in(features, self.read(features, activity.box), activity.box)

        return self.cache.of((tenant, activity.media_id, activity.box), self.clock(), look)

    def _write(self, tenant: str, seen: Sequence[tuple[Activity, Found | None]]) -> None:
        """In one transaction. found None: the picture is not this person's to see."""
        with self.engine.begin() as c:
            batch_rows.lock_people(c, tenant, {activity.person_id for activity, _ in seen})
            media_ids = {activity.media_id for activity, _ in seen}
            journal_rows.keep_pictures(c, tenant, media_ids)
            removed = journal_rows.removed(c, tenant, media_ids)
            found: list[tuple[Activity, Found]] = []
            for activity, what in seen:
                if what is None or activity.media_id in removed:
                    why = "not this person's picture" if what is None else "the picture was deleted"
                    logger.info("activity %s of %s is dropped: %s", activity.event_id, activity.person_id, why)
                    journal_rows.drop_row(c, activity)
                else:
                    found.append((activity, what))
            filled = batch_rows.fill(c, tenant, found) if found else {}
            self._fold_each(c, tenant, {id_: sorted(of, key=lambda one: one.place) for id_, of in filled.items()})

    def _fold_each(self, c: Connection, tenant: str, filled: Mapping[str, Sequence[Entry]]) -> None:
        """As `_fold` each of these people; those whose rows come last, and take nothing back, are read and kept together."""
        known = self._known(c, tenant, filled)
        on_top: dict[str, state_rows.KeptState] = {}
        for person_id, entries in filled.items():
            kept = known.get(person_id)
            takes_back = any(entry.kind in TAKES_BACK for entry in entries)
            if (
                kept is not None
                and not takes_back
                and self._is_current(tenant, kept)
                and entries[0].place > kept.state.last
            ):
                on_top[person_id] = replace(kept, state=core.fold(kept.state, entries, self.rules))
            else:
                self._fold(c, tenant, person_id, entries)
        new = {id_: kept for id_, kept in on_top.items() if known[id_].state is core.NOTHING}
        batch_rows.add_states(c, tenant, new)
        batch_rows.replace_states(c, tenant, {id_: kept for id_, kept in on_top.items() if id_ not in new})
        metrics.PROFILE_FOLDED.add(sum(len(filled[id_]) for id_ in on_top))
        for person_id, kept in on_top.items():
            for follow in self.followers:
                follow(c, tenant, person_id, known[person_id].state, kept.state, filled[person_id])

    def _known(
        self, c: Connection, tenant: str, filled: Mapping[str, Sequence[Entry]]
    ) -> dict[str, state_rows.KeptState]:
        """What was folded of these people before: nothing, of whom there are no rows but these."""
        if not filled:
            return {}
        known = batch_rows.states(c, tenant, filled)
        new = filled.keys() - known.keys()
        rows = batch_rows.rows_of(c, tenant, new) if new else {}
        nothing = state_rows.KeptState(core.NOTHING, self._rules_of(tenant), core.today(self.clock()))
        return known | {id_: nothing for id_ in new if rows[id_] == len(filled[id_])}

    def _rules_of(self, tenant: str) -> str:
        """What a state is folded under."""
        return "#".join(filter(None, (self.rules.fingerprint, self.digest(tenant))))

    def _is_current(self, tenant: str, kept: state_rows.KeptState) -> bool:
        """Whether it can be folded upon as it is."""
        return kept.rules == self._rules_of(tenant) and kept.dropped_on == core.today(self.clock())

    def _fold(self, c: Connection, tenant: str, person_id: str, filled: Sequence[Entry]) -> core.State:
        """Folds rows that were just filled: on top where they come last, from an earlier state where they do not."""
        kept = state_rows.state(c, tenant, person_id)
        if kept is None or not self._is_current(tenant, kept):
            return self._fold_again(c, tenant, person_id)
        earliest = min([filled[0].place, *self._taken(c, tenant, person_id, filled)])
        if earliest <= kept.state.last:
            return self._fold_from(c, tenant, person_id, earliest)
        metrics.PROFILE_FOLDED.add(len(filled))
        state = core.fold(
            kept.state, standing(filled, journal_rows.kinds_before(c, tenant, person_id, filled)), self.rules
        )
        return self._keep(
            c, tenant, person_id, kept.state, state_rows.KeptState(state, kept.rules, kept.dropped_on), filled
        )

    def _taken(self, c: Connection, tenant: str, person_id: str, filled: Sequence[Entry]) -> list[Place]:
        """The earliest place that these take something back from, if they do."""
        taking = {entry.media_id for entry in filled if entry.kind in TAKES_BACK}
        place = taken_from(filled, journal_rows.places_of(c, tenant, person_id, taking)) if taking else None
        return [] if place is None else [place]

    def _fold_from(self, c: Connection, tenant: str, person_id: str, changed: Place) -> core.State:
        """Folds again what comes after the checkpoint, where the journal before that is what it was. changed: the earliest
        row that is new, gone or taken back."""
        today = core.today(self.clock())
        point = state_rows.checkpoint(c, tenant, person_id, self._rules_of(tenant), today)
        if point is None or point.last >= changed:
            return self._fold_again(c, tenant, person_id)
        before = state_rows.state(c, tenant, person_id)
        tail = journal_rows.entries(c, tenant, person_id, after=point.last)
        tail = standing(tail, journal_rows.kinds_before(c, tenant, person_id, tail))
        return self._fold_tail(c, tenant, person_id, before, point, tail)

    def _fold_again(self, c: Connection, tenant: str, person_id: str) -> core.State:
        journal_rows.drop_older(c, tenant, person_id, core.oldest_kept_ms(self.clock()))
        before = state_rows.state(c, tenant, person_id)
        if (before.rules if before else self.rules.fingerprint).partition("#")[2] != self.digest(tenant):
            self._read_again(c, tenant, person_id)
        entries = standing(journal_rows.entries(c, tenant, person_id))
        return self._fold_tail(c, tenant, person_id, before, core.NOTHING, entries)

    def _read_again(self, c: Connection, tenant: str, person_id: str) -> None:
        """What is in the pictures of a journal, as the tenant's taxonomy says it now. Those that cannot be read stay as they are."""
        found: list[tuple[Activity, Found]] = []
        for activity in journal_rows.learnt(c, tenant, person_id):
            try:
                looked = self._look(tenant, activity)
            except Rejected as error:
                logger.warning("picture %s is not read again: %s", activity.media_id, error)
                continue
            if looked is not None:
                found.append((activity, looked[1]))
        batch_rows.fill_again(c, tenant, found)

    def _fold_tail(
        self,
        c: Connection,
        tenant: str,
        person_id: str,
        before: state_rows.KeptState | None,
        point: core.State,
        tail: Sequence[Entry],
    ) -> core.State:
        """Folds onto an earlier state, and keeps one on the way that late rows can be folded from."""
        metrics.PROFILE_REFOLDS.add()
        early = max(len(tail) - CHECKPOINT_ROWS, 0) if len(tail) > 2 * CHECKPOINT_ROWS else 0
        newer = core.fold(point, tail[:early], self.rules)
        state = core.fold(newer, tail[early:], self.rules)
        kept = state_rows.KeptState(state, self._rules_of(tenant), core.today(self.clock()))
        self._keep(c, tenant, person_id, before.state if before else core.NOTHING, kept)
        if newer is not point or point is core.NOTHING:
            state_rows.put_checkpoint(c, tenant, person_id, None if newer is core.NOTHING else newer)
        return state

    def _keep(
        self,
        c: Connection,
        tenant: str,
        person_id: str,
        before: core.State,
        kept: state_rows.KeptState,
        filled: Sequence[Entry] | None = None,
    ) -> core.State:
        state_rows.put_state(c, tenant, person_id, kept)
        for follow in self.followers:
            follow(c, tenant, person_id, before, kept.state, filled)
        return kept.state


def _media_id(activity: Activity) -> str:
    return activity.media_id


def _by_tenant(activities: Iterable[Activity]) -> Iterable[tuple[str, list[Activity]]]:
    tenants: dict[str, list[Activity]] = {}
    for activity in activities:
        tenants.setdefault(activity.tenant, []).append(activity)
    return tenants.items()
