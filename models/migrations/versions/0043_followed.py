"""Whether a case has been handed in and concluded stands with the case; its limits are found by
their index alone.

Revision ID: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_CONCLUDED = "SELECT 1 FROM conclusion c WHERE c.case_id = \"case\".id AND c.level = '{}'"
FOLLOWED = {
    "submitted": "SELECT 1 FROM document d WHERE d.case_id = \"case\".id "
    "AND d.form LIKE 'case_submission.v%'",
    "county_concluded": _CONCLUDED.format("county"),
    "city_concluded": _CONCLUDED.format("city"),
}


def upgrade() -> None:
    for name in FOLLOWED:
        op.add_column(
            "case", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    told = ", ".join(f"{name} = EXISTS ({query})" for name, query in FOLLOWED.items())
    op.execute(sa.text(f'UPDATE "case" SET {told}'))  # noqa: S608
    lacking = " OR ".join(f"{name} IS false" for name in FOLLOWED)
    op.create_index(
        "ix_case_lacking",
        "case",
        ["id", *FOLLOWED],
        postgresql_where=sa.text(lacking),
        sqlite_where=sa.text(lacking.replace("IS false", "IS 0")),
    )
    op.drop_index("ix_clock_case_id", "clock")
    limits = ["case_id", "due_at", "id", "met_at", "organisation_id"]
    op.create_index("ix_clock_of_case", "clock", limits)


def downgrade() -> None:
    op.drop_index("ix_clock_of_case", "clock")
    op.create_index("ix_clock_case_id", "clock", ["case_id"])
    op.drop_index("ix_case_lacking", "case")
    with op.batch_alter_table("case", schema=None) as batch_op:
        for name in FOLLOWED:
            batch_op.drop_column(name)
