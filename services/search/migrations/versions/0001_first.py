"""First schema of search."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("title_ko", sa.String, nullable=False),
        sa.Column("title_en", sa.String, nullable=False),
        sa.Column("brand", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
    )
    op.create_table(
        "item_media",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("media_id", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index("item_media_by_media", "item_media", ["tenant", "media_id"])
    op.create_table(
        "offers",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("offer_id", sa.String, primary_key=True),
        sa.Column("shop", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("market", sa.String, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.Column("in_stock", sa.Boolean, nullable=False),
        sa.Column("checked_at_ms", sa.BigInteger, nullable=False),
    )
