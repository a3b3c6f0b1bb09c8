"""What is owed on an occasion: ledger items, limits and files that belong to a duty, not to a case.

The problem itself moves onto the ledger item, for not every item has a finding any more. Going back
removes what was done on occasions, for which the older tables have no place.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

GUARDS = ("UPDATE", "DELETE")
WORDS = {
    "source": sa.String(length=32),
    "problem": sa.String(),
    "area": sa.String(),
    "scope": sa.String(),
}
OCCASIONAL = "SELECT id FROM duty WHERE occasion <> ''"
_PROCESSES = f"SELECT id FROM process WHERE duty_id IN ({OCCASIONAL})"
ORPHANS = (  # from the leaves up
    f"DELETE FROM notice_recipient WHERE notice_id IN "
    f"(SELECT id FROM notice WHERE duty_id IN ({OCCASIONAL}))",
    f"DELETE FROM notice WHERE duty_id IN ({OCCASIONAL})",
    f"DELETE FROM document WHERE duty_id IN ({OCCASIONAL})",
    f"DELETE FROM incident WHERE process_id IN ({_PROCESSES}) "
    "OR clock_id IN (SELECT id FROM clock WHERE case_id IS NULL)",
    f"DELETE FROM task WHERE duty_id IN ({OCCASIONAL})",
    f"DELETE FROM timer WHERE process_id IN ({_PROCESSES})",
    f"DELETE FROM transfer WHERE process_id IN ({_PROCESSES})",
    f"DELETE FROM process WHERE duty_id IN ({OCCASIONAL})",
    "DELETE FROM rectification_entry WHERE item_id IN "
    "(SELECT id FROM rectification WHERE case_id IS NULL)",
    "DELETE FROM rectification WHERE case_id IS NULL",
    "DELETE FROM clock WHERE case_id IS NULL",
    "DELETE FROM duty WHERE occasion <> ''",
)


def upgrade() -> None:
    with op.batch_alter_table("duty", schema=None) as batch_op:
        batch_op.add_column(sa.Column("occasion", sa.String(), nullable=False, server_default=""))
        batch_op.drop_constraint(
            batch_op.f("uq_duty_kind_organisation_id_starts_on"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_duty_kind_organisation_id_starts_on_occasion"),
            ["kind", "organisation_id", "starts_on", "occasion"],
        )
    with op.batch_alter_table("duty", schema=None) as batch_op:
        batch_op.alter_column("occasion", server_default=None)
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("duty_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_attachment_duty_id"), ["duty_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_attachment_duty_id_duty"), "duty", ["duty_id"], ["id"]
        )
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        for name, kind in WORDS.items():
            batch_op.add_column(sa.Column(name, kind, nullable=True))
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("cell", sa.Integer(), nullable=True))
    _tell_problems()
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        for name, kind in WORDS.items():
            batch_op.alter_column(name, existing_type=kind, nullable=False)
        batch_op.alter_column("finding_id", existing_type=sa.INTEGER(), nullable=True)
    for table, unique in (("rectification", "level place"), ("clock", "rule_key subject")):
        columns = ["duty_id", *unique.split()]
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("duty_id", sa.Integer(), nullable=True))
            batch_op.alter_column("case_id", existing_type=sa.INTEGER(), nullable=True)
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_duty_id_duty"), "duty", ["duty_id"], ["id"]
            )
            batch_op.create_unique_constraint(
                batch_op.f(f"uq_{table}_{'_'.join(columns)}"), columns
            )
            batch_op.create_check_constraint(
                batch_op.f(f"ck_{table}_of_case_or_duty"),
                "(case_id IS NULL) <> (duty_id IS NULL)",
            )
    op.create_index("ix_rectification_duty_id", "rectification", ["duty_id"])


def downgrade() -> None:
    _unguard_documents()
    for statement in ORPHANS:
        op.execute(statement)
    _guard_documents()
    op.drop_index("ix_rectification_duty_id", "rectification")
    for table, unique in (("clock", "rule_key subject"), ("rectification", "level place")):
        columns = ["duty_id", *unique.split()]
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"ck_{table}_of_case_or_duty"), type_="check")
            batch_op.drop_constraint(
                batch_op.f(f"uq_{table}_{'_'.join(columns)}"), type_="unique"
            )
            batch_op.drop_constraint(batch_op.f(f"fk_{table}_duty_id_duty"), type_="foreignkey")
            batch_op.alter_column("case_id", existing_type=sa.INTEGER(), nullable=False)
            batch_op.drop_column("duty_id")
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.alter_column("finding_id", existing_type=sa.INTEGER(), nullable=False)
        for name in ("cell", "kind", *reversed(WORDS)):
            batch_op.drop_column(name)
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_attachment_duty_id_duty"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_attachment_duty_id"))
        batch_op.drop_column("duty_id")
    with op.batch_alter_table("duty", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("uq_duty_kind_organisation_id_starts_on_occasion"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_duty_kind_organisation_id_starts_on"),
            ["kind", "organisation_id", "starts_on"],
        )
        batch_op.drop_column("occasion")


def _tell_problems() -> None:
    """Every item so far has a finding; the item tells from now on what it said."""
    found = "(SELECT {} FROM finding WHERE finding.id = rectification.finding_id)"
    told = {"problem": "text"} | {name: name for name in ("area", "scope", "kind", "cell")}
    changes = ", ".join(f"{new} = {found.format(old)}" for new, old in told.items())
    op.execute(f"UPDATE rectification SET source = 'review', {changes}")


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
