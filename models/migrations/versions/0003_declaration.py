"""Experts declare before they read, and a seat may end.

Whoever has filed an opinion by now declared in its sheet; they keep their access. The others are
asked when they next open their step.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("panel_member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("declaration", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ended_reason", sa.String(), nullable=True))
    with op.batch_alter_table("opinion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE panel_member SET declaration = 'none', declared_at = "
        "(SELECT filed_at FROM opinion WHERE opinion.member_id = panel_member.id) "
        "WHERE id IN (SELECT member_id FROM opinion)"
    )


def downgrade() -> None:
    with op.batch_alter_table("opinion", schema=None) as batch_op:
        batch_op.drop_column("voided_at")
    with op.batch_alter_table("panel_member", schema=None) as batch_op:
        batch_op.drop_column("ended_reason")
        batch_op.drop_column("ended_at")
        batch_op.drop_column("declared_at")
        batch_op.drop_column("declaration")
