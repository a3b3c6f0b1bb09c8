"""Panels are found by when they were opened, and whom a case concerns without being seen by an index
of that alone: neither is looked for among all there ever were.

Revision ID: 0047
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

ELSEWHERE = sa.text("part IN ('concerned', 'guide')")


def upgrade() -> None:
    op.create_index("ix_panel_opened", "panel", ["opened_at", "case_id", "level", "convened_at"])
    op.create_index(
        "ix_case_unit_elsewhere",
        "case_unit",
        ["organisation_id"],
        postgresql_where=ELSEWHERE,
        sqlite_where=ELSEWHERE,
    )


def downgrade() -> None:
    op.drop_index("ix_case_unit_elsewhere", "case_unit")
    op.drop_index("ix_panel_opened", "panel")
