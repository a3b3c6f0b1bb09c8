"""Figures of other systems, and where they differ from what the system holds.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_CODE = sa.String(length=32)


def upgrade() -> None:
    op.create_table(
        "figure_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_figure_import_by_id_user")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_figure_import_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_import")),
    )
    with op.batch_alter_table("figure_import", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_figure_import_organisation_id"), ["organisation_id"])
    _discrepancies()


def _discrepancies() -> None:
    op.create_table(
        "discrepancy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("source", _CODE, nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("said", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agrees_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", _CODE, nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["region_code"], ["region.code"], name=op.f("fk_discrepancy_region_code_region")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_discrepancy_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["rectification.id"], name=op.f("fk_discrepancy_item_id_rectification")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy")),
    )
    with op.batch_alter_table("discrepancy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_discrepancy_region_code"), ["region_code"])
        batch_op.create_index(batch_op.f("ix_discrepancy_item_id"), ["item_id"])
        batch_op.create_index("ix_discrepancy_open", ["state", "region_code"])
    op.create_table(
        "discrepancy_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("discrepancy_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"],
            ["discrepancy.id"],
            name=op.f("fk_discrepancy_entry_discrepancy_id_discrepancy"),
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["user.id"], name=op.f("fk_discrepancy_entry_by_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy_entry")),
    )
    with op.batch_alter_table("discrepancy_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_discrepancy_entry_discrepancy_id"), ["discrepancy_id"])


def downgrade() -> None:
    op.drop_table("discrepancy_entry")
    op.drop_table("discrepancy")
    op.drop_table("figure_import")
