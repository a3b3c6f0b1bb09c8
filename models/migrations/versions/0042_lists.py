"""Long lists are read in the order of an index; numbers that begin alike are a range of theirs.

On PostgreSQL numbers are compared byte by byte, as they always were on SQLite, and how many limits
were met late is counted with the other statistics: of two columns compared it assumes a third.

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

NUMBERS = {
    "case": "number",
    "lesson": "number",
    "motion": "number",
    "notice": "number",
    "rectification": "number",
    "risk_record": "number",
    "duty": "occasion",
}
_ITEMS = "deadline id case_id duty_id owner_id acceptor_id guide_id"
_LIMITS = "due_at id case_id organisation_id"
_COUNTED = "CREATE STATISTICS st_clock_met_late ON (met_at > due_at) FROM clock"


def upgrade() -> None:
    op.drop_index("ix_clock_met_late", "clock")
    _index("ix_clock_met_late", "clock", "case_id", "(met_at > due_at) IS true")
    _index("ix_clock_met_late_due", "clock", _LIMITS, "(met_at > due_at) IS true")
    op.drop_index("ix_rectification_open", "rectification")
    _index("ix_rectification_open", "rectification", _ITEMS, "state <> 'closed'")
    _index("ix_rectification_closed", "rectification", _ITEMS, "state = 'closed'")
    _on_postgresql(_COUNTED, *_compared("C"))


def downgrade() -> None:
    _on_postgresql("DROP STATISTICS st_clock_met_late", *_compared("default"))
    op.drop_index("ix_rectification_closed", "rectification")
    op.drop_index("ix_rectification_open", "rectification")
    _index("ix_rectification_open", "rectification", "deadline id", "state <> 'closed'")
    op.drop_index("ix_clock_met_late_due", "clock")
    op.drop_index("ix_clock_met_late", "clock")
    _index("ix_clock_met_late", "clock", "case_id", "met_at > due_at")


def _index(name: str, table: str, columns: str, where: str) -> None:
    op.create_index(
        name,
        table,
        columns.split(),
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(where.replace("IS true", "IS 1")),
    )


def _compared(collation: str) -> list[str]:
    return [
        f'ALTER TABLE "{table}" ALTER COLUMN {column} TYPE varchar COLLATE "{collation}"'
        for table, column in NUMBERS.items()
    ]


def _on_postgresql(*statements: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in statements:
            op.execute(statement)
