"""重点联系单位: who is kept under particular watch, and what is done about it.

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_CODE = sa.String(length=32)
_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "key_contact",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("commission_id", "organisation_id")),
        sa.Column("object", _CODE, nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("motion_id", sa.Integer(), nullable=True),
        sa.Column("listed_at", _AT, nullable=False),
        sa.Column("listed_by_id", sa.Integer(), nullable=False),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        *_keys(
            "key_contact",
            ("commission_id", "organisation.id"),
            ("organisation_id", "organisation.id"),
            ("region_code", "region.code"),
            ("motion_id", "motion.id"),
            ("listed_by_id", "user.id"),
            ("ended_by_id", "user.id"),
        ),
    )
    op.create_index("ix_key_contact_listed", "key_contact", ["commission_id", "organisation_id"])
    op.create_index(op.f("ix_key_contact_organisation_id"), "key_contact", ["organisation_id"])
    op.create_table(
        "key_action",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("kind", _CODE, nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("responsible", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("added_at", _AT, nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("done_at", _AT, nullable=True),
        sa.Column("done_by_id", sa.Integer(), nullable=True),
        *_keys(
            "key_action",
            ("contact_id", "key_contact.id"),
            ("added_by_id", "user.id"),
            ("done_by_id", "user.id"),
        ),
    )
    op.create_index(op.f("ix_key_action_contact_id"), "key_action", ["contact_id"])


def _keys(table: str, *foreign: tuple[str, str]) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint(
                [column], [target], name=op.f(f"fk_{table}_{column}_{target.split('.')[0]}")
            )
            for column, target in foreign
        ),
    ]


def downgrade() -> None:
    op.drop_table("key_action")
    op.drop_table("key_contact")
