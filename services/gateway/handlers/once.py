"""Idempotency keys: a write that is sent again is answered again, and done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine

from nungil.database.open import hold
from nungil.runtime.clock import Clock
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
)

# Longer than any request is answered: what began before that was left behind by a process that died.
_ABANDONED_MS = 180_000


@dataclass(frozen=True)
class AnswerOnce:
    """Keeps what succeeded for a day. What failed is forgotten: the same request may be sent again.

    left: what this process began and could not note the end of, since the database was away.
    """

    engine: Engine
    clock: Clock
    left: set[Slot] = field(default_factory=set)

    async def __call__(
        self, slot: Slot, fingerprint: str, answer: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """The answer, and whether it is one given before. Raises IdempotencyKeyReused, IdempotencyKeyInUse, and what `answer` raises."""
        with self._noted(slot):
            before = await asyncio.to_thread(self._begin, slot, fingerprint)
        if before is not None:
            return before, True
        try:
            given = await answer()
        except BaseException:
            with self._noted(slot):
                await asyncio.shield(asyncio.to_thread(self._forget, slot))
            raise
        with self._noted(slot):
            await asyncio.shield(asyncio.to_thread(self._keep, slot, given))
        return given, False

    @contextmanager
    def _noted(self, slot: Slot) -> Iterator[None]:
        try:
            yield
        except DependencyAway:
            self.left.add(slot)
            raise

    def _begin(self, slot: Slot, fingerprint: str) -> Answer | None:
        now_ms = self.clock()
        with self.engine.begin() as connection:
            hold(connection, f"{slot.tenant}/{slot.person_id}/{slot.key}")  # two first requests have no row to lock
            drop_answers_before(connection, now_ms - DAY_MS)
            begun = find_answer(connection, slot)
            if begun is not None and begun.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            if begun is not None and begun.answer is not None:
                return begun.answer
            if begun is not None and begun.begun_at_ms > now_ms - _ABANDONED_MS and slot not in self.left:
                raise IdempotencyKeyInUse
            begin_answer(connection, slot, fingerprint, now_ms=now_ms)
        self.left.discard(slot)
        return None

    def _keep(self, slot: Slot, answer: Answer) -> None:
        with self.engine.begin() as connection:
            if answer.status < 300:
                keep_answer(connection, slot, answer)
            else:
                drop_answer(connection, slot)

    def _forget(self, slot: Slot) -> None:
        with self.engine.begin() as connection:
            drop_answer(connection, slot)
