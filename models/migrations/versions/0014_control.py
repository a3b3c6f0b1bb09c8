"""A case may stand still; a step may be left out by two people.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("suspended_by_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("suspended_reason", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_case_suspended_by_id_appointment"), "appointment", ["suspended_by_id"], ["id"]
        )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("skip_asked_by_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("skip_reason", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_task_skip_asked_by_id_user"), "user", ["skip_asked_by_id"], ["id"]
        )


def downgrade() -> None:
    op.execute("UPDATE task SET state = 'cancelled' WHERE state = 'skipped'")
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_task_skip_asked_by_id_user"), type_="foreignkey")
        batch_op.drop_column("skip_reason")
        batch_op.drop_column("skip_asked_by_id")
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_case_suspended_by_id_appointment"), type_="foreignkey")
        batch_op.drop_column("suspended_reason")
        batch_op.drop_column("suspended_by_id")
        batch_op.drop_column("suspended_at")
