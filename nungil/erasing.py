"""What every service does alike when a person is erased: reads user.erased, and confirms what it has removed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from nungil.api.profile.v1.events_pb2 import ErasureConfirmed, UserErased
from nungil.event_log import topics
from nungil.event_log.port import NewRecord, Record
from nungil.runtime import tracing
from nungil.runtime.errors import NotFound, Rejected

_CONFIRMATIONS = uuid.UUID("5c0c4c0e-8d2b-5f57-9a3e-2f6d1f7a9b31")  # the namespace of their event ids


class InvalidErasure(Rejected):
    """A record of user.erased or erasure.confirmed that is none."""


class UnknownReceipt(NotFound):
    """No such receipt."""


@dataclass(frozen=True, slots=True)
class Erased:
    """A person who is gone."""

    event_id: str
    tenant: str
    person_id: str


@dataclass(frozen=True, slots=True)
class Removed:
    """What one store has removed of a person. gone_by_ms: when the last of its bytes are gone; 0: they are gone now."""

    store: str
    count: int
    gone_by_ms: int = 0


def erased_of(record: Record) -> Erased:
    """Raises InvalidErasure."""
    try:
        event = UserErased.FromString(record.value or b"")
    except DecodeError as error:
        raise InvalidErasure(f"no UserErased: {error}") from error
    if not (event.event_id and event.tenant and event.person_id):
        raise InvalidErasure("a UserErased without event_id, tenant or person_id")
    return Erased(event.event_id, event.tenant, event.person_id)


def confirmed(erased: Erased, service: str, removed: Removed, *, now_ms: int) -> NewRecord:
    """Told again it is the same event."""
    event = ErasureConfirmed(
        event_id=str(uuid.uuid5(_CONFIRMATIONS, f"{erased.event_id}/{service}/{removed.store}")),
        tenant=erased.tenant,
        person_id=erased.person_id,
        service=service,
        store=removed.store,
        count=removed.count,
        occurred_at_ms=now_ms,
        gone_by_ms=removed.gone_by_ms,
    )
    headers = tracing.inject() | {"event": "ErasureConfirmed"}
    return NewRecord(topics.ERASURE_CONFIRMED, erased.person_id, event.SerializeToString(), headers)


@dataclass(frozen=True)
class ReadErasures:
    """Handles records of user.erased, one at a time. `erase` is idempotent, and confirms by itself."""

    erase: Callable[[Erased], None]

    def __call__(self, records: Sequence[Record]) -> Iterable[tuple[Record, Rejected]]:
        for record in records:
            with (
                tracing.trace(record.headers),
                tracing.span("erase", person_id=record.key, appended_at_ms=record.appended_at_ms),
            ):
                try:
                    self.erase(erased_of(record))
                except Rejected as error:
                    yield record, error
