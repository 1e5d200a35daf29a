"""Which process answers a request, and until when it is its own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("answers") as answers:
        answers.add_column(sa.Column("process", sa.String(36), nullable=True))
        answers.add_column(sa.Column("leased_until_ms", sa.BigInteger, nullable=True))
    op.create_index("answers_by_process", "answers", ["process"])
