"""Profile's first tables. Those of a later feature stand with its statements, in a module of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    text,
)

from nungil.database.outbox import outbox_table

METADATA = MetaData()


def person_column(**of: Any) -> Column[Any]:
    """Whose a row is; it goes with its person. of: as a Column takes it."""
    return Column("person_id", String, ForeignKey("people.person_id", ondelete="CASCADE"), **of)


def theirs(table: Table, tenant: str, person_id: str) -> ColumnElement[bool]:
    """The rows of one person."""
    return and_(table.c.tenant == tenant, table.c.person_id == person_id)


PEOPLE = Table(
    "people",
    METADATA,
    Column("person_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    UniqueConstraint("tenant", "subject", name="people_by_subject"),
)
CONSENTS = Table(
    "consents",
    METADATA,
    person_column(primary_key=True),
    Column("purpose", Integer, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("given", Boolean, nullable=False),
    Column("changed_at_ms", BigInteger, nullable=False),
)
JOURNAL = Table(
    "journal",
    METADATA,
    person_column(primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("media_id", String, nullable=False),
    Column("box", Text, nullable=True),  # null: the whole picture
    Column("occurred_at_ms", BigInteger, nullable=False),
    Column("findings", Text, nullable=True),  # null: waits for the features of the picture
    Column("vectors", LargeBinary, nullable=True),  # float16, of the parts that count; null: of before they were kept
    Column("space", String, nullable=True),  # the encoder's that they belong to
    Column("result_media_id", String, nullable=False, server_default=text("''")),  # what was made of it
    Column(
        "interest", String, nullable=False, server_default=text("''")
    ),  # what was said of one, which is kept for ever
    Column("text", Text, nullable=False, server_default=text("''")),
    Index("journal_by_media", "tenant", "media_id"),
    Index("journal_by_result", "tenant", "result_media_id"),
    Index("journal_in_order", "person_id", "occurred_at_ms"),
)
STATES = Table(
    "states",
    METADATA,
    person_column(primary_key=True),
    Column("tenant", String, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("rules", Text, nullable=False),
    Column("dropped_on", Integer, nullable=False),  # the day of the last look for rows that are too old
    Column("checkpoint", LargeBinary, nullable=True),  # the state some rows ago, under the same rules on the same day
)
REMOVED_PICTURES = Table(
    "removed_pictures",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("media_id", String, primary_key=True),
    Column("removed_at_ms", BigInteger, nullable=False),
)
WATCHES = Table(
    "watches",
    METADATA,
    Column("watch_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    person_column(nullable=False),
    Column("media_id", String, nullable=False),
    Column("box", String, nullable=False),
    Column("market", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("max_price_minor", BigInteger, nullable=False),
    Column("label", String, nullable=False),  # what the crop shows best; empty: nothing that has a name
    Column("label_score", Float, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    UniqueConstraint(
        "tenant", "person_id", "media_id", "box", "market", "currency", "max_price_minor", name="watches_by_crop"
    ),
    Index("watches_by_media", "tenant", "media_id"),
    Index("watches_by_person", "person_id"),
)
WATCH_MATCHES = Table(
    "watch_matches",
    METADATA,
    Column("watch_id", String, ForeignKey("watches.watch_id", ondelete="CASCADE"), primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("media_id", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("matched_at_ms", BigInteger, nullable=False),
)
OUTBOX = outbox_table(METADATA)
