"""When offers expire and in which condition things are; when items came, and their other names."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("items") as items:
        items.add_column(sa.Column("created_at_ms", sa.BigInteger, nullable=False, server_default="0"))
        items.add_column(sa.Column("aliases", sa.JSON, nullable=True))
    with op.batch_alter_table("offers") as offers:
        offers.add_column(sa.Column("expires_at_ms", sa.BigInteger, nullable=False, server_default="0"))
        offers.add_column(sa.Column("condition", sa.Integer, nullable=False, server_default="0"))
