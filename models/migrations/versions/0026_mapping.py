"""How a province's report card takes the conclusion in between, and by what each was signed.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("province_code", sa.String(), nullable=False),
        sa.Column("conditional", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("clause", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["province_code"], ["region.code"], name=op.f("fk_mapping_province_code_region")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"], ["appointment.id"], name=op.f("fk_mapping_confirmed_by_id_appointment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping")),
    )
    with op.batch_alter_table("mapping", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_mapping_province_code"), ["province_code"], unique=False
        )
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mapping_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_conclusion_mapping_id_mapping"), "mapping", ["mapping_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_conclusion_mapping_id_mapping"), type_="foreignkey"
        )
        batch_op.drop_column("mapping_id")
    op.drop_table("mapping")
