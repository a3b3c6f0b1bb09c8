"""What a unit sees, and since when, is found by an index of that alone; what a case lacks by one
that knows its state; limits that run by one that knows whose. No index that is the beginning of
another.

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

FOLLOWED = ("submitted", "county_concluded", "city_concluded")
LACKING = " OR ".join(f"{name} IS false" for name in FOLLOWED)
OF_DUTIES = "duty_id IS NOT NULL"
RUNNING = "met_at IS NULL"
SEES = "part NOT IN ('concerned', 'guide')"
NEEDLESS = ("case_unit", "conclusion", "document", "panel")  # an index of case_id


def upgrade() -> None:
    op.drop_index("ix_case_lacking", "case")
    _index("ix_case_lacking", "case", ["id", *FOLLOWED, "state"], LACKING)
    op.drop_index("ix_case_unit_scope", "case_unit")
    _index("ix_case_unit_scope", "case_unit", ["organisation_id", "case_id", "since"], SEES)
    op.drop_index("ix_clock_running", "clock")
    _index("ix_clock_running", "clock", ["case_id", "due_at", "id", "organisation_id"], RUNNING)
    op.drop_index("ix_clock_of_duties", "clock")
    _index("ix_clock_of_duties", "clock", ["duty_id", "due_at"], OF_DUTIES)
    for table in NEEDLESS:
        op.drop_index(f"ix_{table}_case_id", table)


def downgrade() -> None:
    for table in NEEDLESS:
        op.create_index(f"ix_{table}_case_id", table, ["case_id"])
    op.drop_index("ix_clock_of_duties", "clock")
    _index("ix_clock_of_duties", "clock", ["duty_id", "due_at"], f"{RUNNING} AND {OF_DUTIES}")
    op.drop_index("ix_clock_running", "clock")
    _index("ix_clock_running", "clock", ["case_id", "due_at"], RUNNING)
    op.drop_index("ix_case_unit_scope", "case_unit")
    op.create_index("ix_case_unit_scope", "case_unit", ["organisation_id", "case_id", "part"])
    op.drop_index("ix_case_lacking", "case")
    _index("ix_case_lacking", "case", ["id", *FOLLOWED], LACKING)


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name,
        table,
        columns,
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(where.replace("IS false", "IS 0")),
    )
