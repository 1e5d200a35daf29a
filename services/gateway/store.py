"""The gateway's tables: API keys, and the answers kept for an Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from nungil.database.open import hold
from services.gateway.core import Grant

METADATA = MetaData()

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("subject", String(200)),
    Column("scopes", String(200), nullable=False),
    Column("label", String(200), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)

ANSWERS = Table(
    "answers",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("idempotency_key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("begun_at_ms", BigInteger, nullable=False),
    Column("process", String(36)),
    Column("leased_until_ms", BigInteger),
    Column("status", Integer),
    Column("media_type", String(100)),
    Column("body", LargeBinary),
    Index("answers_by_age", "begun_at_ms"),
    Index("answers_by_process", "process"),
)

ERASED_PEOPLE = Table(
    "erased_people",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("subject", String(200), nullable=True),  # whose keys end; null: done, or nobody asked here
    Column("rows", Integer, nullable=True),  # what was removed; null: nothing yet
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it was given."""

    status: int
    media_type: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the answer to one Idempotency-Key is kept."""

    tenant: str
    person_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of an Idempotency-Key. answer None: it is still being answered, by `process` while its lease runs."""

    fingerprint: str
    at_ms: int
    process: str | None
    leased_until_ms: int
    answer: Answer | None


def put_key(connection: Connection, key_hash: str, grant: Grant, *, label: str, created_at_ms: int) -> bool:
    """Adds a key; false where it is there already, as it was."""
    hold(connection, f"key/{key_hash}")
    if find_key(connection, key_hash) is not None:
        return False
    connection.execute(
        insert(API_KEYS).values(
            hash=key_hash,
            tenant=grant.tenant,
            subject=grant.subject,
            scopes=",".join(sorted(grant.scopes)),
            label=label,
            created_at_ms=created_at_ms,
        )
    )
    return True


def find_key(connection: Connection, key_hash: str) -> Grant | None:
    """What the key of this hash allows."""
    row = connection.execute(select(API_KEYS).where(API_KEYS.c.hash == key_hash)).one_or_none()
    return Grant(row.tenant, row.subject, frozenset(row.scopes.split(","))) if row is not None else None


def find_answer(connection: Connection, slot: Slot) -> Begun | None:
    """What is known of this Idempotency-Key; it stays so until the transaction ends."""
    row = connection.execute(select(ANSWERS).where(*_is(slot)).with_for_update()).one_or_none()
    if row is None:
        return None
    answer = Answer(row.status, row.media_type, row.body) if row.status is not None else None
    return Begun(row.fingerprint, row.begun_at_ms, row.process, row.leased_until_ms or 0, answer)


def begin_answer(
    connection: Connection, slot: Slot, fingerprint: str, *, process: str, now_ms: int, until_ms: int
) -> None:
    """Notes that a request is being answered by `process`, in place of whatever was known."""
    connection.execute(delete(ANSWERS).where(*_is(slot)))
    connection.execute(
        insert(ANSWERS).values(
            tenant=slot.tenant,
            person_id=slot.person_id,
            idempotency_key=slot.key,
            fingerprint=fingerprint,
            begun_at_ms=now_ms,
            process=process,
            leased_until_ms=until_ms,
        )
    )


def renew_leases(connection: Connection, process: str, *, until_ms: int) -> set[Slot]:
    """What `process` has begun and nobody has taken over: its own until then."""
    begun = ANSWERS.c.process == process
    connection.execute(update(ANSWERS).where(begun).values(leased_until_ms=until_ms))
    rows = connection.execute(select(ANSWERS.c.tenant, ANSWERS.c.person_id, ANSWERS.c.idempotency_key).where(begun))
    return {Slot(*row) for row in rows}


def keep_answer(connection: Connection, slot: Slot, process: str, answer: Answer) -> None:
    """Keeps what `process` answered, unless another has taken the request over."""
    kept = {"status": answer.status, "media_type": answer.media_type, "body": answer.body, "process": None}
    connection.execute(update(ANSWERS).where(*_is(slot), ANSWERS.c.process == process).values(kept))


def drop_answer(connection: Connection, slot: Slot, process: str) -> None:
    """Forgets a request of `process`, so that it can be sent again."""
    connection.execute(delete(ANSWERS).where(*_is(slot), ANSWERS.c.process == process))


def drop_answers_before(connection: Connection, before_ms: int) -> None:
    """Forgets what is too old."""
    connection.execute(delete(ANSWERS).where(ANSWERS.c.begun_at_ms < before_ms))


def _is(slot: Slot) -> tuple[ColumnElement[bool], ...]:
    return (
        ANSWERS.c.tenant == slot.tenant,
        ANSWERS.c.person_id == slot.person_id,
        ANSWERS.c.idempotency_key == slot.key,
    )
