"""A person's boards and watches are found without their tenant, as when the person is erased and these go along."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index("boards_by_person", "boards", ["person_id"])
    op.create_index("watches_by_person", "watches", ["person_id"])
