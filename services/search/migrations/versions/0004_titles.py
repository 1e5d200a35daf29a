"""What titles say, to be found by words. Search fills it when it starts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "titles",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("text", sa.String, nullable=False),
    )
    op.create_table(
        "title_words",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("word", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
    )
    op.create_index("title_words_by_item", "title_words", ["tenant", "item_id"])
    op.create_table(
        "word_grams",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("gram", sa.String, primary_key=True),
        sa.Column("word", sa.String, primary_key=True),
    )
