"""Segments, who is in them, and when to look again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _of_segment() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant", "segment_id"], ["segments.tenant", "segments.segment_id"], ondelete="CASCADE"
    )


def _of_person() -> sa.Column[str]:
    return sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("segment_id", sa.String, primary_key=True),
        sa.Column("draft", sa.Integer, nullable=False),
        sa.Column("published", sa.Integer, nullable=False),
        sa.Column("spread_after", sa.String, nullable=True),
    )
    op.create_table(
        "segment_versions",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("segment_id", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("published_at_ms", sa.BigInteger, nullable=False),
        _of_segment(),
    )
    op.create_table(
        "segment_revisions",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
    )
    op.create_table(
        "memberships",
        _of_person(),
        sa.Column("segment_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        _of_segment(),
    )
    op.create_index("memberships_by_segment", "memberships", ["tenant", "segment_id"])
    op.create_table(
        "segment_timers",
        _of_person(),
        sa.Column("segment_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        _of_segment(),
    )
    op.create_index("segment_timers_by_time", "segment_timers", ["at_ms"])
    op.create_index("segment_timers_by_segment", "segment_timers", ["tenant", "segment_id"])
