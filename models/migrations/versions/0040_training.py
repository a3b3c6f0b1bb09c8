"""Trainings with material and who signed in; a county's own review procedure.

Going back removes them, for which there is no older place; files of trainings stay as uploads.

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def upgrade() -> None:
    op.create_table(
        "training_presence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("training_id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("useful", sa.Integer(), nullable=True),
        sa.Column("clear", sa.Integer(), nullable=True),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("rated_at", MOMENT, nullable=True),
        _key("training_presence", "training_id", "training"),
        _key("training_presence", "organisation_id", "organisation"),
        _key("training_presence", "user_id", "user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_presence")),
        sa.UniqueConstraint(
            "training_id", "user_id", name=op.f("uq_training_presence_training_id_user_id")
        ),
    )
    op.create_table(
        "review_procedure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("limits", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=True),
        sa.Column("odd", sa.Boolean(), nullable=False),
        sa.Column("drafted_at", MOMENT, nullable=False),
        sa.Column("drafted_by_id", sa.Integer(), nullable=False),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.Column("approved_by_id", sa.Integer(), nullable=True),
        sa.Column("refused_at", MOMENT, nullable=True),
        sa.Column("refused_reason", sa.String(), nullable=True),
        _key("review_procedure", "organisation_id", "organisation"),
        _key("review_procedure", "drafted_by_id", "appointment"),
        _key("review_procedure", "approved_by_id", "appointment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_procedure")),
        sa.UniqueConstraint(
            "organisation_id",
            "version",
            name=op.f("uq_review_procedure_organisation_id_version"),
        ),
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("training_id", sa.Integer(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_attachment_training_id"), ["training_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_attachment_training_id_training"), "training", ["training_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_attachment_training_id_training"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_attachment_training_id"))
        batch_op.drop_column("training_id")
    op.drop_table("review_procedure")
    op.drop_table("training_presence")
