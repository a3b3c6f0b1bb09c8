"""Equal rule sets are kept once; a case is found by the ends of its number and of her name.

Revision ID: 0012
Revises: 0011
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

AT_ONCE = 500
_EAST = timedelta(hours=8)  # moments are in UTC; the day of a death is the day in China
case = sa.table(
    "case",
    sa.column("id", sa.Integer),
    sa.column("number", sa.String),
    sa.column("event_at", sa.DateTime(timezone=True)),
    sa.column("rules", sa.JSON),
    sa.column("rules_digest", sa.String),
)
person = sa.table("person", sa.column("case_id", sa.Integer), sa.column("name", sa.String))
frozen = sa.table("frozen_rules", sa.column("digest", sa.String), sa.column("body", sa.JSON))
key = sa.table(
    "search_key",
    sa.column("case_id", sa.Integer),
    sa.column("kind", sa.String),
    sa.column("text", sa.String),
)


def upgrade() -> None:
    plain = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "frozen_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen_rules")),
        sa.UniqueConstraint("digest", name=op.f("uq_frozen_rules_digest")),
    )
    op.create_table(
        "search_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", plain, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_search_key_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_key")),
    )
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rules_digest", sa.String(), nullable=True))
    _freeze()
    _index()
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.alter_column("rules_digest", existing_type=sa.String(), nullable=False)
        batch_op.create_foreign_key(
            op.f("fk_case_rules_digest_frozen_rules"), "frozen_rules", ["rules_digest"], ["digest"]
        )
        batch_op.drop_column("rules")
    with op.batch_alter_table("search_key", schema=None) as batch_op:
        batch_op.create_index("ix_search_key_text", ["kind", "text", "case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_search_key_case_id"), ["case_id"], unique=False)


    _add_indexes()


NOT_ENDED = "state NOT IN ('closed', 'voided')"
PARTIAL = (
    ("ix_case_open", "case", ["id", "organisation_id", "state"], NOT_ENDED),
    ("ix_case_late_report", "case", ["id"], "late_report IS true"),
    ("ix_case_incomplete_record", "case", ["id"], "incomplete_record IS true"),
    ("ix_clock_running", "clock", ["case_id", "due_at"], "met_at IS NULL"),
    ("ix_clock_met_late", "clock", ["case_id"], "met_at > due_at"),
    ("ix_clock_waiting", "clock", ["due_at", "id", "case_id"], "met_at IS NULL"),
)


def _add_indexes() -> None:
    """What the lists of a million cases go by: a unit's cases, and the little that is open."""
    op.drop_index("ix_case_event_at", "case")
    op.create_index("ix_case_event_at", "case", ["event_at", "id"])
    op.drop_index("ix_case_unit_organisation_id", "case_unit")
    op.create_index("ix_case_unit_scope", "case_unit", ["organisation_id", "case_id", "part"])
    op.create_index("ix_person_id_no", "person", ["id_no"])
    for name, table, columns, where in PARTIAL:
        op.create_index(
            name,
            table,
            columns,
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where.replace("IS true", "IS 1")),
        )


def _remove_indexes() -> None:
    for name, table, _, _ in PARTIAL:
        op.drop_index(name, table)
    op.drop_index("ix_person_id_no", "person")
    op.drop_index("ix_case_unit_scope", "case_unit")
    op.create_index("ix_case_unit_organisation_id", "case_unit", ["organisation_id"])
    op.drop_index("ix_case_event_at", "case")
    op.create_index("ix_case_event_at", "case", ["event_at"])


def _freeze() -> None:
    """What each case has frozen, without the day, which is the case's own."""
    bind = op.get_bind()
    known: set[str] = set()
    for ids in _in_parts():
        rows = bind.execute(sa.select(case.c.id, case.c.rules).where(case.c.id.in_(ids))).all()
        for case_id, rules in rows:
            body = {name: value for name, value in rules.items() if name != "at"}
            plain = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            digest = hashlib.sha256(plain.encode()).hexdigest()
            if digest not in known:
                bind.execute(sa.insert(frozen).values(digest=digest, body=body))
                known.add(digest)
            bind.execute(sa.update(case).where(case.c.id == case_id).values(rules_digest=digest))


def _index() -> None:
    bind = op.get_bind()
    for ids in _in_parts():
        named = (
            sa.select(case.c.id, case.c.number, person.c.name)
            .join(person, person.c.case_id == case.c.id)
            .where(case.c.id.in_(ids))
        )
        rows = []
        for case_id, number, name in bind.execute(named).all():
            parts = number.split("-")
            ends = [("number", "-".join(parts[start:])) for start in range(len(parts))]
            ends += [("name", name[start:]) for start in range(len(name))]
            rows += [{"case_id": case_id, "kind": kind, "text": text} for kind, text in ends]
        if rows:
            bind.execute(sa.insert(key), rows)


def _in_parts() -> list[list[int]]:
    ids = list(op.get_bind().scalars(sa.select(case.c.id).order_by(case.c.id)))
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]


def downgrade() -> None:
    _remove_indexes()
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rules", sa.JSON(), nullable=True))
    _thaw()
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.alter_column("rules", existing_type=sa.JSON(), nullable=False)
        batch_op.drop_constraint(op.f("fk_case_rules_digest_frozen_rules"), type_="foreignkey")
        batch_op.drop_column("rules_digest")
    op.drop_table("search_key")
    op.drop_table("frozen_rules")


def _thaw() -> None:
    bind = op.get_bind()
    bodies = dict(bind.execute(sa.select(frozen.c.digest, frozen.c.body)).all())
    rows = bind.execute(sa.select(case.c.id, case.c.event_at, case.c.rules_digest)).all()
    for case_id, event_at, digest in rows:
        values = {"rules": {**bodies[digest], "at": _day(event_at)}}
        bind.execute(sa.update(case).where(case.c.id == case_id).values(**values))


def _day(at: datetime) -> str:
    there = (at.astimezone(UTC) if at.tzinfo else at) + _EAST
    return there.date().isoformat()
