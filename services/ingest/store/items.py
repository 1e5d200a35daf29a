"""Statements on items and their offers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, delete, insert, select

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
        rest = {"brand": item.brand, "category": item.category, "created_at_ms": item.created_at_ms}
        said.append(at | title | rest | {"aliases": list(item.aliases), "kind": item.kind})
        shown += [at | {"n": n, "media_id": media_id} for n, media_id in enumerate(item.media_ids)]
        offered += [at | {"n": n} | asdict(offer) for n, offer in enumerate(item.offers)]
    for table, rows in ((ITEMS, said), (ITEM_MEDIA, shown), (OFFERS, offered)):
        if rows:
            connection.execute(insert(table), rows)


def delete_items(connection: Connection, tenant: str, item_ids: Sequence[str]) -> int:
    """How many there were."""
    hold_items(connection, tenant, item_ids)
    for table in (OFFERS, ITEM_MEDIA):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.item_id.in_(item_ids)))
    return connection.execute(delete(ITEMS).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id.in_(item_ids))).rowcount


def find_item(connection: Connection, tenant: str, item_id: str) -> Item | None:
    """The item with its pictures and offers, in the order in which they were given."""
    return find_items(connection, tenant, [item_id]).get(item_id)


def find_items(connection: Connection, tenant: str, item_ids: Sequence[str]) -> dict[str, Item]:
    """Those that there are, by id, as `find_item`. For some hundreds of ids."""
    media: dict[str, list[str]] = defaultdict(list)
    offers: dict[str, list[Offer]] = defaultdict(list)
    for row in connection.execute(_of_items(ITEM_MEDIA, tenant, item_ids).order_by(ITEM_MEDIA.c.n)):
        media[row.item_id].append(row.media_id)
    for offer in connection.execute(_of_items(OFFERS, tenant, item_ids).order_by(OFFERS.c.n)).mappings():
        offers[offer["item_id"]].append(_offer(offer))
    return {
        row.item_id: Item(
            row.item_id,
            tuple(media[row.item_id]),
            Name(ko=row.title_ko, en=row.title_en),
            row.brand,
            row.category,
            tuple(offers[row.item_id]),
            row.created_at_ms,
            tuple(row.aliases or ()),
            row.kind,
        )
        for row in connection.execute(_of_items(ITEMS, tenant, item_ids))
    }


def hold_items(connection: Connection, tenant: str, item_ids: Sequence[str]) -> None:
    """Keeps others from writing these items until the transaction ends; two puts of a new item have no row to lock."""
    hold(connection, *(f"item/{tenant}/{item_id}" for item_id in item_ids))


def offers_of_shop(
    connection: Connection, tenant: str, shop: str, market: str, *, until_ms: int
) -> list[tuple[str, str]]:
    """Item id and offer id of what the shop offers, in `market` where one is named, and last said until then; ordered."""
    query = (
        select(OFFERS.c.item_id, OFFERS.c.offer_id)
        .where(OFFERS.c.tenant == tenant, OFFERS.c.shop == shop, OFFERS.c.checked_at_ms <= until_ms)
        .order_by(OFFERS.c.item_id, OFFERS.c.n)
    )
    if market:
        query = query.where(OFFERS.c.market == market)
    return [(row.item_id, row.offer_id) for row in connection.execute(query)]


def _of_items(table: Table, tenant: str, item_ids: Sequence[str]) -> Select[Any]:
    return select(table).where(table.c.tenant == tenant, table.c.item_id.in_(item_ids))


def _offer(row: RowMapping) -> Offer:
    return Offer(**{field.name: row[field.name] for field in fields(Offer)})
