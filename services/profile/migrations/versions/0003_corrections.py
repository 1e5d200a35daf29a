"""What people say of their interests, in the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("journal", sa.Column("interest", sa.String, nullable=False, server_default=sa.text("''")))
    op.add_column("journal", sa.Column("text", sa.Text, nullable=False, server_default=sa.text("''")))
