"""The words of each tenant: its categories, brands and shops, read from search's copy and held for a few seconds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from sqlalchemy import Column, Connection, Engine, Table, func, select

from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.search.store import ITEMS, OFFERS
from services.search.words.vocabulary import Vocabulary, vocabulary_of

HELD_MS = 5_000  # a new brand is a word after so long at most
_MAX_TENANTS = 64


def vocabulary_in(connection: Connection, tenant: str) -> Vocabulary:
    """What this tenant's items and offers name. Prices that name no currency are in the one that most offers have."""
    categories = _distinct(connection, ITEMS, ITEMS.c.category, tenant)
    brands = _distinct(connection, ITEMS, ITEMS.c.brand, tenant)
    shops = _distinct(connection, OFFERS, OFFERS.c.shop, tenant)
    most = select(OFFERS.c.currency).where(OFFERS.c.tenant == tenant).group_by(OFFERS.c.currency)
    currency = connection.scalar(most.order_by(func.count().desc(), OFFERS.c.currency).limit(1))
    return vocabulary_of(categories, shops, brands, currency or "KRW")


@dataclass(frozen=True)
class Vocabularies:
    """Safe for many threads. Blocking."""

    engine: Engine
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: OrderedDict[str, tuple[int, Vocabulary]] = field(default_factory=OrderedDict)

    def of(self, tenant: str) -> Vocabulary:
        now_ms = self.clock()
        with self._lock:
            since_ms, vocabulary = self._held.get(tenant, (0, Vocabulary()))
            if tenant in self._held and 0 <= now_ms - since_ms < HELD_MS:
                return vocabulary
        with reading(self.engine) as connection:
            vocabulary = vocabulary_in(connection, tenant)
        with self._lock:
            self._held[tenant] = (now_ms, vocabulary)
            self._held.move_to_end(tenant)
            while len(self._held) > _MAX_TENANTS:
                self._held.popitem(last=False)
        return vocabulary


def _distinct(connection: Connection, table: Table, column: Column[str], tenant: str) -> list[str]:
    rows = connection.scalars(select(column).distinct().where(table.c.tenant == tenant, column != "").order_by(column))
    return list(rows)
