"""Who left, what each store has said of it, and the key that signs receipts; and all rows of one person, whatever their table.

The caller brings the transaction. Nothing here names a subject: a person_id whose link is gone leads nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from nungil.erasing import Removed
from services.profile.store.tables import METADATA, PEOPLE, theirs

ERASURES = Table(
    "erasures",
    METADATA,
    Column("receipt_id", String, primary_key=True),  # a secret of whoever asked
    Column("tenant", String, nullable=False),
    Column("person_id", String, nullable=False, index=True),
    Column("asked_at_ms", BigInteger, nullable=False),
    UniqueConstraint("tenant", "person_id", name="erasures_by_person"),
)
ERASURE_STORES = Table(
    "erasure_stores",
    METADATA,
    Column("receipt_id", String, ForeignKey("erasures.receipt_id", ondelete="CASCADE"), primary_key=True),
    Column("service", String, primary_key=True),
    Column("store", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=True),  # null: it has not answered
    Column("gone_by_ms", BigInteger, nullable=False),  # 0: its bytes are gone
)
RECEIPT_KEYS = Table(
    "receipt_keys",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("private_key", String, nullable=False),
)
_PAGE_ROWS = 500


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What one store has said. at_ms None: nothing yet."""

    service: str
    store: str
    count: int
    at_ms: int | None
    gone_by_ms: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """One person's leaving. stores: in order."""

    receipt_id: str
    tenant: str
    person_id: str
    asked_at_ms: int
    stores: Sequence[StoreAnswer]


def add(c: Connection, erasure: Erasure) -> None:
    """Notes that a person left, and who has to answer."""
    c.execute(
        insert(ERASURES).values(
            receipt_id=erasure.receipt_id,
            tenant=erasure.tenant,
            person_id=erasure.person_id,
            asked_at_ms=erasure.asked_at_ms,
        )
    )
    for answer in erasure.stores:
        _insert(c, erasure.receipt_id, answer)


def answer(c: Connection, tenant: str, person_id: str, service: str, removed: Removed, *, at_ms: int) -> bool:
    """Keeps the first answer of a store, also of one that nobody asked. False for a person of whom no erasure is known."""
    receipt_id = c.execute(_receipt_of(tenant, person_id).with_for_update()).scalar_one_or_none()
    if receipt_id is None:
        return False
    said = StoreAnswer(service, removed.store, removed.count, at_ms, removed.gone_by_ms)
    row = _is_store(receipt_id, service, removed.store)
    if c.execute(select(ERASURE_STORES.c.service).where(*row)).first() is None:
        _insert(c, receipt_id, said)
    else:
        values = {"count": said.count, "at_ms": at_ms, "gone_by_ms": said.gone_by_ms}
        c.execute(update(ERASURE_STORES).where(*row, ERASURE_STORES.c.at_ms.is_(None)).values(values))
    return True


def counted(c: Connection, tenant: str, person_id: str, service: str, store: str) -> int:
    """What was counted of a store when the erasure began; 0 where none is known."""
    found = (
        select(ERASURE_STORES.c.count)
        .join(ERASURES, ERASURES.c.receipt_id == ERASURE_STORES.c.receipt_id)
        .where(theirs(ERASURES, tenant, person_id))
        .where(ERASURE_STORES.c.service == service, ERASURE_STORES.c.store == store)
    )
    return int(c.execute(found).scalar_one_or_none() or 0)


def find(c: Connection, receipt_id: str) -> Erasure | None:
    """By the secret."""
    row = c.execute(select(ERASURES).where(ERASURES.c.receipt_id == receipt_id)).one_or_none()
    if row is None:
        return None
    said = c.execute(select(ERASURE_STORES).where(ERASURE_STORES.c.receipt_id == receipt_id)).mappings()
    stores = sorted(
        (StoreAnswer(**{name: one[name] for name in StoreAnswer.__slots__}) for one in said),
        key=lambda one: (one.service, one.store),
    )
    return Erasure(row.receipt_id, row.tenant, row.person_id, row.asked_at_ms, tuple(stores))


def erased_among(c: Connection, person_ids: Collection[str]) -> set[str]:
    """Those who were here and left. A person_id is given once, whatever the tenant."""
    return set(c.execute(select(ERASURES.c.person_id).where(ERASURES.c.person_id.in_(person_ids))).scalars())


def receipt_key(c: Connection) -> str | None:
    """The private key that was kept."""
    return c.execute(select(RECEIPT_KEYS.c.private_key)).scalar_one_or_none()


def keep_receipt_key(c: Connection, private_key: str) -> None:
    """For good. The caller holds the name of the key."""
    c.execute(insert(RECEIPT_KEYS).values(id=1, private_key=private_key))


def tables_of_people() -> list[Table]:
    """Every table with rows that belong to one person, directly or through others, in order of their names."""
    return sorted((table for table in METADATA.tables.values() if _way(table) is not None), key=lambda t: t.name)


def remove_person(c: Connection, tenant: str, person_id: str) -> int:
    """Removes the person and all rows that belong to them; how many there were."""
    rows = 1 + sum(
        c.execute(select(func.count()).select_from(table).where(of_person(table, person_id))).scalar_one()
        for table in tables_of_people()
    )
    c.execute(delete(PEOPLE).where(theirs(PEOPLE, tenant, person_id)))
    return rows


def rows_of_person(c: Connection, table: Table, person_id: str, after: Row[Any] | None) -> Sequence[Row[Any]]:
    """The next rows, in order of the key; none at the end."""
    key = list(table.primary_key.columns)
    found = select(table).where(of_person(table, person_id)).order_by(*key).limit(_PAGE_ROWS)
    if after is not None:
        found = found.where(tuple_(*key) > tuple_(*(after._mapping[column.name] for column in key)))
    return c.execute(found).all()


def of_person(table: Table, person_id: str) -> ColumnElement[bool]:
    """Which rows of a table of people are this person's."""
    way = _way(table)
    assert way is not None, f"{table.name} is of no person"  # noqa: S101  # the caller took it from tables_of_people
    column, target = way
    if target.table is PEOPLE:
        return column == person_id
    return column.in_(select(target).where(of_person(target.table, person_id)))


def _way(table: Table) -> tuple[Column[Any], Column[Any]] | None:
    """A column that leads, by foreign keys, to a person, and where it leads; the shortest way first."""
    keys = sorted(_foreign_keys(table), key=lambda pair: pair[1].table is not PEOPLE)
    return next((pair for pair in keys if pair[1].table is PEOPLE or _way(pair[1].table) is not None), None)


def _foreign_keys(table: Table) -> Iterator[tuple[Column[Any], Column[Any]]]:
    for column in table.columns:
        for key in column.foreign_keys:
            if key.column.table is not table:
                yield column, key.column


def _insert(c: Connection, receipt_id: str, said: StoreAnswer) -> None:
    c.execute(
        insert(ERASURE_STORES).values(
            receipt_id=receipt_id,
            service=said.service,
            store=said.store,
            count=said.count,
            at_ms=said.at_ms,
            gone_by_ms=said.gone_by_ms,
        )
    )


def _receipt_of(tenant: str, person_id: str) -> Any:
    return select(ERASURES.c.receipt_id).where(theirs(ERASURES, tenant, person_id))


def _is_store(receipt_id: str, service: str, store: str) -> tuple[ColumnElement[bool], ...]:
    return (
        ERASURE_STORES.c.receipt_id == receipt_id,
        ERASURE_STORES.c.service == service,
        ERASURE_STORES.c.store == store,
    )
