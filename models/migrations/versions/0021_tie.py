"""Equal votes, decided by the chair with a reason.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tie_break",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("panel_id", sa.Integer(), nullable=False),
        sa.Column("chair_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["panel_id"], ["panel.id"], name=op.f("fk_tie_break_panel_id_panel")
        ),
        sa.ForeignKeyConstraint(["chair_id"], ["user.id"], name=op.f("fk_tie_break_chair_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tie_break")),
    )
    with op.batch_alter_table("tie_break", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tie_break_panel_id"), ["panel_id"], unique=False)


def downgrade() -> None:
    op.drop_table("tie_break")
