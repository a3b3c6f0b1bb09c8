"""What reviewers get instead of a file.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blind_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attachment_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("looked_for", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("masked", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("unread", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("withheld", sa.String(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_blind_copy_attachment_id_attachment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_copy")),
        sa.UniqueConstraint("attachment_id", name=op.f("uq_blind_copy_attachment_id")),
        sa.UniqueConstraint("token", name=op.f("uq_blind_copy_token")),
    )


def downgrade() -> None:
    op.drop_table("blind_copy")
