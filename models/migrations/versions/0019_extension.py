"""Ledger items: extensions, effect checks, and the rounds of an item that was opened again.

Going back removes what was done on these occasions, for which the older tables have no place.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ABOUT_ITEMS = "SELECT id FROM duty WHERE item_id IS NOT NULL"
_PROCESSES = f"SELECT id FROM process WHERE duty_id IN ({ABOUT_ITEMS})"
ORPHANS = (  # from the leaves up
    f"DELETE FROM document WHERE duty_id IN ({ABOUT_ITEMS})",
    f"DELETE FROM incident WHERE process_id IN ({_PROCESSES}) "
    f"OR clock_id IN (SELECT id FROM clock WHERE duty_id IN ({ABOUT_ITEMS}))",
    f"DELETE FROM task WHERE duty_id IN ({ABOUT_ITEMS})",
    f"DELETE FROM timer WHERE process_id IN ({_PROCESSES})",
    f"DELETE FROM transfer WHERE process_id IN ({_PROCESSES})",
    f"DELETE FROM process WHERE duty_id IN ({ABOUT_ITEMS})",
    f"DELETE FROM clock WHERE duty_id IN ({ABOUT_ITEMS})",
    f"DELETE FROM attachment WHERE duty_id IN ({ABOUT_ITEMS})",
)
GUARDS = ("UPDATE", "DELETE")


def upgrade() -> None:
    with op.batch_alter_table("duty", schema=None) as batch_op:
        batch_op.add_column(sa.Column("item_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_duty_item_id"), ["item_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_duty_item_id_rectification"), "rectification", ["item_id"], ["id"]
        )
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.add_column(sa.Column("resp_level", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("reopened", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("effect", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("effect_due_on", sa.Date(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_rectification_effect_due_on"), ["effect_due_on"], unique=False
        )
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.alter_column("reopened", server_default=None)
    _make_extension()
    _make_reopening()


def _make_extension() -> None:
    op.create_table(
        "extension",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("duty_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("before", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        *_keys("extension", ("item_id", "rectification"), ("duty_id", "duty")),
        *_keys("extension", ("asked_by_id", "user"), ("decided_by_id", "user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extension")),
        sa.UniqueConstraint("duty_id", name=op.f("uq_extension_duty_id")),
    )
    op.create_index("ix_extension_item_id", "extension", ["item_id"])


def _make_reopening() -> None:
    op.create_table(
        "reopening",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("duty_id", sa.Integer(), nullable=True),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        *_keys("reopening", ("item_id", "rectification"), ("by_id", "user"), ("case_id", "case")),
        *_keys("reopening", ("duty_id", "duty"), ("finding_id", "finding")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reopening")),
        sa.UniqueConstraint("finding_id", name=op.f("uq_reopening_finding_id")),
        sa.UniqueConstraint(
            "case_id", "level", "place", name=op.f("uq_reopening_case_id_level_place")
        ),
        sa.UniqueConstraint(
            "duty_id", "level", "place", name=op.f("uq_reopening_duty_id_level_place")
        ),
        sa.CheckConstraint(
            "(case_id IS NULL) <> (duty_id IS NULL)", name=op.f("ck_reopening_of_case_or_duty")
        ),
    )
    op.create_index("ix_reopening_item_id", "reopening", ["item_id"])


def _keys(table: str, *pairs: tuple[str, str]) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")
        )
        for column, other in pairs
    ]


def downgrade() -> None:
    op.drop_table("reopening")
    op.drop_table("extension")
    _unguard_documents()
    for statement in ORPHANS:
        op.execute(statement)
    _guard_documents()
    op.execute("DELETE FROM duty WHERE item_id IS NOT NULL")
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rectification_effect_due_on"))
        for name in ("effect_due_on", "effect", "reopened", "resp_level"):
            batch_op.drop_column(name)
    with op.batch_alter_table("duty", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_duty_item_id_rectification"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_duty_item_id"))
        batch_op.drop_column("item_id")


def _guard_documents() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in GUARDS:
            op.execute(
                f"CREATE TRIGGER document_refuses_{act.lower()} BEFORE {act} ON document "
                "BEGIN SELECT RAISE(ABORT, 'document rows are only added'); END"
            )
        return
    op.execute("ALTER TABLE document ENABLE TRIGGER document_only_added")


def _unguard_documents() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in GUARDS:
            op.execute(f"DROP TRIGGER document_refuses_{act.lower()}")
        return
    op.execute("ALTER TABLE document DISABLE TRIGGER document_only_added")
