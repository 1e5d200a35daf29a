"""What becomes of pictures after their upload: found by embed, or removed by it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.object_store import keys
from nungil.object_store.port import ObjectStore
from services.ingest.core import DELETED, REJECTED, SEARCHABLE
from services.ingest.store import media as rows
from services.ingest.wire import Embedded

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcomes:
    """Takes over what embed says. Idempotent: the version says what is old."""

    engine: Engine
    objects: ObjectStore

    def apply(self, events: Sequence[Embedded]) -> None:
        """All states in one transaction; then what was removed loses its objects, then its row."""
        with self.engine.begin() as connection:
            for event in events:
                if event.outcome == Embedded.OUTCOME_REMOVED:
                    continue
                embedded = event.outcome == Embedded.OUTCOME_EMBEDDED
                rows.set_state(
                    connection,
                    event.tenant,
                    event.media_id,
                    version=event.version,
                    state=SEARCHABLE if embedded else REJECTED,
                    reason="" if embedded else event.reason,
                )
        for event in events:
            if event.outcome == Embedded.OUTCOME_REMOVED:
                self._remove(event.tenant, event.media_id, version=event.version)

    def _remove(self, tenant: str, media_id: str, *, version: int) -> None:
        with reading(self.engine) as connection:
            now = rows.version_of(connection, tenant, media_id)
        if now is not None and (now[1] != DELETED or version < now[0]):
            logger.warning("%s was removed at version %d, but is at %d and not deleted", media_id, version, now[0])
            return
        self.objects.delete(keys.original_key(tenant, media_id))
        self.objects.delete(keys.rendition_key(tenant, media_id))
        with self.engine.begin() as connection:
            rows.forget_media(connection, tenant, media_id)
