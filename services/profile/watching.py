"""Keeping watches: what a person waits for, what ends it, what was found, and what nobody has found."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from nungil.database.open import reading
from nungil.database.outbox import put_out
from nungil.pictures.boxes import Box
from nungil.runtime import ids
from nungil.runtime.clock import Clock
from services.profile import watches
from services.profile.errors import NoSuchPicture, NoSuchWatch, TooManyWatches, UnknownPerson
from services.profile.journal import FeatureObjects
from services.profile.pictures import visible
from services.profile.store import journal_rows, people_rows, tables, watch_rows
from services.profile.watches import Crop, Unmet, Watch
from services.profile.wire import watches as watch_wire
from services.profile.wire.watches import Matched

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watches:
    """Writes one person at a time, in transactions that hold that person's row. What changes is told by the outbox."""

    engine: Engine
    features: FeatureObjects
    clock: Clock
    woken: threading.Event
    most: int  # a person
    least_people: int  # in a group of what is unmet
    followers: Sequence[Callable[[Connection, str, str], None]] = ()  # called where a person's watches have changed

    def create(self, tenant: str, person_id: str, asked: Crop, box: Box | None) -> tuple[Watch, bool, bool]:
        """The watch, whether it is new, and whether its box was clipped. box None: the whole picture.

        Raises as `checked_crop`, and UnknownPerson, NoSuchPicture, PictureNotKept or TooManyWatches.
        """
        crop, clipped = watches.checked_crop(asked, box)
        features = visible(self.features, tenant, person_id, crop.media_id)
        labels = watches.labels_of(features, crop.box)
        with self.engine.begin() as c:
            if not people_rows.lock_person(c, tenant, person_id):
                raise UnknownPerson(f"no person {person_id[:64]}")
            journal_rows.keep_pictures(c, tenant, [crop.media_id])
            if journal_rows.removed(c, tenant, [crop.media_id]):
                raise NoSuchPicture(f"no picture {crop.media_id}")
            known = watch_rows.find(c, tenant, person_id, crop)
            if known is not None:
                return known, False, clipped
            if watch_rows.count(c, tenant, person_id) >= self.most:
                raise TooManyWatches(f"{self.most} watches are kept for a person at most: delete one first")
            watch = Watch(ids.new_watch_id(), crop, self.clock())
            watch_rows.add(c, tenant, person_id, watch, labels)
            self._changed(c, tenant, person_id)
            put_out(c, tables.OUTBOX, [watch_wire.began(tenant, person_id, watch)])
        self.woken.set()
        logger.info("watch %s of %s begins", watch.watch_id, person_id)
        return watch, True, clipped

    def of(self, tenant: str, person_id: str) -> list[Watch]:
        """Newest first. Raises UnknownPerson."""
        with reading(self.engine) as c:
            if not people_rows.has_person(c, tenant, person_id):
                raise UnknownPerson(f"no person {person_id[:64]}")
            return watch_rows.of_person(c, tenant, person_id)

    def delete(self, tenant: str, person_id: str, watch_id: str) -> None:
        """Raises NoSuchWatch, also for another person's."""
        with self.engine.begin() as c:
            people_rows.lock_person(c, tenant, person_id)
            if not watch_rows.remove(c, tenant, person_id, watch_id):
                raise NoSuchWatch(f"no watch {watch_id[:64]}")
            self._changed(c, tenant, person_id)
            put_out(c, tables.OUTBOX, [watch_wire.ended(tenant, watch_id)])
        self.woken.set()

    def forget_picture(self, tenant: str, media_id: str) -> None:
        """Ends every watch of a picture that is gone. To be called once the picture is marked as removed, so that none begins after."""
        with reading(self.engine) as c:
            people = watch_rows.people_watching(c, tenant, media_id)
        for person_id in people:
            with self.engine.begin() as c:
                people_rows.lock_person(c, tenant, person_id)
                ended = watch_rows.remove_picture(c, tenant, person_id, media_id)
                self._changed(c, tenant, person_id)
                put_out(c, tables.OUTBOX, [watch_wire.ended(tenant, watch_id) for watch_id in ended])
            self.woken.set()

    def matched(self, found: Matched) -> None:
        """Keeps what was found; told again, or of a watch that has ended, it changes nothing."""
        with self.engine.begin() as c:
            kept = watch_rows.add_match(c, found.tenant, found.person_id, found.watch_id, found.match)
        if not kept:
            logger.info("match of %s is dropped: known already, or the watch has ended", found.watch_id)

    def unmet(self, tenant: str, limit: int) -> Sequence[Unmet]:
        """limit: groups; 0 means 20. Raises InvalidWatch."""
        limit = watches.checked_groups(limit)
        with reading(self.engine) as c:
            return watch_rows.unmet(c, tenant, least_people=self.least_people, limit=limit)

    def _changed(self, c: Connection, tenant: str, person_id: str) -> None:
        for follow in self.followers:
            follow(c, tenant, person_id)
