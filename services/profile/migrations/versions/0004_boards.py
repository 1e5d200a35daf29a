"""Boards, their pins, and the shared ones that others keep."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "boards",
        sa.Column("board_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("person_id", sa.String, _of("people.person_id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("token_hash", sa.String, nullable=True),
        sa.UniqueConstraint("token_hash", name="boards_by_token"),
    )
    op.create_index("boards_in_order", "boards", ["tenant", "person_id", "position"])
    op.create_table(
        "pins",
        sa.Column("pin_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("person_id", sa.String, _of("people.person_id"), nullable=False),
        sa.Column("board_id", sa.String, _of("boards.board_id"), nullable=False),
        sa.Column("media_id", sa.String, nullable=False),
        sa.Column("box", sa.String, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("personal", sa.Boolean, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("saved_at_ms", sa.BigInteger, nullable=False),
        sa.Column("told_at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("board_id", "media_id", "box", "item_id", name="pins_by_content"),
    )
    op.create_index("pins_in_order", "pins", ["board_id", "position"])
    op.create_index("pins_by_media", "pins", ["tenant", "media_id"])
    op.create_index("pins_by_item", "pins", ["tenant", "item_id", "person_id"])
    op.create_index("pins_by_person", "pins", ["person_id", "media_id"])
    op.create_table(
        "kept_boards",
        sa.Column("person_id", sa.String, _of("people.person_id"), primary_key=True),
        sa.Column("board_id", sa.String, _of("boards.board_id"), primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("kept_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("kept_boards_by_board", "kept_boards", ["board_id"])


def _of(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, ondelete="CASCADE")
