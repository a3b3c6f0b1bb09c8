"""The register of women at risk: records, assessments that are only added, reports, cases.

Going back removes them, for which there is no older place.

Revision ID: 0038
Revises: 0037
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ONLY_ADDED = ("risk_assessment", "risk_factor")
MOMENT = sa.DateTime(timezone=True)


def _key(table: str, column: str, other: str, to: str = "id") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.{to}"], name=name)


def _must(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _part(index: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(index, table, columns, postgresql_where=condition, sqlite_where=condition)


def upgrade() -> None:
    code, whole, words = sa.String(length=32), sa.Integer(), sa.String()
    op.create_table(
        "risk_record",
        _must("id", whole),
        _must("number", words),
        _must("name", words),
        _must("id_no", words),
        _must("phone", words),
        _must("county_code", words),
        _must("organisation_id", whole),
        _must("doctor", words),
        _may("lmp", sa.Date()),
        _may("edd", sa.Date()),
        _may("gravida", whole),
        _may("para", whole),
        _must("registered_at", MOMENT),
        _must("registered_on", sa.Date()),
        _must("registered_by_id", whole),
        _must("colour", code),
        _must("purple", sa.Boolean()),
        _must("star", sa.Boolean()),
        _must("rose", sa.Boolean()),
        _must("assessed_at", MOMENT),
        _may("next_on", sa.Date()),
        _may("alerted_on", sa.Date()),
        _may("closed_at", MOMENT),
        _may("closed_on", sa.Date()),
        _may("closed_by_id", whole),
        _may("outcome", code),
        _may("delivered_on", sa.Date()),
        _may("closing_note", words),
        _key("risk_record", "county_code", "region", "code"),
        _key("risk_record", "organisation_id", "organisation"),
        _key("risk_record", "registered_by_id", "appointment"),
        _key("risk_record", "closed_by_id", "appointment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_record")),
        sa.UniqueConstraint("number", name=op.f("uq_risk_record_number")),
    )
    op.create_index(op.f("ix_risk_record_name"), "risk_record", ["name"])
    registered = op.f("ix_risk_record_registered_on")
    op.create_index(registered, "risk_record", ["registered_on"])
    op.create_index(op.f("ix_risk_record_id_no"), "risk_record", ["id_no"])
    op.create_index("ix_risk_record_county", "risk_record", ["county_code", "id"])
    op.create_index("ix_risk_record_unit", "risk_record", ["organisation_id", "id"])
    _part("ix_risk_record_next", "risk_record", ["next_on", "id"], "closed_at IS NULL")
    op.create_table(
        "risk_assessment",
        _must("id", whole),
        _must("record_id", whole),
        _must("at", MOMENT),
        _must("day", sa.Date()),
        _must("occasion", code),
        _must("organisation_id", whole),
        _may("place", words),
        _must("assessed_by", words),
        _must("colour", code),
        _must("purple", sa.Boolean()),
        _must("star", sa.Boolean()),
        _must("rose", sa.Boolean()),
        _may("advice", words),
        _may("next_on", sa.Date()),
        _may("referred_to_id", whole),
        _must("entered_at", MOMENT),
        _must("entered_by_id", whole),
        _key("risk_assessment", "record_id", "risk_record"),
        _key("risk_assessment", "organisation_id", "organisation"),
        _key("risk_assessment", "referred_to_id", "organisation"),
        _key("risk_assessment", "entered_by_id", "appointment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_assessment")),
    )
    op.create_index("ix_risk_assessment_record", "risk_assessment", ["record_id", "id"])
    op.create_index("ix_risk_assessment_day", "risk_assessment", ["day"])
    referred = op.f("ix_risk_assessment_referred_to_id")
    op.create_index(referred, "risk_assessment", ["referred_to_id"])
    op.create_table(
        "risk_factor",
        _must("id", whole),
        _must("assessment_id", whole),
        _must("group", code),
        _must("colour", code),
        _must("text", words),
        _key("risk_factor", "assessment_id", "risk_assessment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_factor")),
    )
    op.create_index(op.f("ix_risk_factor_assessment_id"), "risk_factor", ["assessment_id"])
    op.create_table(
        "risk_report",
        _must("id", whole),
        _must("record_id", whole),
        _must("assessment_id", whole),
        _may("due_at", MOMENT),
        _may("reported_at", MOMENT),
        _may("reported_by_id", whole),
        _may("received_at", MOMENT),
        _may("received_by_id", whole),
        _may("alerted_at", MOMENT),
        _key("risk_report", "record_id", "risk_record"),
        _key("risk_report", "assessment_id", "risk_assessment"),
        _key("risk_report", "reported_by_id", "appointment"),
        _key("risk_report", "received_by_id", "appointment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_report")),
        sa.UniqueConstraint("assessment_id", name=op.f("uq_risk_report_assessment_id")),
    )
    op.create_index(op.f("ix_risk_report_record_id"), "risk_report", ["record_id"])
    _part("ix_risk_report_due", "risk_report", ["due_at", "id"], "reported_at IS NULL")
    op.create_table(
        "risk_case",
        _must("id", whole),
        _must("record_id", whole),
        _must("case_id", whole),
        _must("linked_at", MOMENT),
        _must("linked_by_id", whole),
        _key("risk_case", "record_id", "risk_record"),
        _key("risk_case", "case_id", "case"),
        _key("risk_case", "linked_by_id", "appointment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_case")),
        sa.UniqueConstraint("record_id", "case_id", name=op.f("uq_risk_case_record_id_case_id")),
    )
    op.create_index(op.f("ix_risk_case_case_id"), "risk_case", ["case_id"])
    for table in ONLY_ADDED:
        _refuse_changes(table)


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} rows are only added'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for table in ("risk_case", "risk_report", "risk_factor", "risk_assessment", "risk_record"):
        op.drop_table(table)
