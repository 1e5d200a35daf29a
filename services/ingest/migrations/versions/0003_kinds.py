"""What an item is: a product, a service, an article."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("items", sa.Column("kind", sa.Integer, nullable=False, server_default="1"))
