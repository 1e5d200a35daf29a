"""Imports of feeds: taken at once, applied in the background, a batch a transaction, so that a crash goes on where it was."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from nungil.database.open import reading
from nungil.database.outbox import put_out
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway, Rejected
from services.ingest import wire
from services.ingest.catalogue import Item, news
from services.ingest.core import Caller
from services.ingest.errors import NoSuchImport, SuspiciousFeed
from services.ingest.feed import (
    OWN,
    WHOLE_FEED,
    Feed,
    Progress,
    Refused,
    Row,
    Terms,
    checked_terms,
    import_id_of,
    item_of,
)
from services.ingest.formats.reading import read_feed
from services.ingest.handlers.items import no_picture
from services.ingest.store import OUTBOX
from services.ingest.store import imports as rows
from services.ingest.store import items as kept
from services.ingest.store.media import pictures_at

logger = logging.getLogger(__name__)

Rows = Sequence[Row]  # of one item

BATCH_ROWS = 100
SHOWN_REFUSALS = 1000
FEW_OFFERS = 10  # so many may be retired whatever their share
IDLE_S = 0.5
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True)
class Imports:
    """Feeds of every tenant. begun: set when there is one to apply. written: set when the outbox has something."""

    engine: Engine
    clock: Clock
    begun: threading.Event
    written: threading.Event

    def start(self, caller: Caller, data: bytes, terms: Terms = OWN) -> tuple[Progress, list[Refused]]:
        """Takes a feed. The same bytes under the same terms are the same import: once it is done, it begins anew.

        Raises UnreadableFeed, UnfitTerms and SuspiciousFeed, and keeps nothing.
        """
        terms = checked_terms(terms)
        import_id = import_id_of(caller.tenant, data, terms)
        with reading(self.engine) as connection:
            known = rows.find_import(connection, caller.tenant, import_id)
        if known is None or known.done:
            feed = read_feed(data, terms)
            now_ms = self.clock()
            with reading(self.engine) as connection:
                if why := unsafe(feed, terms, _offered(connection, caller.tenant, terms, now_ms)):
                    raise SuspiciousFeed(f"{why}; send it with force=true if that is meant")
            try:
                with self.engine.begin() as connection:
                    rows.add_import(connection, caller.tenant, import_id, data, terms, feed.refused, now_ms=now_ms)
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
            progress = rows.find_import(connection, tenant, import_id)
            if progress is None or progress.done:
                return True  # another process was here
            data, begun_at_ms = rows.feed_of(connection, tenant, import_id)
        feed = read_feed(data, progress.terms)
        position = progress.items_read
        for batch in _batches(feed.items[position:]):
            if stop.is_set():
                return True
            if not self._apply(tenant, import_id, batch, position=position):
                return False  # another process goes on with it
            position += len(batch)
        said = self._retire(tenant, import_id, feed, progress.terms, begun_at_ms, stop)
        if said is None:
            return True
        with self.engine.begin() as connection:
            if rows.position(connection, tenant, import_id) is not None:
                rows.refuse(connection, tenant, import_id, said)
                rows.finish(connection, tenant, import_id)
        return True

    def _apply(self, tenant: str, import_id: str, batch: Sequence[Rows], *, position: int) -> bool:
        with self.engine.begin() as connection:
            if rows.position(connection, tenant, import_id) != position:
                return False
            now_ms = self.clock()
            item_ids = [of_item[0].item_id for of_item in batch]
            kept.hold_items(connection, tenant, item_ids)
            before = kept.find_items(connection, tenant, item_ids)
            images = {image for of_item in batch for row in of_item for image in row.images}
            pictures = pictures_at(connection, tenant, images)
            applied = _Applied()
            for of_item in batch:
                applied.add(of_item, pictures, before.get(of_item[0].item_id), now_ms)
            self._write(connection, tenant, applied.changed, applied.gone, now_ms)
            rows.refuse(connection, tenant, import_id, applied.refused)
            rows.advance(
                connection,
                tenant,
                import_id,
                items_read=len(batch),
                rows=sum(map(len, batch)),
                accepted=applied.rows,
                items_put=applied.items,
            )
        self.written.set()
        return True

    def _write(
        self, connection: Connection, tenant: str, changed: Sequence[Item], gone: Sequence[str], now_ms: int
    ) -> None:
        kept.put_items(connection, tenant, changed)
        kept.delete_items(connection, tenant, gone)
        put_out(connection, OUTBOX, [wire.item_changed(tenant, item, now_ms=now_ms) for item in changed])
        put_out(connection, OUTBOX, [wire.item_gone(tenant, item_id) for item_id in gone])

    def _retire(
        self, tenant: str, import_id: str, feed: Feed, terms: Terms, begun_at_ms: int, stop: threading.Event
    ) -> list[Refused] | None:
        """Retires what a full feed left out of what its shop had said before the import began. Returns why it did not, or
        None where it was stopped."""
        with reading(self.engine) as connection:
            offered = _offered(connection, tenant, terms, begun_at_ms)
        if why := unsafe(feed, terms, offered):
            return [Refused(WHOLE_FEED, f"nothing was retired: {why}; send it with force=true if that is meant")]
        by_item: dict[str, set[str]] = {}
        for item_id, offer_id in feed.leaves_out(offered):
            by_item.setdefault(item_id, set()).add(offer_id)
        left = list(by_item)
        while left and not stop.is_set():
            some, left = left[:BATCH_ROWS], left[BATCH_ROWS:]
            with self.engine.begin() as connection:
                if rows.position(connection, tenant, import_id) is None:
                    return None
                retired = self._without(connection, tenant, {item_id: by_item[item_id] for item_id in some})
                rows.add_retired(connection, tenant, import_id, retired)
            self.written.set()
        return None if left else []

    def _without(self, connection: Connection, tenant: str, offers: Mapping[str, set[str]]) -> int:
        """Removes these offers, and the items that have no other. How many offers."""
        kept.hold_items(connection, tenant, list(offers))
        changed, gone, retired = [], [], 0
        for item_id, item in kept.find_items(connection, tenant, list(offers)).items():
            left = tuple(offer for offer in item.offers if offer.offer_id not in offers[item_id])
            retired += len(item.offers) - len(left)
            if not left:
                gone.append(item_id)
            elif len(left) < len(item.offers):
                changed.append(replace(item, offers=left))
        self._write(connection, tenant, changed, gone, self.clock())
        return retired


@dataclass
class _Applied:
    """What becomes of a batch."""

    changed: list[Item] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    rows: int = 0
    items: int = 0

    def add(self, of_item: Rows, pictures: Mapping[str, str], before: Item | None, now_ms: int) -> None:
        """The rows of one item. before: the item as it is kept."""
        good = [row for row in of_item if row.retires or row.images[0] in pictures]
        self.refused += [Refused(row.line, no_picture(row.images[0])) for row in of_item if row not in good]
        if not good:
            return
        try:
            item = item_of(good, pictures, before, now_ms=now_ms)
        except Rejected as error:
            self.refused += [Refused(row.line, str(error)) for row in good]
            return
        self.rows += len(good)
        self.items += 1
        if item is None:
            self.gone += [before.item_id] if before else []
        elif changed := news(before, item, now_ms=now_ms):
            self.changed.append(changed)


def unsafe(feed: Feed, terms: Terms, offered: Sequence[tuple[str, str]]) -> str:
    """Why a full feed should retire nothing; empty where it may. offered: what its shop offers, (item id, offer id)."""
    if not terms.full or terms.force or not offered:
        return ""
    gone = len(feed.leaves_out(offered))
    if not feed.items or (gone > FEW_OFFERS and 2 * gone > len(offered)):
        return f"the full feed would retire {gone} of the {len(offered)} offers of {terms.shop!r}"
    nameless = [row.line for row in feed.refused if not row.item_id]
    if gone and nameless:
        return f"line {nameless[0]} names no item, so that what the full feed leaves out cannot be known"
    return ""


def _offered(connection: Connection, tenant: str, terms: Terms, until_ms: int) -> list[tuple[str, str]]:
    """What a full feed speaks of: item id and offer id."""
    if not terms.full:
        return []
    return kept.offers_of_shop(connection, tenant, terms.shop, terms.market, until_ms=until_ms)


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
