"""Opinions written anew before the opening, and panels opened before all are in.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("panel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("opened_reason", sa.String(), nullable=True))
    with op.batch_alter_table("opinion", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("edition", sa.Integer(), nullable=False, server_default="1")
        )
        batch_op.add_column(sa.Column("reason", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("opinion", schema=None) as batch_op:
        batch_op.alter_column("edition", server_default=None)
        batch_op.drop_constraint("uq_opinion_panel_id_member_id", type_="unique")
        batch_op.create_unique_constraint(
            "uq_opinion_panel_id_member_id_edition", ["panel_id", "member_id", "edition"]
        )


def downgrade() -> None:
    op.execute("DELETE FROM opinion WHERE superseded_at IS NOT NULL")  # the sheets stay
    with op.batch_alter_table("opinion", schema=None) as batch_op:
        batch_op.drop_constraint("uq_opinion_panel_id_member_id_edition", type_="unique")
        batch_op.create_unique_constraint(
            "uq_opinion_panel_id_member_id", ["panel_id", "member_id"]
        )
        batch_op.drop_column("superseded_at")
        batch_op.drop_column("reason")
        batch_op.drop_column("edition")
    with op.batch_alter_table("panel", schema=None) as batch_op:
        batch_op.drop_column("opened_reason")
