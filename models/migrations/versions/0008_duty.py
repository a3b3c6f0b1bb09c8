"""Periodic duties: a process, its steps, its documents and a notice may belong to one.

Going back removes what was done for duties, for which the older tables have no place.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SHARED = ("process", "task", "document", "notice")
ORPHANS = (  # of the duties, from the leaves up
    "DELETE FROM notice_recipient WHERE notice_id IN (SELECT id FROM notice WHERE case_id IS NULL)",
    "DELETE FROM notice WHERE case_id IS NULL",
    "DELETE FROM document WHERE case_id IS NULL",
    "DELETE FROM task WHERE case_id IS NULL",
    "DELETE FROM timer WHERE process_id IN (SELECT id FROM process WHERE case_id IS NULL)",
    "DELETE FROM transfer WHERE process_id IN (SELECT id FROM process WHERE case_id IS NULL)",
    "DELETE FROM incident WHERE process_id IN (SELECT id FROM process WHERE case_id IS NULL)",
    "DELETE FROM process WHERE case_id IS NULL",
)


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("receiver_id", sa.Integer(), nullable=True),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_duty_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["organisation.id"], name=op.f("fk_duty_receiver_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["region_code"], ["region.code"], name=op.f("fk_duty_region_code_region")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty")),
        sa.UniqueConstraint(
            "kind",
            "organisation_id",
            "starts_on",
            name=op.f("uq_duty_kind_organisation_id_starts_on"),
        ),
    )
    with op.batch_alter_table("duty", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_receiver_id"), ["receiver_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_duty_region_code"), ["region_code"], unique=False)
    for table in SHARED:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("duty_id", sa.Integer(), nullable=True))
            batch_op.alter_column("case_id", existing_type=sa.INTEGER(), nullable=True)
            batch_op.create_index(batch_op.f(f"ix_{table}_duty_id"), ["duty_id"], unique=False)
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_duty_id_duty"), "duty", ["duty_id"], ["id"]
            )
            batch_op.create_check_constraint(
                batch_op.f(f"ck_{table}_of_case_or_duty"),
                "(case_id IS NULL) <> (duty_id IS NULL)",
            )
    _guard_documents()


def downgrade() -> None:
    _unguard_documents()
    for statement in ORPHANS:
        op.execute(statement)
    for table in reversed(SHARED):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"ck_{table}_of_case_or_duty"), type_="check")
            batch_op.drop_constraint(batch_op.f(f"fk_{table}_duty_id_duty"), type_="foreignkey")
            batch_op.drop_index(batch_op.f(f"ix_{table}_duty_id"))
            batch_op.alter_column("case_id", existing_type=sa.INTEGER(), nullable=False)
            batch_op.drop_column("duty_id")
    _guard_documents()
    with op.batch_alter_table("duty", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_region_code"))
        batch_op.drop_index(batch_op.f("ix_duty_receiver_id"))
    op.drop_table("duty")


def _guard_documents() -> None:
    """SQLite changes a table by making a new one, and the triggers of 0002 went with the old."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER IF NOT EXISTS document_refuses_{act.lower()} "
                f"BEFORE {act} ON document "
                "BEGIN SELECT RAISE(ABORT, 'document rows are only added'); END"
            )
        return
    op.execute("ALTER TABLE document ENABLE TRIGGER document_only_added")


def _unguard_documents() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("update", "delete"):
            op.execute(f"DROP TRIGGER document_refuses_{act}")
        return
    op.execute("ALTER TABLE document DISABLE TRIGGER document_only_added")
