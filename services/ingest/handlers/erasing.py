"""A person was erased: their pictures go, whatever state they are in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.erasing import scrub
from nungil.database.outbox import put_out
from nungil.erasing import Erased, Removed, confirmed
from nungil.object_store import keys
from nungil.object_store.port import ObjectStore
from nungil.runtime.clock import Clock
from services.ingest import wire
from services.ingest.core import DELETED, SEARCH, Media
from services.ingest.store import OUTBOX
from services.ingest.store import erased as rows
from services.ingest.store import media as pictures
from services.ingest.store.erased import Counted

logger = logging.getLogger(__name__)

SERVICE = "ingest"


@dataclass(frozen=True)
class EraseOwner:
    """Marks first, so that no upload slips in behind; then objects, then rows, then the word that it is done.

    What is counted is kept with the mark: a process that dies on the way goes on, and says the same. Embed is told picture by
    picture, as of any deletion, so that what is on its way there is not embedded. kept_ms: how long a server keeps bytes of rows;
    objects_kept_ms: and of objects, 0 where they are files.
    """

    engine: Engine
    objects: ObjectStore
    clock: Clock
    written: threading.Event
    kept_ms: int
    objects_kept_ms: int = 0

    def __call__(self, erased: Erased) -> None:
        """Idempotent."""
        counted, media = self._mark(erased)
        for one in media:
            for key in self._keys(one):
                self.objects.delete(key)
        with self.engine.begin() as connection:
            rows.forget_owner(connection, erased.tenant, erased.person_id)
        now_ms = self.clock()
        gone_by_ms = 0 if scrub(self.engine) else now_ms + self.kept_ms
        objects_gone_by_ms = now_ms + self.objects_kept_ms if self.objects_kept_ms else 0
        said = (
            Removed("database", counted.pictures, gone_by_ms),
            Removed("objects", counted.objects, objects_gone_by_ms),
        )
        with self.engine.begin() as connection:
            put_out(connection, OUTBOX, [confirmed(erased, SERVICE, removed, now_ms=now_ms) for removed in said])
        self.written.set()
        logger.info("%s had %d pictures, which are gone", erased.person_id, counted.pictures)

    def _mark(self, erased: Erased) -> tuple[Counted, Sequence[Media]]:
        now_ms = self.clock()
        with self.engine.begin() as connection:
            rows.hold_owner(connection, erased.tenant, erased.person_id, shared=False)
            media = rows.media_of(connection, erased.tenant, erased.person_id)
            counted = rows.find_erased(connection, erased.tenant, erased.person_id)
            if counted is None:
                counted = Counted(len(media), sum(len(self._keys(one)) for one in media))
                rows.add_erased(connection, erased.tenant, erased.person_id, counted)
            indexed = [one for one in media if one.purpose != SEARCH and one.state != DELETED]
            for one in indexed:
                pictures.mark_deleted(connection, one, version=one.version + 1)
            told = [
                wire.media_changed(one, wire.REMOVED, version=one.version + 1, now_ms=now_ms, owner_erased=True)
                for one in indexed
            ]
            put_out(connection, OUTBOX, told)
        self.written.set()
        return counted, media

    def _keys(self, media: Media) -> list[str]:
        if media.purpose == SEARCH:
            return list(self.objects.list(keys.transient_prefix(media.tenant, media.media_id)))
        return [keys.original_key(media.tenant, media.media_id), keys.rendition_key(media.tenant, media.media_id)]
