"""Proposed measures (提醒、督导、约谈、通报): from which facts, by which rule, who decided what.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

POINTS_TO = {
    "commission_id": "organisation.id",
    "organisation_id": "organisation.id",
    "region_code": "region.code",
    "person_id": "user.id",
    "case_id": "case.id",
    "item_id": "rectification.id",
    "late_duty_id": "duty.id",
    "proposed_by_id": "user.id",
    "decided_by_id": "user.id",
    "into_id": "motion.id",
    "duty_id": "duty.id",
    "lead_id": "user.id",
    "filed_with_id": "organisation.id",
}
NEEDED = ("commission_id", "organisation_id", "region_code")
INDEXED = ("case_id", "commission_id", "filed_with_id", "into_id", "item_id", "organisation_id")
ONCE = ("duty_id", "key", "number")


def upgrade() -> None:
    op.create_table(
        "motion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("fact", sa.String(), nullable=True),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("measure", sa.String(length=32), nullable=False),
        sa.Column("object", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        *(_reference(name) for name in POINTS_TO),
        *(
            sa.ForeignKeyConstraint(
                [name], [there], name=op.f(f"fk_motion_{name}_{there.partition('.')[0]}")
            )
            for name, there in POINTS_TO.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_motion")),
        *(sa.UniqueConstraint(name, name=op.f(f"uq_motion_{name}")) for name in ONCE),
    )
    for name in INDEXED:
        op.create_index(op.f(f"ix_motion_{name}"), "motion", [name], unique=False)


def _reference(name: str) -> "sa.Column[str] | sa.Column[int]":
    if name == "region_code":
        return sa.Column(name, sa.String(), nullable=False)
    return sa.Column(name, sa.Integer(), nullable=name not in NEEDED)


def downgrade() -> None:
    op.drop_table("motion")
