"""What people were shown, the lists that they read on in, and campaigns with their ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "seen",
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("what", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("hidden", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("seen_pictures", "seen", ["tenant", "what", "id"])
    op.create_table(
        "recommendation_lists",
        sa.Column("list_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.Text, nullable=False),
        sa.Column("sponsored", sa.Text, nullable=False),
    )
    op.create_index("recommendation_lists_of_person", "recommendation_lists", ["person_id", "made_at_ms"])
    op.create_index("recommendation_lists_by_age", "recommendation_lists", ["made_at_ms"])
    op.create_table(
        "campaigns",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("campaign_id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("segment_id", sa.String, nullable=False),
        sa.Column("interest_id", sa.String, nullable=False),
        sa.Column("item_ids", sa.Text, nullable=False),
        sa.Column("cap_per_person", sa.Integer, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("budget", sa.BigInteger, nullable=False),
        sa.Column("showings", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "campaign_caps",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("campaign_id", sa.String, primary_key=True),
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("showings", sa.Integer, nullable=False),
    )
    op.create_index("campaign_caps_of_person", "campaign_caps", ["person_id"])
    op.create_table(
        "campaign_ledger",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("campaign_id", sa.String, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("showings", sa.BigInteger, nullable=False),
    )
