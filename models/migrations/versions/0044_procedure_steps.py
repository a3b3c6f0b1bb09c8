"""Steps that a county adds to the review of near misses: the secretary looks through the material
first, an expert from elsewhere sits on the panel.

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

STEPS = ("prereview", "outside")


def upgrade() -> None:
    for name in STEPS:
        op.add_column(
            "review_procedure",
            sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False),
        )


def downgrade() -> None:
    with op.batch_alter_table("review_procedure", schema=None) as batch_op:
        for name in STEPS:
            batch_op.drop_column(name)
