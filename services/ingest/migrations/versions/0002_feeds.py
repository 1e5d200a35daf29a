"""Feeds of other formats: when items came and their other names, lifetimes and conditions of offers, terms of imports, and
where on the web pictures came from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

FIRST_PICTURE = """
UPDATE items SET created_at_ms = COALESCE((
    SELECT MIN(media.created_at_ms) FROM media JOIN item_media
    ON media.tenant = item_media.tenant AND media.media_id = item_media.media_id
    WHERE item_media.tenant = items.tenant AND item_media.item_id = items.item_id
), 0)
"""


def upgrade() -> None:
    with op.batch_alter_table("items") as items:
        items.add_column(sa.Column("created_at_ms", sa.BigInteger, nullable=False, server_default="0"))
        items.add_column(sa.Column("aliases", sa.JSON, nullable=True))
    with op.batch_alter_table("offers") as offers:
        offers.add_column(sa.Column("expires_at_ms", sa.BigInteger, nullable=False, server_default="0"))
        offers.add_column(sa.Column("condition", sa.Integer, nullable=False, server_default="0"))
    op.create_index("offers_by_shop", "offers", ["tenant", "shop"])
    with op.batch_alter_table("imports") as imports:
        imports.add_column(sa.Column("terms", sa.JSON, nullable=True))
        imports.add_column(sa.Column("retired", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "picture_addresses",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("url_sha256", sa.String, primary_key=True),
        sa.Column("media_id", sa.String, nullable=False),
    )
    op.create_index("picture_addresses_by_media", "picture_addresses", ["tenant", "media_id"])
    op.execute(FIRST_PICTURE)  # the nearest that is known to when an item came
