"""Vectors in the journal, and states that hold what follows from them: every state is folded again when it is wanted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("journal", sa.Column("vectors", sa.LargeBinary, nullable=True))
    op.add_column("journal", sa.Column("space", sa.String, nullable=True))
    op.add_column("journal", sa.Column("result_media_id", sa.String, nullable=False, server_default=sa.text("''")))
    op.create_index("journal_by_result", "journal", ["tenant", "result_media_id"])
    op.drop_table("states")
    op.create_table(
        "states",
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("dropped_on", sa.Integer, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary, nullable=True),
    )
