"""A person leaves: their removal, who has confirmed it, and the receipt."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from nungil import receipts
from nungil.api.profile.v1.events_pb2 import ErasureConfirmed, UserErased
from nungil.database.erasing import scrub
from nungil.database.open import hold, reading
from nungil.database.outbox import put_out
from nungil.erasing import Erased, Removed, UnknownReceipt
from nungil.event_log import topics
from nungil.event_log.port import NewRecord
from nungil.runtime import ids, tracing
from nungil.runtime.clock import Clock
from services.profile.handlers.people import must_exist
from services.profile.store import erasures_rows as rows
from services.profile.store import people_rows, tables
from services.profile.store.erasures_rows import Erasure, StoreAnswer
from services.profile.wire import watches as watch_wire

logger = logging.getLogger(__name__)

PROFILE, DATABASE = "profile", "database"
LOG = ("log", "events")
ASKED = (  # every store that may hold anything of a person, but profile's own and the log
    ("embed", "features"),
    ("embed", "index"),
    ("gateway", "database"),
    ("ingest", "database"),
    ("ingest", "objects"),
    ("search", "database"),
)
Farewell = Callable[[Connection, str, str], Sequence[NewRecord]]
"""What is to be told of a person (tenant, person_id) before their rows go, in the transaction that removes them."""


def end_watches(c: Connection, tenant: str, person_id: str) -> list[NewRecord]:
    """The tombstones of a person's watches."""
    watches = tables.WATCHES
    found = select(watches.c.watch_id).where(watches.c.tenant == tenant, watches.c.person_id == person_id)
    return [watch_wire.ended(tenant, watch_id) for watch_id in sorted(c.execute(found).scalars())]


@dataclass(frozen=True)
class Erase:
    """Removes a person, the link to their subject with it, and tells every service; all in one transaction."""

    engine: Engine
    clock: Clock
    woken: threading.Event
    farewells: Sequence[Farewell] = (end_watches,)

    def __call__(self, tenant: str, person_id: str) -> str:
        """The id of the receipt, which is a secret. Raises UnknownPerson."""
        now_ms = self.clock()
        receipt_id = secrets.token_urlsafe(24)
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            told = [record for farewell in self.farewells for record in farewell(c, tenant, person_id)]
            removed = rows.remove_person(c, tenant, person_id)
            stores = [StoreAnswer(service, name, 0, None, 0) for service, name in ASKED]
            stores.append(StoreAnswer(PROFILE, DATABASE, removed, None, 0))
            stores.append(StoreAnswer(*LOG, 0, now_ms, now_ms + topics.RETENTION_MS))  # ids that lead nowhere
            rows.add(c, Erasure(receipt_id, tenant, person_id, now_ms, stores))
            put_out(c, tables.OUTBOX, [*told, _user_erased(tenant, person_id, now_ms)])
        self.woken.set()
        logger.info("person %s is erased: %d rows", person_id, removed)
        return receipt_id


@dataclass(frozen=True)
class Confirm:
    """Notes what the stores say; for profile's own, once its bytes are gone too."""

    engine: Engine
    clock: Clock
    kept_ms: int

    def own(self, erased: Erased) -> None:
        """Raises DatabaseAway where its bytes cannot be taken away yet."""
        now_ms = self.clock()
        gone = scrub(self.engine)
        with self.engine.begin() as c:
            count = rows.counted(c, erased.tenant, erased.person_id, PROFILE, DATABASE)
            removed = Removed(DATABASE, count, 0 if gone else now_ms + self.kept_ms)
            rows.answer(c, erased.tenant, erased.person_id, PROFILE, removed, at_ms=now_ms)

    def __call__(self, event: ErasureConfirmed) -> None:
        """Told again it changes nothing."""
        removed = Removed(event.store, event.count, event.gone_by_ms)
        with self.engine.begin() as c:
            known = rows.answer(c, event.tenant, event.person_id, event.service, removed, at_ms=event.occurred_at_ms)
        if not known:
            logger.warning("%s confirms the erasure of %s, of which nothing is known", event.service, event.person_id)


@dataclass(frozen=True)
class Receipts:
    """What became of each erasure. private_key: what signs; empty: one that is made once and kept in the database."""

    engine: Engine
    private_key: str = ""

    def __call__(self, receipt_id: str) -> dict[str, Any]:
        """The document; signed once every store has answered. Raises UnknownReceipt."""
        with reading(self.engine) as c:
            erasure = rows.find(c, receipt_id)
        if erasure is None:
            raise UnknownReceipt("no such receipt")
        document = document_of(erasure)
        if document["missing"]:
            return {**document, receipts.PUBLIC_KEY: self.public_key(), receipts.SIGNATURE: ""}
        return receipts.signed(document, self._key())

    def public_key(self) -> str:
        """What receipts are checked with."""
        return receipts.public_key_of(self._key())

    def _key(self) -> str:
        if self.private_key:
            return self.private_key
        with reading(self.engine) as c:
            kept = rows.receipt_key(c)
        return kept or self._made()

    def _made(self) -> str:
        with self.engine.begin() as c:
            hold(c, "receipt-key")
            kept = rows.receipt_key(c)
            if kept is None:
                kept = receipts.new_key()
                rows.keep_receipt_key(c, kept)
            return kept


def document_of(erasure: Erasure) -> dict[str, Any]:
    """A receipt as it is shown, not signed yet. Text and whole numbers alone, so that every reader writes it the same way."""
    answered = [one for one in erasure.stores if one.at_ms is not None]
    missing = [{"service": one.service, "store": one.store} for one in erasure.stores if one.at_ms is None]
    return {
        "receipt_id": erasure.receipt_id,
        "tenant": erasure.tenant,
        "person_id": erasure.person_id,
        "asked_at": _time(erasure.asked_at_ms),
        "completed_at": "" if missing else _time(max(one.at_ms or 0 for one in answered)),
        "stores": [
            {
                "service": one.service,
                "store": one.store,
                "count": one.count,
                "at": _time(one.at_ms or 0),
                "gone_by": _time(one.gone_by_ms or one.at_ms or 0),
            }
            for one in answered
        ],
        "missing": missing,
    }


def _user_erased(tenant: str, person_id: str, now_ms: int) -> NewRecord:
    event = UserErased(event_id=ids.new_event_id(), tenant=tenant, person_id=person_id, occurred_at_ms=now_ms)
    headers = tracing.inject() | {"event": "UserErased"}
    return NewRecord(topics.USER_ERASED, person_id, event.SerializeToString(), headers)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
