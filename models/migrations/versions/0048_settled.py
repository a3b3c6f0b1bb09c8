"""A unit's part in a case is settled when the case has ended and no limit of it runs: whoever looks
for what is open passes it by, however many cases have ended.

On PostgreSQL what has ended is not written anew; there is little else.

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

UNSETTLED = "settled IS false AND part NOT IN ('concerned', 'guide')"
OPEN = (
    """SELECT id FROM "case" WHERE state NOT IN ('closed', 'voided') """
    """UNION SELECT c.id FROM "case" c JOIN clock k ON k.case_id = c.id """
    """WHERE c.state <> 'voided' AND k.met_at IS NULL"""
)


def upgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    begun = sa.true() if postgres else sa.false()
    op.add_column(
        "case_unit", sa.Column("settled", sa.Boolean(), nullable=False, server_default=begun)
    )
    if postgres:
        op.execute(f"UPDATE case_unit SET settled = false WHERE case_id IN ({OPEN})")
        op.alter_column("case_unit", "settled", server_default=sa.false())
    else:
        op.execute(f"UPDATE case_unit SET settled = 1 WHERE case_id NOT IN ({OPEN})")
    op.create_index(
        "ix_case_unit_unsettled",
        "case_unit",
        ["organisation_id", "case_id"],
        postgresql_where=sa.text(UNSETTLED),
        sqlite_where=sa.text(UNSETTLED.replace("IS false", "IS 0")),
    )


def downgrade() -> None:
    op.drop_index("ix_case_unit_unsettled", "case_unit")
    op.drop_column("case_unit", "settled")
