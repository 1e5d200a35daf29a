"""Items: put, get, delete."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.database.outbox import put_out
from nungil.runtime.clock import Clock
from services.ingest import wire
from services.ingest.catalogue import Item, checked_item, news
from services.ingest.core import WEB, Caller
from services.ingest.errors import InvalidItem, NoSuchItem
from services.ingest.store import OUTBOX
from services.ingest.store import items as rows
from services.ingest.store.media import catalogue_media


@dataclass(frozen=True)
class Items:
    """What can be bought, of every tenant. written: set when the outbox has something."""

    engine: Engine
    clock: Clock
    written: threading.Event

    def put(self, caller: Caller, item: Item) -> Item:
        """Creates or replaces; where nothing is new, nothing is written or told. Raises Rejected naming what cannot be."""
        now_ms = self.clock()
        checked = checked_item(item, now_ms=now_ms)
        with self.engine.begin() as connection:
            known = catalogue_media(connection, caller.tenant, checked.media_ids)
            for media_id in checked.media_ids:
                if media_id not in known:
                    raise InvalidItem(no_picture(media_id))
            rows.hold_items(connection, caller.tenant, [item.item_id])
            before = rows.find_item(connection, caller.tenant, item.item_id)
            changed = news(before, checked, now_ms=now_ms)
            if before is not None and changed is None:
                return before
            assert changed is not None  # noqa: S101  # what was not there is news
            rows.put_items(connection, caller.tenant, [changed])
            put_out(connection, OUTBOX, [wire.item_changed(caller.tenant, changed, now_ms=now_ms)])
        self.written.set()
        return changed

    def get(self, caller: Caller, item_id: str) -> Item:
        """Raises NoSuchItem."""
        with reading(self.engine) as connection:
            item = rows.find_item(connection, caller.tenant, item_id)
        if item is None:
            raise NoSuchItem(item_id)
        return item

    def delete(self, caller: Caller, item_id: str) -> None:
        """Raises NoSuchItem. Its pictures stay in the catalogue."""
        with self.engine.begin() as connection:
            if not rows.delete_items(connection, caller.tenant, [item_id]):
                raise NoSuchItem(item_id)
            put_out(connection, OUTBOX, [wire.item_gone(caller.tenant, item_id)])
        self.written.set()


def no_picture(media_id: str) -> str:
    """Why an item cannot show it."""
    if media_id.startswith(WEB):
        return f"no picture of the catalogue came from {media_id}; put it first, with the purpose catalogue and this source_url"
    return f"no picture {media_id} in the catalogue; put it first, with the purpose catalogue"
