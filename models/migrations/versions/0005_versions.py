"""Definitions become versions: number, origin, author, approval. Processes may change theirs.

What is there already came with the product and was approved with it.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("definition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("origin", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("status", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("author_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("comment", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("decided_by_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("decided_at", MOMENT, nullable=True))
        batch_op.add_column(sa.Column("decision", sa.String(), nullable=True))
    op.execute(
        "UPDATE definition SET origin = 'shipped', status = 'approved', comment = '', "
        "decision = '', decided_at = created_at, number = (SELECT count(*) FROM definition AS other "
        "WHERE other.name = definition.name AND other.id <= definition.id)"
    )
    with op.batch_alter_table("definition", schema=None) as batch_op:
        for name in ("origin", "status"):
            batch_op.alter_column(name, existing_type=sa.String(length=32), nullable=False)
        for name in ("comment", "decision"):
            batch_op.alter_column(name, existing_type=sa.String(), nullable=False)
        batch_op.alter_column("number", existing_type=sa.Integer(), nullable=False)
        batch_op.drop_constraint("uq_definition_name_digest", type_="unique")
        batch_op.create_unique_constraint("uq_definition_name_number", ["name", "number"])
        batch_op.create_index("ix_definition_name_digest", ["name", "digest"], unique=False)
        for column in ("author_id", "decided_by_id"):
            batch_op.create_foreign_key(f"fk_definition_{column}_user", "user", [column], ["id"])
    op.create_table(
        "transfer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("state_before", sa.LargeBinary(), nullable=False),
        sa.Column("steps_before", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("version_after", sa.Integer(), nullable=False),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.Column("undone_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name=op.f("fk_transfer_process_id_process")
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["definition.id"], name=op.f("fk_transfer_source_id_definition")
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["definition.id"], name=op.f("fk_transfer_target_id_definition")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_transfer_by_id_user")),
        sa.ForeignKeyConstraint(
            ["undone_by_id"], ["user.id"], name=op.f("fk_transfer_undone_by_id_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index(op.f("ix_transfer_process_id"), "transfer", ["process_id"], unique=False)
    op.create_table(
        "form_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("definition_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["definition_id"], ["definition.id"], name=op.f("fk_form_text_definition_id_definition")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_text")),
        sa.UniqueConstraint("name", name=op.f("uq_form_text_name")),
    )
    op.create_index(
        op.f("ix_form_text_definition_id"), "form_text", ["definition_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_form_text_definition_id"), table_name="form_text")
    op.drop_table("form_text")
    op.drop_index(op.f("ix_transfer_process_id"), table_name="transfer")
    op.drop_table("transfer")
    # The same content may have been approved twice; before, it was one row.
    op.execute(
        "UPDATE process SET definition_id = (SELECT min(same.id) FROM definition AS same "
        "JOIN definition AS mine ON mine.name = same.name AND mine.digest = same.digest "
        "WHERE mine.id = process.definition_id)"
    )
    op.execute(
        "DELETE FROM definition WHERE id NOT IN "
        "(SELECT min(id) FROM definition GROUP BY name, digest)"
    )
    with op.batch_alter_table("definition", schema=None) as batch_op:
        for column in ("author_id", "decided_by_id"):
            batch_op.drop_constraint(f"fk_definition_{column}_user", type_="foreignkey")
        batch_op.drop_index("ix_definition_name_digest")
        batch_op.drop_constraint("uq_definition_name_number", type_="unique")
        batch_op.create_unique_constraint("uq_definition_name_digest", ["name", "digest"])
        for name in (
            "decision", "decided_at", "decided_by_id", "comment", "author_id", "status", "origin",
            "number",
        ):  # fmt: skip
            batch_op.drop_column(name)
