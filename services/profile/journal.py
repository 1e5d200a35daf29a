"""The journal: what enters it, when it is folded, what is taken out of it again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
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
from services.profile import core, people_rows, store
from services.profile.core import Activity, Entry, Finding, Found, Rules
from services.profile.errors import InvalidActivity, UnreadableFeatures
from services.profile.parts import found_in
from services.profile.taking_back import TAKES_BACK, Place, standing, taken_from

logger = logging.getLogger(__name__)

CATALOGUE = "catalogue"
CHECKPOINT_ROWS = 256  # late rows are mostly not later than so many others
Read = Callable[[Features, Box | None], Sequence[Finding]]
Faults = dict[Activity, Rejected]
Follower = Callable[[Connection, str, str, core.State, core.State, Sequence[Entry] | None], None]


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
    """Writes one person at a time, in transactions that hold that person's row.

    An activity first gets a row that waits, and then looks for the features of its picture. Embed stores features
    before it tells of them, so a row whose look came too early is there when the telling arrives: none waits for ever
    whose picture has features.

    followers: called in the transaction of every change of a state, with tenant, person_id, the state before and after,
    and the entries that were folded on top; None where all of the journal was folded again.
    """

    engine: Engine
    features: FeatureObjects
    read: Read
    rules: Rules
    clock: Clock
    followers: Sequence[Follower] = ()

    def add(self, activities: Sequence[Activity]) -> Faults:
        """Each event once, whatever was added before. Answers those that are wrong and will stay wrong."""
        faults: Faults = {}
        for (tenant, person_id), of_person in _by_person(activities):
            refused = self._enter(tenant, person_id, of_person)
            entered = [activity for activity in of_person if activity not in refused]
            with reading(self.engine) as c:
                media_ids = {activity.media_id for activity in entered}
                waiting = store.waiting(c, tenant, media_ids, person_id=person_id)
            unreadable = self._fill(tenant, person_id, waiting)
            faults |= refused | {a: unreadable[a.media_id] for a in entered if a.media_id in unreadable}
        return faults

    def resolve(self, tenant: str, media_ids: Collection[str]) -> dict[str, Rejected]:
        """Fills the rows that wait for the features of these pictures. Answers the pictures that cannot be read."""
        with reading(self.engine) as c:
            waiting = store.waiting(c, tenant, media_ids)
        faults: dict[str, Rejected] = {}
        for (_, person_id), of_person in _by_person(waiting):
            faults |= self._fill(tenant, person_id, of_person)
        return faults

    def give_up(self, tenant: str, media_ids: Collection[str]) -> None:
        """Drops the rows that wait for the features of pictures that will never have any."""
        with self.engine.begin() as c:
            store.drop_waiting(c, tenant, media_ids)

    def forget_picture(self, tenant: str, media_id: str) -> None:
        """Removes a picture from every journal, for good, and folds those persons again: as if it had never been seen."""
        now_ms = self.clock()
        with self.engine.begin() as c:  # first, so that no row is added after the look for those there are
            store.mark_removed(c, tenant, media_id, now_ms, forget_before_ms=core.oldest_kept_ms(now_ms))
            people_rows.drop_from_galleries(c, tenant, [media_id])
            store.forget_result(c, tenant, media_id)
        with reading(self.engine) as c:
            people = store.people_with(c, tenant, media_id)
        for person_id in people:
            with self.engine.begin() as c:
                store.lock_person(c, tenant, person_id)
                rows = store.places_of(c, tenant, person_id, [media_id]).get(media_id, ())
                store.drop_picture(c, tenant, person_id, media_id)
                if rows:
                    self._fold_from(c, tenant, person_id, rows[0][0])

    def correct(self, tenant: str, person_id: str, entry: Entry) -> core.State:
        """What a person says of an interest, in effect when this returns; needs no consent. The same event twice changes nothing.

        Raises InvalidActivity for a person whom nobody knows.
        """
        with self.engine.begin() as c:
            if not store.lock_person(c, tenant, person_id):
                raise InvalidActivity(f"no person {person_id}")
            self.take(c, tenant, person_id, [entry])
        return self.state_of(tenant, person_id)

    def take(self, c: Connection, tenant: str, person_id: str, corrections: Sequence[Entry]) -> None:
        """As `correct`, of a locked person, in the caller's transaction. corrections: in order."""
        new = [entry for entry in corrections if store.add_correction(c, tenant, person_id, entry)]
        if new:
            self._fold(c, tenant, person_id, new)

    def forget_learnt(self, c: Connection, tenant: str, person_id: str) -> None:
        """Removes all that was learnt of a locked person; what they said of interests stays."""
        store.drop_learnt(c, tenant, person_id)
        self._fold_again(c, tenant, person_id)

    def removed(self, tenant: str, media_ids: Collection[str]) -> set[str]:
        """Which of these pictures were deleted."""
        with reading(self.engine) as c:
            return store.removed(c, tenant, media_ids)

    def state_of(self, tenant: str, person_id: str) -> core.State:
        """What was learnt of a person, under the rules of today."""
        with reading(self.engine) as c:
            kept = store.state(c, tenant, person_id)
            if kept is None and not store.has_rows(c, tenant, person_id):
                return core.NOTHING
        if kept is not None and kept.rules == self.rules.fingerprint:
            return kept.state
        with self.engine.begin() as c:
            store.lock_person(c, tenant, person_id)
            return self._fold_again(c, tenant, person_id)

    def _enter(self, tenant: str, person_id: str, activities: Sequence[Activity]) -> Faults:
        now_ms = self.clock()
        faults: Faults = {}
        with self.engine.begin() as c:
            if not store.lock_person(c, tenant, person_id):
                return {activity: InvalidActivity(f"no person {person_id}") for activity in activities}
            consent = store.consents(c, tenant, person_id).get(CONSENT_PURPOSE_IMAGE_INTEREST, core.KeptConsent())
            media_ids = {activity.media_id for activity in activities}
            store.keep_pictures(c, tenant, media_ids)
            removed = store.removed(c, tenant, media_ids)
            pauses = people_rows.pauses(c, tenant, person_id)
            wanted: list[Activity] = []
            for activity in activities:
                if activity.occurred_at_ms > now_ms + core.AHEAD_MS:
                    faults[activity] = InvalidActivity(f"it occurred at {activity.occurred_at_ms}, which has not come")
                    continue
                why = core.refusal(
                    activity,
                    consented_at_ms=consent.changed_at_ms if consent.given else None,
                    removed=activity.media_id in removed,
                    now_ms=now_ms,
                )
                if any(pause.covers(activity.occurred_at_ms) for pause in pauses):
                    why = "learning is paused, or was then"
                if why:
                    logger.info("activity %s of %s is dropped: %s", activity.event_id, person_id, why)
                else:
                    wanted.append(activity)
            store.add_waiting(c, tenant, person_id, wanted)
        return faults

    def _fill(self, tenant: str, person_id: str, waiting: Sequence[Activity]) -> dict[str, Rejected]:
        """Gives waiting rows of a person their findings, and folds. Answers the pictures that cannot be read."""
        faults: dict[str, Rejected] = {}
        seen: list[tuple[Activity, Found | None]] = []
        for media_id, of_picture in groupby(sorted(waiting, key=_media_id), key=_media_id):
            try:
                features = self.features.of(tenant, media_id)
                if features is not None:
                    seen.extend((activity, self._found(features, activity)) for activity in of_picture)
            except Rejected as error:
                faults[media_id] = error
        if seen:
            self._write(tenant, person_id, seen)
        return faults

    def _found(self, features: Features, activity: Activity) -> Found | None:
        """None where the picture is not this person's to see."""
        if features.owner not in (activity.person_id, CATALOGUE):
            return None
        return found_in(features, self.read(features, activity.box), activity.box)

    def _write(self, tenant: str, person_id: str, seen: Sequence[tuple[Activity, Found | None]]) -> None:
        with self.engine.begin() as c:
            store.lock_person(c, tenant, person_id)
            media_ids = {activity.media_id for activity, _ in seen}
            store.keep_pictures(c, tenant, media_ids)
            removed = store.removed(c, tenant, media_ids)
            found: list[tuple[Activity, Found]] = []
            for activity, what in seen:
                if what is None or activity.media_id in removed:
                    why = "not this person's picture" if what is None else "the picture was deleted"
                    logger.info("activity %s of %s is dropped: %s", activity.event_id, person_id, why)
                    store.drop_row(c, activity)
                else:
                    found.append((activity, what))
            filled = store.fill(c, tenant, person_id, found)
            if filled:
                self._fold(c, tenant, person_id, sorted(filled, key=lambda entry: entry.place))

    def _fold(self, c: Connection, tenant: str, person_id: str, filled: Sequence[Entry]) -> core.State:
        """Folds rows that were just filled: on top where they come last, from an earlier state where they do not."""
        kept = store.state(c, tenant, person_id)
        if kept is None or kept.rules != self.rules.fingerprint or kept.dropped_on != core.today(self.clock()):
            return self._fold_again(c, tenant, person_id)
        earliest = min([filled[0].place, *self._taken(c, tenant, person_id, filled)])
        if earliest <= kept.state.last:
            return self._fold_from(c, tenant, person_id, earliest)
        metrics.PROFILE_FOLDED.add(len(filled))
        state = core.fold(kept.state, standing(filled, store.kinds_before(c, tenant, person_id, filled)), self.rules)
        return self._keep(c, tenant, person_id, kept.state, store.KeptState(state, kept.rules, kept.dropped_on), filled)

    def _taken(self, c: Connection, tenant: str, person_id: str, filled: Sequence[Entry]) -> list[Place]:
        """The earliest place that these take something back from, if they do."""
        taking = {entry.media_id for entry in filled if entry.kind in TAKES_BACK}
        place = taken_from(filled, store.places_of(c, tenant, person_id, taking)) if taking else None
        return [] if place is None else [place]

    def _fold_from(self, c: Connection, tenant: str, person_id: str, changed: Place) -> core.State:
        """Folds again what comes after the checkpoint, where the journal before that is what it was. changed: the earliest
        row that is new, gone or taken back."""
        today = core.today(self.clock())
        point = store.checkpoint(c, tenant, person_id, self.rules.fingerprint, today)
        if point is None or point.last >= changed:
            return self._fold_again(c, tenant, person_id)
        before = store.state(c, tenant, person_id)
        tail = store.entries(c, tenant, person_id, after=point.last)
        tail = standing(tail, store.kinds_before(c, tenant, person_id, tail))
        return self._fold_tail(c, tenant, person_id, before, point, tail)

    def _fold_again(self, c: Connection, tenant: str, person_id: str) -> core.State:
        store.drop_older(c, tenant, person_id, core.oldest_kept_ms(self.clock()))
        before = store.state(c, tenant, person_id)
        entries = standing(store.entries(c, tenant, person_id))
        return self._fold_tail(c, tenant, person_id, before, core.NOTHING, entries)

    def _fold_tail(
        self,
        c: Connection,
        tenant: str,
        person_id: str,
        before: store.KeptState | None,
        point: core.State,
        tail: Sequence[Entry],
    ) -> core.State:
        """Folds onto an earlier state, and keeps one on the way that late rows can be folded from."""
        metrics.PROFILE_REFOLDS.add()
        early = max(len(tail) - CHECKPOINT_ROWS, 0) if len(tail) > 2 * CHECKPOINT_ROWS else 0
        newer = core.fold(point, tail[:early], self.rules)
        state = core.fold(newer, tail[early:], self.rules)
        kept = store.KeptState(state, self.rules.fingerprint, core.today(self.clock()))
        self._keep(c, tenant, person_id, before.state if before else core.NOTHING, kept)
        if newer is not point or point is core.NOTHING:
            store.put_checkpoint(c, tenant, person_id, None if newer is core.NOTHING else newer)
        return state

    def _keep(
        self,
        c: Connection,
        tenant: str,
        person_id: str,
        before: core.State,
        kept: store.KeptState,
        filled: Sequence[Entry] | None = None,
    ) -> core.State:
        store.put_state(c, tenant, person_id, kept)
        for follow in self.followers:
            follow(c, tenant, person_id, before, kept.state, filled)
        return kept.state


def _media_id(activity: Activity) -> str:
    return activity.media_id


def _by_person(activities: Iterable[Activity]) -> Iterable[tuple[tuple[str, str], list[Activity]]]:
    people: dict[tuple[str, str], list[Activity]] = {}
    for activity in activities:
        people.setdefault((activity.tenant, activity.person_id), []).append(activity)
    return people.items()
