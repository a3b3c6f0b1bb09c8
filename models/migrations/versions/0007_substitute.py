"""An appointment may fill the place of somebody absent.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = "fk_appointment_stands_for_id_appointment"


def upgrade() -> None:
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stands_for_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("diagram", sa.String(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_appointment_stands_for_id"), ["stands_for_id"], unique=False
        )
        batch_op.create_foreign_key(op.f(KEY), "appointment", ["stands_for_id"], ["id"])


def downgrade() -> None:
    # Who acted under such an appointment did so for that unit in that role: the row stays.
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(KEY), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_appointment_stands_for_id"))
        batch_op.drop_column("diagram")
        batch_op.drop_column("stands_for_id")
