"""Statements on items and their offers."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, insert, select

from nungil.taxonomy.taxonomy import Name
from services.ingest.catalogue import Item, Offer
from services.ingest.store.tables import ITEM_MEDIA, ITEMS, OFFERS


def put_item(connection: Connection, tenant: str, item: Item) -> None:
    """Creates or replaces."""
    delete_item(connection, tenant, item.item_id)
    at = {"tenant": tenant, "item_id": item.item_id}
    said = {"title_ko": item.title.ko, "title_en": item.title.en, "brand": item.brand, "category": item.category}
    connection.execute(insert(ITEMS).values(at | said))
    connection.execute(insert(ITEM_MEDIA), [{**at, "n": n, "media_id": id_} for n, id_ in enumerate(item.media_ids)])
    offers = [{**at, "n": n, **asdict(o)} for n, o in enumerate(item.offers)]
    if offers:
        connection.execute(insert(OFFERS), offers)


def delete_item(connection: Connection, tenant: str, item_id: str) -> bool:
    """Whether there was one."""
    for table in (OFFERS, ITEM_MEDIA):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.item_id == item_id))
    gone = connection.execute(delete(ITEMS).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id == item_id))
    return gone.rowcount == 1


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
