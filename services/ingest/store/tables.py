"""Ingest's tables. The tenant is in each; SQLite and PostgreSQL take the same."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from nungil.database.outbox import outbox_table

METADATA = MetaData()
OUTBOX = outbox_table(METADATA)

MEDIA = Table(
    "media",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("media_id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("source", Integer, nullable=False),
    Column("source_url", String, nullable=False),
    Column("file_name", String, nullable=False),
    Column("taken_on", String, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("content_sha256", String, nullable=True),  # none where the same bytes shall get a new id: deleted, transient
    Column("state", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=True),
    UniqueConstraint("tenant", "owner", "content_sha256", name="media_once_an_owner"),
    Index("media_by_owner", "tenant", "owner", "purpose", "media_id"),
    Index("media_by_expiry", "expires_at_ms"),
)
PICTURE_ADDRESSES = Table(  # where on the web pictures of the catalogue came from, as feeds name them
    "picture_addresses",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("url_sha256", String, primary_key=True),
    Column("media_id", String, nullable=False),
    Index("picture_addresses_by_media", "tenant", "media_id"),
)
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
)
ITEM_MEDIA = Table(
    "item_media",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("media_id", String, nullable=False),
)
OFFERS = Table(
    "offers",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("offer_id", String, nullable=False),
    Column("shop", String, nullable=False),
    Column("url", String, nullable=False),
    Column("market", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("in_stock", Boolean, nullable=False),
    Column("checked_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False, server_default="0"),
    Column("condition", Integer, nullable=False, server_default="0"),
    Index("offers_by_shop", "tenant", "shop"),
)
IMPORTS = Table(
    "imports",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("import_id", String, primary_key=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("feed", LargeBinary, nullable=True),  # none once done
    Column("items_read", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("items_put", Integer, nullable=False),
    Column("terms", JSON, nullable=True),  # none: the defaults
    Column("retired", Integer, nullable=False, server_default="0"),
)
REFUSED_ROWS = Table(
    "refused_rows",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("import_id", String, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("reason", String, nullable=False),
)
ERASED_PEOPLE = Table(  # with what they had when it began
    "erased_people",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("person_id", String, primary_key=True),
    Column("pictures", BigInteger, nullable=False),
    Column("objects", BigInteger, nullable=False),
)
