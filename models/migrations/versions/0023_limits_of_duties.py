"""Running limits of duties found without those of cases.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_WHERE = sa.text("met_at IS NULL AND duty_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_clock_of_duties",
        "clock",
        ["duty_id", "due_at"],
        postgresql_where=_WHERE,
        sqlite_where=_WHERE,
    )


def downgrade() -> None:
    op.drop_index("ix_clock_of_duties", "clock")
