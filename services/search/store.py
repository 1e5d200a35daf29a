"""Search's copy of items and offers, and every statement on it. The caller brings the transaction; all name the tenant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
)

from services.search.core import Filters, ItemRow, OfferRow

METADATA = MetaData()
ITEMS = Table(
    "items",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("title_ko", String, nullable=False),
    Column("title_en", String, nullable=False),
    Column("brand", String, nullable=False),
    Column("category", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False, server_default="0"),
    Column("aliases", JSON, nullable=True),  # none is an empty list
    Column("kind", Integer, nullable=False, server_default="1"),
    Index("items_by_category", "tenant", "category", "item_id"),
    Index("items_by_brand", "tenant", "brand", "item_id"),
    Index("items_by_age", "tenant", "created_at_ms", "item_id"),
)
ITEM_MEDIA = Table(
    "item_media",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("media_id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Index("item_media_by_media", "tenant", "media_id"),
)
OFFERS = Table(
    "offers",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("offer_id", String, primary_key=True),
    Column("shop", String, nullable=False),
    Column("url", String, nullable=False),
    Column("market", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("in_stock", Boolean, nullable=False),
    Column("checked_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False, server_default="0"),
    Column("condition", Integer, nullable=False, server_default="0"),
    Index("offers_by_shop", "tenant", "shop", "item_id"),
)
PICTURES = Table(  # those whose labels and colours are known
    "pictures",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("media_id", String, primary_key=True),
    Column("owner", String, nullable=False),
)
PICTURE_TAGS = Table(
    "picture_tags",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("tag", String, primary_key=True),
    Column("media_id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("score", Float, nullable=False),
    Index("picture_tags_by_media", "tenant", "media_id"),
)
ERASED_PEOPLE = Table(  # with how many rows they had
    "erased_people",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("person_id", String, primary_key=True),
    Column("rows", Integer, nullable=False),
)
TITLES = Table(  # what can be read of an item, normal: its fields by lines, words by spaces
    "titles",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("text", String, nullable=False),
)
TITLE_WORDS = Table(
    "title_words",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("word", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Index("title_words_by_item", "tenant", "item_id"),
)
WORD_GRAMS = Table(  # of each word that any title has or had: a dictionary far smaller than the titles
    "word_grams",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("gram", String, primary_key=True),
    Column("word", String, primary_key=True),
)
WATCHES_TOLD = Table(  # what was told of a watch, so that it is told once
    "watches_told",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("watch_id", String, primary_key=True),
    Index("watches_told_by_watch", "tenant", "watch_id"),
)
WATCHES_LOOKED = Table(  # the watches for which the catalogue was looked through when they began
    "watches_looked",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("watch_id", String, primary_key=True),
)
_VARIABLES = 1_000  # ids a statement: SQLite takes 32,766, PostgreSQL 65,535


def replace_item(connection: Connection, item: ItemRow) -> None:
    """Creates the item, or puts it in place of what was there."""
    delete_item(connection, item.tenant, item.item_id)
    key = {"tenant": item.tenant, "item_id": item.item_id}
    said = {
        name: getattr(item, name) for name in ("title_ko", "title_en", "brand", "category", "created_at_ms", "kind")
    }
    connection.execute(insert(ITEMS), {**key, **said, "aliases": list(item.aliases)})
    media = [{**key, "media_id": id_, "position": n} for n, id_ in enumerate(dict.fromkeys(item.media_ids))]
    offers = [{**key, **_columns(offer)} for offer in {offer.offer_id: offer for offer in item.offers}.values()]
    if media:
        connection.execute(insert(ITEM_MEDIA), media)
    if offers:
        connection.execute(insert(OFFERS), offers)


def delete_item(connection: Connection, tenant: str, item_id: str) -> None:
    """Removes the item, its offers and its links to pictures; what is not there is no error."""
    for table in (OFFERS, ITEM_MEDIA, ITEMS):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.item_id == item_id))


def count_items(connection: Connection) -> int:
    """Items of all tenants."""
    return int(connection.execute(select(func.count()).select_from(ITEMS)).scalar_one())


def passing_pictures(
    connection: Connection, tenant: str, filters: Filters, *, now_ms: int, at_most: int
) -> list[str] | None:
    """The pictures of the items that pass, or None where they are more than `at_most`. now_ms: offers expired by then pass not."""
    found = connection.execute(
        select(ITEM_MEDIA.c.media_id)
        .distinct()
        .join(ITEMS, same_item(ITEM_MEDIA, ITEMS))
        .where(ITEM_MEDIA.c.tenant == tenant, item_passes(filters, now_ms))
        .limit(at_most + 1)
    )
    media_ids = list(found.scalars())
    return media_ids if len(media_ids) <= at_most else None


def items_of(
    connection: Connection, tenant: str, media_ids: Sequence[str], filters: Filters, *, now_ms: int
) -> Mapping[str, Sequence[str]]:
    """Media id -> the items that it shows and that pass, ordered by id. A picture of none is absent."""
    items: dict[str, list[str]] = defaultdict(list)
    for some in portions(media_ids):
        rows = connection.execute(
            select(ITEM_MEDIA.c.media_id, ITEM_MEDIA.c.item_id)
            .join(ITEMS, same_item(ITEM_MEDIA, ITEMS))
            .where(ITEM_MEDIA.c.tenant == tenant, ITEM_MEDIA.c.media_id.in_(some), item_passes(filters, now_ms))
            .order_by(ITEM_MEDIA.c.item_id)
        )
        for media_id, item_id in rows:
            items[media_id].append(item_id)
    return items


def load_items(
    connection: Connection, tenant: str, item_ids: Sequence[str], filters: Filters, *, now_ms: int
) -> Mapping[str, ItemRow]:
    """The items, each with those of its offers that pass: what is in stock first, of that the cheapest of each currency."""
    loaded: dict[str, ItemRow] = {}
    for some in portions(item_ids):
        media: dict[str, list[str]] = defaultdict(list)
        offers: dict[str, list[OfferRow]] = defaultdict(list)
        pictures = select(ITEM_MEDIA).where(ITEM_MEDIA.c.tenant == tenant, ITEM_MEDIA.c.item_id.in_(some))
        for row in connection.execute(pictures.order_by(ITEM_MEDIA.c.position)).mappings():
            media[row["item_id"]].append(row["media_id"])
        passing = select(OFFERS).where(
            OFFERS.c.tenant == tenant, OFFERS.c.item_id.in_(some), offer_passes(filters, now_ms)
        )
        order = (OFFERS.c.in_stock.desc(), OFFERS.c.currency, OFFERS.c.price_minor, OFFERS.c.offer_id)
        for row in connection.execute(passing.order_by(*order)).mappings():
            offers[row["item_id"]].append(OfferRow(**{name: row[name] for name in OfferRow.__slots__}))
        for row in connection.execute(
            select(ITEMS).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id.in_(some))
        ).mappings():
            id_, aliases = row["item_id"], tuple(row["aliases"] or ())
            of_others = {"media_ids": tuple(media[id_]), "offers": tuple(offers[id_]), "aliases": aliases}
            loaded[id_] = ItemRow(**{**row, **of_others})
    return loaded


def cheapest(
    connection: Connection, tenant: str, item_ids: Sequence[str], filters: Filters, *, now_ms: int
) -> Mapping[str, int]:
    """Item id -> the price of its cheapest offer that passes, in the minor unit. An item of none is absent. The filters name a currency."""
    prices: dict[str, int] = {}
    for some in portions(item_ids):
        rows = connection.execute(
            select(OFFERS.c.item_id, func.min(OFFERS.c.price_minor))
            .where(OFFERS.c.tenant == tenant, OFFERS.c.item_id.in_(some), offer_passes(filters, now_ms))
            .group_by(OFFERS.c.item_id)
        )
        prices.update(rows.tuples().all())
    return prices


def created(connection: Connection, tenant: str, item_ids: Sequence[str]) -> Mapping[str, int]:
    """Item id -> when it first came."""
    times: dict[str, int] = {}
    for some in portions(item_ids):
        rows = connection.execute(
            select(ITEMS.c.item_id, ITEMS.c.created_at_ms).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id.in_(some))
        )
        times.update(rows.tuples().all())
    return times


def kinds(connection: Connection, tenant: str, item_ids: Sequence[str]) -> Mapping[str, int]:
    """Item id -> what it is. An item that is gone is absent."""
    known: dict[str, int] = {}
    for some in portions(item_ids):
        rows = connection.execute(
            select(ITEMS.c.item_id, ITEMS.c.kind).where(ITEMS.c.tenant == tenant, ITEMS.c.item_id.in_(some))
        )
        known.update(rows.tuples().all())
    return known


def item_passes(filters: Filters, now_ms: int) -> ColumnElement[bool]:
    """Of a row of ITEMS: whether its category, its kind and one of its offers pass."""
    wanted = [ITEMS.c.category == filters.category] if filters.category else []
    if filters.kinds:
        wanted.append(ITEMS.c.kind.in_(filters.kinds))
    if filters.of_offers:
        wanted.append(exists().where(same_item(OFFERS, ITEMS), offer_passes(filters, now_ms)))
    return and_(true(), *wanted)


def offer_passes(filters: Filters, now_ms: int) -> ColumnElement[bool]:
    """The one place that says which offer passes: for finding items, and for showing offers."""
    wanted: list[ColumnElement[bool]] = [or_(OFFERS.c.expires_at_ms == 0, OFFERS.c.expires_at_ms > now_ms)]
    for column, value in (("market", filters.market), ("currency", filters.currency), ("shop", filters.shop)):
        if value:
            wanted.append(OFFERS.c[column] == value)
    if filters.in_stock:
        wanted.append(OFFERS.c.in_stock == true())
    if filters.min_price_minor:
        wanted.append(OFFERS.c.price_minor >= filters.min_price_minor)
    if filters.max_price_minor:
        wanted.append(OFFERS.c.price_minor <= filters.max_price_minor)
    return and_(*wanted)


def same_item(one: Table, other: Table) -> ColumnElement[bool]:
    """Whether two rows are of the same item."""
    return and_(one.c.tenant == other.c.tenant, one.c.item_id == other.c.item_id)


def _columns(offer: OfferRow) -> dict[str, object]:
    return {name: getattr(offer, name) for name in OfferRow.__slots__}


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _VARIABLES):
        yield ids[start : start + _VARIABLES]
