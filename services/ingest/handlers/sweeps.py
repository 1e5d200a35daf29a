"""What is removed in the background: pictures whose time is over, and objects of uploads that never became pictures."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Protocol

from sqlalchemy import Engine

from nungil.database.open import hold, reading
from nungil.object_store.keys import FEATURES, ORIGINALS, RENDITIONS, picture_named
from nungil.object_store.port import ObjectStore
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway
from services.ingest.core import born_at_ms
from services.ingest.store import media as rows

logger = logging.getLogger(__name__)

TRANSIENT = "transient/"
LOOKED_UP_AT_ONCE = 500  # objects a query
_MEDIA_ID = re.compile(rf"{TRANSIENT}[^/]+/([0-9a-f-]{{36}})/")


class Sweep(Protocol):
    """Something to do again and again."""

    def once(self, stop: threading.Event) -> int:
        """How many it removed; ends early once `stop` is set."""


def sweep_until(stop: threading.Event, sweep: Sweep, *, every_s: float) -> None:
    """Sweeps now and every `every_s`. Where a dependency is away, the next time."""
    while True:
        try:
            sweep.once(stop)
        except DependencyAway as error:
            logger.warning("not swept: %s", error)
        if stop.wait(every_s):
            return


@dataclass(frozen=True)
class Expired:
    """Removes pictures that were only searched with, when their time is over."""

    engine: Engine
    objects: ObjectStore
    clock: Clock
    transient_ms: int

    def once(self, stop: threading.Event) -> int:
        """How many pictures it removed. An object's id tells its age, so that what a crash left without a row goes too."""
        now_ms = self.clock()
        for key in self.objects.list(TRANSIENT):
            if stop.is_set():
                return 0
            media_id = _MEDIA_ID.match(key)
            if media_id and born_at_ms(media_id[1]) + self.transient_ms <= now_ms:
                self.objects.delete(key)
        with self.engine.begin() as connection:
            return rows.forget_expired(connection, now_ms=now_ms)


@dataclass(frozen=True)
class Orphans:
    """Removes originals, renditions and feature objects of pictures that have no row, of every tenant.

    A process that dies between an upload's objects and its row leaves them; so does an embed process that stood still while
    its picture was deleted. age_ms: how old the id must be, far above the longest upload. Where there is no picture at all
    the database is new or not the one of these objects, so nothing is removed.
    """

    engine: Engine
    objects: ObjectStore
    clock: Clock
    age_ms: int

    def once(self, stop: threading.Event) -> int:
        """How many objects it removed."""
        with reading(self.engine) as connection:
            if not rows.any_media(connection):
                logger.info("no orphans are looked for, since the database holds no picture")
                return 0
        removed = 0
        for prefix in (ORIGINALS, RENDITIONS, FEATURES):
            old = self._old(prefix)
            while not stop.is_set() and (some := list(islice(old, LOOKED_UP_AT_ONCE))):
                removed += sum(self._remove(one) for one in self._without_row(some))
        return removed

    def _old(self, prefix: str) -> Iterator[_Stored]:
        before_ms = self.clock() - self.age_ms
        for key in self.objects.list(prefix):
            named = picture_named(key)  # None: not ours to judge
            if named and born_at_ms(named[1]) < before_ms:
                yield _Stored(key, *named)

    def _without_row(self, some: Sequence[_Stored]) -> list[_Stored]:
        without = []
        with reading(self.engine) as connection:
            for tenant, of_tenant in groupby(some, lambda one: one.tenant):
                stored = list(of_tenant)
                known = rows.known_media(connection, tenant, {one.media_id for one in stored})
                without += [one for one in stored if one.media_id not in known]
        return without

    def _remove(self, one: _Stored) -> bool:
        """Looks again, within a transaction that an upload of this id cannot overtake."""
        with self.engine.begin() as connection:
            hold(connection, rows.held_while_added(one.tenant, one.media_id))
            if rows.version_of(connection, one.tenant, one.media_id) is not None:
                return False
            self.objects.delete(one.key)
        logger.info("removed %s, of which there is no picture", one.key)
        return True


@dataclass(frozen=True, slots=True)
class _Stored:
    key: str
    tenant: str
    media_id: str
