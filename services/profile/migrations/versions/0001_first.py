"""First schema of profile."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _person_id() -> sa.Column[str]:
    return sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("person_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant", "subject", name="people_by_subject"),
    )
    op.create_table(
        "consents",
        _person_id(),
        sa.Column("purpose", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("given", sa.Boolean, nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "journal",
        _person_id(),
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("media_id", sa.String, nullable=False),
        sa.Column("box", sa.Text, nullable=True),
        sa.Column("occurred_at_ms", sa.BigInteger, nullable=False),
        sa.Column("findings", sa.Text, nullable=True),
    )
    op.create_index("journal_by_media", "journal", ["tenant", "media_id"])
    op.create_index("journal_in_order", "journal", ["person_id", "occurred_at_ms"])
    op.create_table(
        "states",
        _person_id(),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("dropped_on", sa.Integer, nullable=False),
    )
    op.create_table(
        "removed_pictures",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("media_id", sa.String, primary_key=True),
        sa.Column("removed_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=True),
        sa.Column("headers", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
