"""Lessons and good practice: drafted from a case, published by another person, withdrawn.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_CODE = sa.String(length=32)
_KEYS = {
    "city_code": "region.code",
    "organisation_id": "organisation.id",
    "case_id": "case.id",
    "item_id": "rectification.id",
    "author_id": "user.id",
    "published_by_id": "user.id",
    "withdrawn_by_id": "user.id",
}


def upgrade() -> None:
    keys = (
        sa.ForeignKeyConstraint(
            [name], [key], name=op.f(f"fk_lesson_{name}_{key.split('.', maxsplit=1)[0]}")
        )
        for name, key in _KEYS.items()
    )
    op.create_table(
        "lesson",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", _CODE, nullable=False),
        sa.Column("state", _CODE, nullable=False),
        sa.Column("city_code", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("situation", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("advice", sa.String(), nullable=False),
        sa.Column("cells", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("problem_kind", sa.String(), nullable=True),
        sa.Column("cause_group", sa.String(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned", sa.String(), nullable=True),
        sa.Column("kept_reason", sa.String(), nullable=True),
        sa.Column("published_by_id", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", sa.String(), nullable=True),
        *keys,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
        sa.UniqueConstraint("number", name=op.f("uq_lesson_number")),
    )
    with op.batch_alter_table("lesson", schema=None) as batch_op:
        for name in ("state", "city_code", "case_id", "item_id"):
            batch_op.create_index(batch_op.f(f"ix_lesson_{name}"), [name])


def downgrade() -> None:
    op.drop_table("lesson")
