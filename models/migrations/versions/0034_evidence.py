"""Evidence handed in with a proposed measure; people without an account whom one is about.

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("motion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("named", sa.String(), nullable=True))
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("motion_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_attachment_motion_id"), ["motion_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_attachment_motion_id_motion"), "motion", ["motion_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_attachment_motion_id_motion"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_attachment_motion_id"))
        batch_op.drop_column("motion_id")
    with op.batch_alter_table("motion", schema=None) as batch_op:
        batch_op.drop_column("named")
