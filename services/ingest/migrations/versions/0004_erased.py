"""People who were erased, by the id that leads nowhere any more."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "erased_people",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("person_id", sa.String, primary_key=True),
        sa.Column("pictures", sa.BigInteger, nullable=False),
        sa.Column("objects", sa.BigInteger, nullable=False),
    )
