"""Imports of feeds: taken at once, applied in the background, a batch a transaction, so that a crash goes on where it was."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from nungil.database.open import reading
from nungil.database.outbox import put_out
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway
from services.ingest import wire
from services.ingest.core import Caller
from services.ingest.errors import NoSuchImport
from services.ingest.feed import Progress, Refused, Row, import_id_of, item_of, read_feed
from services.ingest.handlers.items import no_picture
from services.ingest.store import OUTBOX
from services.ingest.store import imports as rows
from services.ingest.store.items import put_items
from services.ingest.store.media import catalogue_media

logger = logging.getLogger(__name__)

Rows = Sequence[Row]  # of one item

BATCH_ROWS = 100
SHOWN_REFUSALS = 1000
IDLE_S = 0.5
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True)
class Imports:
    """Feeds of every tenant. begun: set when there is one to apply. written: set when the outbox has something."""

    engine: Engine
    clock: Clock
    begun: threading.Event
    written: threading.Event

    def start(self, caller: Caller, data: bytes) -> tuple[Progress, list[Refused]]:
        """Takes a feed; the same bytes are the same import. Raises UnreadableFeed, and keeps nothing."""
        import_id = import_id_of(caller.tenant, data)
        with reading(self.engine) as connection:
            known = rows.find_import(connection, caller.tenant, import_id)
        if known is None:
            feed = read_feed(data)
            try:
                with self.engine.begin() as connection:
                    rows.add_import(connection, caller.tenant, import_id, data, feed.refused, now_ms=self.clock())
            except IntegrityError:
                logger.info("import %s was begun by another call", import_id)
            self.begun.set()
        return self.get(caller, import_id)

    def get(self, caller: Caller, import_id: str) -> tuple[Progress, list[Refused]]:
        """How far it is, and the first SHOWN_REFUSALS rows that were refused. Raises NoSuchImport."""
        with reading(self.engine) as connection:
            progress = rows.find_import(connection, caller.tenant, import_id)
            if progress is None:
                raise NoSuchImport(import_id)
            return progress, rows.refused_rows(connection, caller.tenant, import_id, limit=SHOWN_REFUSALS)

    def work(self, stop: threading.Event) -> None:
        """Applies what was begun, oldest first, until `stop`. Where the database is away it waits and tries again."""
        wait_s = IDLE_S
        while not stop.is_set():
            self.begun.clear()
            try:
                busy = self.apply_next(stop)
            except DependencyAway as error:
                logger.warning("imports wait %.1f s: %s", wait_s, error)
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            wait_s = IDLE_S
            if not busy:
                self.begun.wait(IDLE_S)

    def apply_next(self, stop: threading.Event) -> bool:
        """Applies the oldest import that is not done, to its end or to `stop`. False where there is none."""
        with reading(self.engine) as connection:
            following = rows.next_import(connection)
            if following is None:
                return False
            tenant, import_id = following
            feed = read_feed(rows.feed_of(connection, tenant, import_id))
            progress = rows.find_import(connection, tenant, import_id)
        position = progress.items_read if progress else 0
        for batch in _batches(feed.items[position:]):
            if stop.is_set():
                return True
            if not self._apply(tenant, import_id, batch, position=position):
                return False  # another process goes on with it
            position += len(batch)
        with self.engine.begin() as connection:
            rows.finish(connection, tenant, import_id)
        return True

    def _apply(self, tenant: str, import_id: str, batch: Sequence[Rows], *, position: int) -> bool:
        with self.engine.begin() as connection:
            if rows.position(connection, tenant, import_id) != position:
                return False
            now_ms = self.clock()
            known = catalogue_media(connection, tenant, {row.media_id for of_item in batch for row in of_item})
            good = [kept for of_item in batch if (kept := [row for row in of_item if row.media_id in known])]
            items = [item_of(kept, now_ms=now_ms) for kept in good]
            put_items(connection, tenant, items)
            put_out(connection, OUTBOX, [wire.item_changed(tenant, item, now_ms=now_ms) for item in items])
            unknown = [row for of_item in batch for row in of_item if row.media_id not in known]
            rows.refuse(connection, tenant, import_id, [Refused(row.line, no_picture(row.media_id)) for row in unknown])
            accepted = sum(map(len, good))
            rows.advance(
                connection,
                tenant,
                import_id,
                items_read=len(batch),
                rows=accepted + len(unknown),
                accepted=accepted,
                items_put=len(items),
            )
        self.written.set()
        return True


def _batches(items: Sequence[Rows]) -> Iterator[Sequence[Rows]]:
    """Whole items, of BATCH_ROWS rows or a few more together."""
    batch: list[Rows] = []
    for item in items:
        batch.append(item)
        if sum(map(len, batch)) >= BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch
