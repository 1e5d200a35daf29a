"""The copy of items, kept up to date."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from threading import Event

from sqlalchemy import Engine

from nungil.database.open import hold
from services.search import store, titles
from services.search.core import ItemRow


@dataclass(frozen=True)
class ApplyItems:
    """Brings the copy of items up to date. Idempotent: an item is replaced as a whole."""

    engine: Engine

    def __call__(self, changes: Collection[tuple[str, str, ItemRow | None]]) -> None:
        with self.engine.begin() as connection:
            # A partition that is handed over may be in two hands for a moment.
            hold(connection, *(f"item/{tenant}/{item_id}" for tenant, item_id, _ in changes))
            for tenant, item_id, item in changes:
                if item is None:
                    store.delete_item(connection, tenant, item_id)
                    titles.forget(connection, tenant, [item_id])
                else:
                    store.replace_item(connection, item)
            titles.keep(connection, [item for _, _, item in changes if item is not None])


@dataclass(frozen=True)
class FillTitles:
    """Reads the words of the items that a release before this one left without. Done when nothing is left, or at `stop`."""

    engine: Engine

    def __call__(self, stop: Event) -> None:
        while not stop.is_set():
            with self.engine.begin() as connection:
                if not titles.fill(connection):
                    return
