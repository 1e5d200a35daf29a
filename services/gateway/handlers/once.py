"""Idempotency keys: a write that is sent again is answered again, and done once.

A request is its process's own while a lease runs, which the process renews. A process that was killed renews nothing, and a few
seconds later any gateway takes its requests over. One that lives and cannot renew (the database away, the process halted)
gives its requests up a second before their leases end, so that no two answer one request at a time.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from threading import Event, Lock

from sqlalchemy import Connection, Engine

from nungil.database.open import clock_of, hold
from nungil.runtime.errors import DependencyAway
from services.gateway.core import DAY_MS
from services.gateway.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from services.gateway.store import (
    Answer,
    Slot,
    begin_answer,
    drop_answer,
    drop_answers_before,
    find_answer,
    keep_answer,
    renew_leases,
)

logger = logging.getLogger(__name__)

LEASE_MS = 5_000
GIVE_UP_S = 4.0
RENEW_EVERY_S = 1.0


@dataclass
class _Lease:
    """Of a request that this process answers. begun_s: when the last renewal that succeeded was asked for."""

    begun_s: float


@dataclass(frozen=True)
class AnswerOnce:
    """Keeps what succeeded for a day. What failed is forgotten: the same request may be sent again.

    clock: the same for every gateway on this database. process: told apart from all others, and from itself before a restart.
    """

    engine: Engine
    clock: Callable[[Connection], int] = clock_of
    monotonic_s: Callable[[], float] = time.monotonic
    process: str = field(default_factory=lambda: str(uuid.uuid4()))
    _mine: dict[Slot, _Lease] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)  # of _mine

    async def __call__(
        self, slot: Slot, fingerprint: str, answer: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """The answer, and whether it is one given before.

        Raises IdempotencyKeyReused, IdempotencyKeyInUse, DependencyAway, and what `answer` raises.
        """
        lease = _Lease(self.monotonic_s())
        with self._lock:
            first = self._mine.setdefault(slot, lease) is lease
        try:
            before = await asyncio.to_thread(self._begin, slot, fingerprint, first)
            if before is not None:
                return before, True
            try:
                given = await self._while_leased(lease, answer)
            except BaseException:
                await asyncio.shield(asyncio.to_thread(self._forget, slot))
                raise
            await asyncio.shield(asyncio.to_thread(self._keep, slot, given))
            return given, False
        finally:
            if first:
                with self._lock:
                    del self._mine[slot]

    def renew(self, stop: Event) -> None:
        """Renews the leases of this process every second, until `stop`."""
        while not stop.wait(RENEW_EVERY_S):
            try:
                self.renew_once()
            except DependencyAway as error:
                if self._mine:
                    logger.warning("requests are given up unless their leases are renewed soon: %s", error)

    def renew_once(self) -> None:
        """Renews the leases, and forgets requests whose end could not be noted when it came."""
        begun_s = self.monotonic_s()
        with self.engine.begin() as connection:
            open_ = renew_leases(connection, self.process, until_ms=self.clock(connection) + LEASE_MS)
            with self._lock:
                left = open_ - self._mine.keys()
                renewed = [self._mine[slot] for slot in open_ - left]
            for slot in left:
                drop_answer(connection, slot, self.process)
        for lease in renewed:
            lease.begun_s = begun_s

    async def _while_leased(self, lease: _Lease, answer: Callable[[], Awaitable[Answer]]) -> Answer:
        work = asyncio.ensure_future(answer())
        try:
            while not work.done():
                left_s = lease.begun_s + GIVE_UP_S - self.monotonic_s()
                if left_s <= 0:
                    raise DependencyAway("the request was given up, as the database did not answer: send it again")
                await asyncio.wait({work}, timeout=left_s)
            return work.result()
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    def _begin(self, slot: Slot, fingerprint: str, first: bool) -> Answer | None:
        """first: this process is not answering it already."""
        with self.engine.begin() as connection:
            hold(connection, f"{slot.tenant}/{slot.person_id}/{slot.key}")  # two first requests have no row to lock
            begun = find_answer(connection, slot)
            now_ms = self.clock(connection)  # after the row is locked: its lease may have been renewed meanwhile
            drop_answers_before(connection, now_ms - DAY_MS)
            if begun is not None and begun.at_ms < now_ms - DAY_MS:
                begun = None
            if begun is not None and begun.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            if begun is not None and begun.answer is not None:
                return begun.answer
            abandoned = begun is None or begun.process == self.process or begun.leased_until_ms <= now_ms
            if not (first and abandoned):
                raise IdempotencyKeyInUse
            begin_answer(connection, slot, fingerprint, process=self.process, now_ms=now_ms, until_ms=now_ms + LEASE_MS)
        return None

    def _keep(self, slot: Slot, answer: Answer) -> None:
        if answer.status >= 300:
            self._forget(slot)
            return
        with self.engine.begin() as connection:
            keep_answer(connection, slot, self.process, answer)

    def _forget(self, slot: Slot) -> None:
        with self.engine.begin() as connection:
            drop_answer(connection, slot, self.process)
