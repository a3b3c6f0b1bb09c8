"""Near misses: what they count by, the death that may follow, what a finding improves.

Going back removes what is known of near misses only in these places.

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("follows_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_case_follows_id_case"), "case", ["follows_id"], ["id"]
        )
        batch_op.create_unique_constraint(batch_op.f("uq_case_follows_id"), ["follows_id"])
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.add_column(sa.Column("improves", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("improved", sa.String(), nullable=True))
    op.create_table(
        "near_miss",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("criteria_set", sa.String(), nullable=False),
        sa.Column("criteria", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("first_hit_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timing", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_near_miss_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_near_miss")),
        sa.UniqueConstraint("case_id", name=op.f("uq_near_miss_case_id")),
    )
    with op.batch_alter_table("near_miss", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_near_miss_criteria_set"), ["criteria_set"])


def downgrade() -> None:
    op.drop_table("near_miss")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_column("improved")
        batch_op.drop_column("improves")
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_case_follows_id"), type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_case_follows_id_case"), type_="foreignkey")
        batch_op.drop_column("follows_id")
