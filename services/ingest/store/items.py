"""Statements on items and their offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, insert, select

from nungil.database.open import hold
from nungil.taxonomy.taxonomy import Name
from services.ingest.catalogue import Item, Offer
from services.ingest.store.tables import ITEM_MEDIA, ITEMS, OFFERS


def put_items(connection: Connection, tenant: str, items: Sequence[Item]) -> None:
    """Creates or replaces, each of another id."""
    delete_items(connection, tenant, [item.item_id for item in items])
    said, shown, offered = [], [], []
    for item in items:
        at = {"tenant": tenant, "item_id": item.item_id}
        title = {"title_ko": item.title.ko, "title_en": item.title.en}
        said.append(at | title | {"brand": item.brand, "category": item.category})
        shown += [at | {"n": n, "media_id": media_id} for n, media_id in enumerate(item.media_ids)]
        offered += [at | {"n": n} | asdict(offer) for n, offer in enumerate(item.offers)]
    for table, rows in ((ITEMS, said), (ITEM_MEDIA, shown), (OFFERS, offered)):
        if rows:
            connection.execute(insert(table), rows)


def delete_items(connection: Connection, tenant: str, item_ids: Sequence[str]) -> int:
    """How many there were."""
    hold(
        connection, *(f"item/{tenant}/{item_id}" for item_id in item_ids)
    )  # two puts of a new item have no row to lock
    for table in (OFFERS, ITEM_MEDIA):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.item_id.in_(item_ids)))
    return connection.execute(delete(ITEMS).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id.in_(item_ids))).rowcount


def find_item(connection: Connection, tenant: str, item_id: str) -> Item | None:
    """The item with its pictures and offers, in the order in which they were given."""
    row = connection.execute(select(ITEMS).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id == item_id)).one_or_none()
    if row is None:
        return None
    media_ids = connection.scalars(_of_item(select(ITEM_MEDIA.c.media_id), ITEM_MEDIA, tenant, item_id)).all()
    offers = connection.execute(_of_item(select(OFFERS), OFFERS, tenant, item_id)).mappings()
    return Item(
        row.item_id,
        tuple(media_ids),
        Name(ko=row.title_ko, en=row.title_en),
        row.brand,
        row.category,
        tuple(_offer(offer) for offer in offers),
    )


def _of_item(query: Any, table: Table, tenant: str, item_id: str) -> Any:
    return query.where(table.c.tenant == tenant, table.c.item_id == item_id).order_by(table.c.n)


def _offer(row: RowMapping) -> Offer:
    return Offer(**{field.name: row[field.name] for field in fields(Offer)})
