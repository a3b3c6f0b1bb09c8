"""Who of a desk has a step in hand, and for whom.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("holder_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("held_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("owner_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("confirms", sa.Boolean(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_task_holder_id_user"), "user", ["holder_id"], ["id"])
        batch_op.create_foreign_key(op.f("fk_task_owner_id_user"), "user", ["owner_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_task_owner_id_user"), type_="foreignkey")
        batch_op.drop_constraint(op.f("fk_task_holder_id_user"), type_="foreignkey")
        batch_op.drop_column("confirms")
        batch_op.drop_column("owner_id")
        batch_op.drop_column("held_since")
        batch_op.drop_column("holder_id")
