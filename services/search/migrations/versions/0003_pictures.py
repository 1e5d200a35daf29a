"""Labels and colours of pictures; ways to the items of a category, a brand or a shop."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "pictures",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("media_id", sa.String, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
    )
    op.create_table(
        "picture_tags",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("kind", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tag", sa.String, primary_key=True),
        sa.Column("media_id", sa.String, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
    )
    op.create_index("picture_tags_by_media", "picture_tags", ["tenant", "media_id"])
    op.create_index("items_by_category", "items", ["tenant", "category", "item_id"])
    op.create_index("items_by_brand", "items", ["tenant", "brand", "item_id"])
    op.create_index("offers_by_shop", "offers", ["tenant", "shop", "item_id"])
