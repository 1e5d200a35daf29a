"""What an item is: a product, a service, an article; a way to the newest."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("items", sa.Column("kind", sa.Integer, nullable=False, server_default="1"))
    op.create_index("items_by_age", "items", ["tenant", "created_at_ms", "item_id"])
