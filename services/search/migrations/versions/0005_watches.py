"""What was told of watches."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "watches_told",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("watch_id", sa.String, primary_key=True),
    )
    op.create_index("watches_told_by_watch", "watches_told", ["tenant", "watch_id"])
    op.create_table(
        "watches_looked",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("watch_id", sa.String, primary_key=True),
    )
