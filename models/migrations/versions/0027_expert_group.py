"""Groups of experts, and what each of their experts is there for.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "expert_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("disease", sa.String(length=32), nullable=True),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("formed_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_expert_group_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["organisation.id"],
            name=op.f("fk_expert_group_contact_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_group")),
    )
    op.create_table(
        "expert_group_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("duty", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["expert_group.id"], name=op.f("fk_expert_group_member_group_id_expert_group")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_expert_group_member_user_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_group_member")),
    )
    for table, column in (
        ("expert_group", "organisation_id"),
        ("expert_group_member", "group_id"),
        ("expert_group_member", "user_id"),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_index(batch_op.f(f"ix_{table}_{column}"), [column], unique=False)


def downgrade() -> None:
    op.drop_table("expert_group_member")
    op.drop_table("expert_group")
