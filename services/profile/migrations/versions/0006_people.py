"""Pauses of learning, what people state of themselves, and what their pictures show."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "pauses",
        _person_id(),
        sa.Column("paused_at_ms", sa.BigInteger, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("resumed_at_ms", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "abouts",
        _person_id(),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "gallery",
        _person_id(),
        sa.Column("media_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("shares", sa.Text, nullable=False),
    )
    op.create_index("gallery_by_media", "gallery", ["tenant", "media_id"])


def _person_id() -> sa.Column[str]:
    return sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True)
