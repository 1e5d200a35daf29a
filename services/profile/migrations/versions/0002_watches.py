"""Crops that people wait for, and what was found for them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("watch_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), nullable=False),
        sa.Column("media_id", sa.String, nullable=False),
        sa.Column("box", sa.String, nullable=False),
        sa.Column("market", sa.String, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("max_price_minor", sa.BigInteger, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("label_score", sa.Float, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint(
            "tenant", "person_id", "media_id", "box", "market", "currency", "max_price_minor", name="watches_by_crop"
        ),
    )
    op.create_index("watches_by_media", "watches", ["tenant", "media_id"])
    op.create_table(
        "watch_matches",
        sa.Column("watch_id", sa.String, sa.ForeignKey("watches.watch_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("media_id", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("matched_at_ms", sa.BigInteger, nullable=False),
    )
