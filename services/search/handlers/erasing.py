"""A person was erased: what search's copy and its memory hold of them goes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Event

from sqlalchemy import Engine

from nungil.database.erasing import scrub
from nungil.erasing import Erased, InvalidErasure, Removed, confirmed, erased_of
from nungil.event_log import topics
from nungil.event_log.port import EventLog
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway
from services.search.erased import erase_owner
from services.search.features import FeatureMaps
from services.search.fresh import FreshRows
from services.search.handlers.deletions import DeniedPictures
from services.search.held import HeldRows
from services.search.watches import Watches

logger = logging.getLogger(__name__)

SERVICE, DATABASE = "search", "database"
_RECORDS = 64
_POLL_S = 0.5
_RETRY_S = 1.0


@dataclass(frozen=True)
class EraseOwner:
    """Removes what pictures of a person show from search's copy, and takes no more of it. kept_ms: how long a server keeps bytes."""

    engine: Engine
    log: EventLog
    clock: Clock
    kept_ms: int

    def __call__(self, erased: Erased) -> None:
        """Idempotent; what was counted at first is kept."""
        with self.engine.begin() as connection:
            counted = erase_owner(connection, erased.tenant, erased.person_id)
        now_ms = self.clock()
        gone_by_ms = 0 if scrub(self.engine) else now_ms + self.kept_ms
        self.log.append([confirmed(erased, SERVICE, Removed(DATABASE, counted, gone_by_ms), now_ms=now_ms)])
        logger.info("%s had %d rows, which are gone", erased.person_id, counted)


@dataclass(frozen=True)
class ForgetErased:
    """What this process holds in memory of people who are erased from now on; each process reads all of them.

    What is held of single pictures ends by their own deletion too, which tells of each.
    """

    log: EventLog
    maps: FeatureMaps
    fresh: FreshRows
    held: HeldRows
    watches: Watches
    denied: DeniedPictures
    stop: Event

    def __call__(self) -> None:
        with self.log.tail([topics.USER_ERASED], since="now") as tail:
            while not self.stop.is_set():
                try:
                    for record in tail.poll(max_records=_RECORDS, timeout_s=_POLL_S):
                        self.forget(erased_of(record))
                except InvalidErasure as error:
                    logger.warning("%s", error)  # the group puts it away
                except DependencyAway as error:
                    logger.warning("erased people are forgotten later: %s", error)
                    self.stop.wait(_RETRY_S)

    def forget(self, erased: Erased) -> None:
        """Sessions of this person end too: what they gathered holds rows of their pictures."""
        self.denied.deny(erased.person_id)
        for forget in (self.maps.forget_owner, self.fresh.forget_owner, self.held.forget_owner, self.watches.end_of):
            forget(erased.tenant, erased.person_id)
