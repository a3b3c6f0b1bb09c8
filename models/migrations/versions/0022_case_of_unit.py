"""The cases of one unit are found in the order they are listed in.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_case_organisation_id", table_name="case")
    op.create_index("ix_case_organisation_id", "case", ["organisation_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_case_organisation_id", table_name="case")
    op.create_index("ix_case_organisation_id", "case", ["organisation_id"])
