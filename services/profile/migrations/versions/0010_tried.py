"""What people tried: a picture of what they made, and a word about it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "tried",
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("media_id", sa.String, nullable=False),
        sa.Column("made_media_id", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("tried_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("tried_in_order", "tried", ["person_id", "tried_at_ms", "event_id"])
    op.create_index("tried_by_media", "tried", ["tenant", "media_id"])
    op.create_index("tried_by_made", "tried", ["tenant", "made_media_id"])
