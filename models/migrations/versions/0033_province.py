"""The province's conclusion, which no panel of ours has reached; one conclusion a level.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.alter_column("panel_id", existing_type=sa.Integer(), nullable=True)
        batch_op.create_unique_constraint(
            batch_op.f("uq_conclusion_case_id_level"), ["case_id", "level"]
        )


def downgrade() -> None:
    op.execute("DELETE FROM conclusion WHERE panel_id IS NULL")
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_conclusion_case_id_level"), type_="unique")
        batch_op.alter_column("panel_id", existing_type=sa.Integer(), nullable=False)
