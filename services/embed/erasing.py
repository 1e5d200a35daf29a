"""A person was erased: their feature objects go, and their rows, with the bytes of all rows that were ever deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass

from nungil.erasing import Erased, Removed, confirmed
from nungil.event_log.consume import KEEP_ALIVE_EVERY_S
from nungil.event_log.port import EventLog
from nungil.object_store.keys import features_prefix
from nungil.object_store.port import ObjectStore
from nungil.runtime.clock import Clock
from nungil.vector_index.port import VectorIndex
from services.embed.erased import mark

logger = logging.getLogger(__name__)

SERVICE = "embed"


@dataclass(frozen=True)
class EraseOwner:
    """Objects before rows: a process that dies between finds by the rows what is left.

    indexes: of the space that is served and of those that are kept. kept_ms: how long a server keeps bytes of rows;
    objects_kept_ms: and of objects, 0 where they are files.
    """

    objects: ObjectStore
    indexes: Sequence[VectorIndex]
    log: EventLog
    clock: Clock
    kept_ms: int
    objects_kept_ms: int = 0

    def __call__(self, erased: Erased) -> None:
        """Idempotent; what it tells is told again after a crash, under the same event ids."""
        tenant, person_id = erased.tenant, erased.person_id
        counted = mark(self.objects, self.indexes, tenant, person_id)
        gone = True
        for index in self.indexes:
            media_ids = index.pictures_of(person_id, tenant=tenant)
            for media_id in media_ids:
                for key in list(self.objects.list(features_prefix(tenant, media_id))):
                    self.objects.delete(key)
            index.delete_media(media_ids, tenant=tenant)
            index.flush()
            gone = index.erase_deleted() and gone
        now_ms = self.clock()
        said = (
            Removed("features", counted.objects, now_ms + self.objects_kept_ms if self.objects_kept_ms else 0),
            Removed("index", counted.rows, 0 if gone else now_ms + self.kept_ms),
        )
        self.log.append([confirmed(erased, SERVICE, removed, now_ms=now_ms) for removed in said])
        logger.info("%s had %d feature objects and %d rows, which are gone", person_id, counted.objects, counted.rows)


@dataclass(frozen=True)
class Patiently:
    """Erases in a thread beside, and keeps the membership alive: an index that is written anew takes its time."""

    erase: EraseOwner
    thread: Executor
    keep_alive: Callable[[], None]

    def __call__(self, erased: Erased) -> None:
        """As `erase`."""
        erasing = self.thread.submit(self.erase, erased)
        while wait([erasing], timeout=KEEP_ALIVE_EVERY_S).not_done:
            self.keep_alive()
        erasing.result()
