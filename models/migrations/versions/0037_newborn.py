"""Newborn deaths: the birth, and the case of the mother.

Going back removes what is known of them only in these places.

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("born_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("mother_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_case_mother_id_case"), "case", ["mother_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_case_mother_id"), ["mother_id"])


def downgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_mother_id"))
        batch_op.drop_constraint(batch_op.f("fk_case_mother_id_case"), type_="foreignkey")
        batch_op.drop_column("mother_id")
        batch_op.drop_column("born_at")
