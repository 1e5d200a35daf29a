"""Who left, what each store has said of it, and the key that signs receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("receipt_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("person_id", sa.String, nullable=False),
        sa.Column("asked_at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant", "person_id", name="erasures_by_person"),
    )
    op.create_index("ix_erasures_person_id", "erasures", ["person_id"])
    op.create_table(
        "erasure_stores",
        sa.Column("receipt_id", sa.String, sa.ForeignKey("erasures.receipt_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("store", sa.String, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=True),
        sa.Column("gone_by_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "receipt_keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("private_key", sa.String, nullable=False),
    )
