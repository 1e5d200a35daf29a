"""People who leave or left: whose keys end with them, for as long as that is not done; then the id alone, that leads nowhere."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "erased_people",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(200), nullable=True),
        sa.Column("rows", sa.Integer, nullable=True),
    )
