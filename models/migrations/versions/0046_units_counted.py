"""PostgreSQL counts what each of many units sees, not only the hundred that see most.

A county's institution is none of those; taken for a tenth of what it is, its cases were looked up
one by one where a walk from the newest finds a page of them at once. Counted anew by the server's
own ANALYZE.

Revision ID: 0046
Revises: 0045
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _count(1000)


def downgrade() -> None:
    _count(-1)  # as many as the server counts of every column


def _count(units: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        counted = f"ALTER TABLE case_unit ALTER COLUMN organisation_id SET STATISTICS {units}"
        op.execute(counted)
