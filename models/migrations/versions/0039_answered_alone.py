"""Running limits, open cases and open ledger items: counted and found by their index alone.

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_RUNNING = "met_at IS NULL"
_OPEN_CASE = "state NOT IN ('closed', 'voided')"
_OPEN_ITEM = "state <> 'closed'"


def upgrade() -> None:
    op.drop_index("ix_clock_waiting", "clock")
    _index("ix_clock_waiting", "clock", "due_at id case_id organisation_id", _RUNNING)
    op.drop_index("ix_case_open", "case")
    _index("ix_case_open", "case", "id organisation_id state kind", _OPEN_CASE)
    _index("ix_rectification_open", "rectification", "deadline id", _OPEN_ITEM)


def downgrade() -> None:
    op.drop_index("ix_rectification_open", "rectification")
    op.drop_index("ix_case_open", "case")
    _index("ix_case_open", "case", "id organisation_id state", _OPEN_CASE)
    op.drop_index("ix_clock_waiting", "clock")
    _index("ix_clock_waiting", "clock", "due_at id case_id", _RUNNING)


def _index(name: str, table: str, columns: str, where: str) -> None:
    only = sa.text(where)
    op.create_index(
        name, table, columns.split(), postgresql_where=only, sqlite_where=only
    )
