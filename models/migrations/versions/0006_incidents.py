"""What fails is tried again, then kept as an incident without a word of what it was about.

Of incidents kept as a traceback the kind of error and its place remain.

Revision ID: 0006
Revises: 0005
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FRAME = re.compile(r'^  File "[^"]*?((?:workflows|webapp|models)/[\w/]+\.py)", line (\d+)', re.M)
_ERROR = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)", re.M)


def upgrade() -> None:
    connection = op.get_bind()
    kept = connection.execute(
        sa.text(
            "SELECT incident.id, process_id, at, cause, solved_at, definition.name AS definition "
            "FROM incident JOIN process ON process.id = incident.process_id "
            "JOIN definition ON definition.id = process.definition_id"
        )
    ).all()
    op.drop_table("incident")
    _create()
    for row in kept:
        told = dict(row._mapping)
        told |= {"error": _error(cause := told.pop("cause")), "place": _place(cause)}
        told |= {"kind": "timer", "attempts": 1, "trace": "", "last_at": told["at"]}
        columns = ", ".join(told)
        values = ", ".join(f":{name}" for name in told)
        insert = f"INSERT INTO incident ({columns}) VALUES ({values})"  # noqa: S608 - our own names
        connection.execute(sa.text(insert), told)
    if kept and connection.dialect.name == "postgresql":
        highest = max(row.id for row in kept)
        op.execute(f"SELECT setval('incident_id_seq', {highest})")
    op.add_column(
        "timer", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("timer", sa.Column("error", sa.String(), nullable=True))
    op.add_column(
        "clock",
        sa.Column("reminder_failures", sa.Integer(), nullable=False, server_default="0"),
    )


def _create() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=True),
        sa.Column("clock_id", sa.Integer(), nullable=True),
        sa.Column("definition", sa.String(), nullable=True),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("job", sa.String(), nullable=True),
        sa.Column("job_key", sa.String(), nullable=True),
        sa.Column("job_args", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("trace", sa.String(), nullable=False),
        sa.Column("solved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name="fk_incident_clock_id_clock"),
        sa.ForeignKeyConstraint(
            ["process_id"], ["process.id"], name="fk_incident_process_id_process"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
    )
    op.create_index("ix_incident_process_id", "incident", ["process_id"])
    op.create_index("ix_incident_clock_id", "incident", ["clock_id"])
    op.create_index("ix_incident_open", "incident", ["solved_at", "error", "place"])


def _error(cause: str) -> str:
    frames = list(_FRAME.finditer(cause))
    kinds = _ERROR.findall(cause[frames[-1].end() :] if frames else cause)
    return kinds[0].rsplit(".", 1)[-1] if kinds else "Exception"


def _place(cause: str) -> str:
    frames = list(_FRAME.finditer(cause))
    return f"{frames[-1][1]}:{frames[-1][2]}" if frames else ""


def downgrade() -> None:
    with op.batch_alter_table("clock", schema=None) as batch_op:
        batch_op.drop_column("reminder_failures")
    with op.batch_alter_table("timer", schema=None) as batch_op:
        batch_op.drop_column("error")
        batch_op.drop_column("attempts")
    op.execute("DELETE FROM incident WHERE process_id IS NULL")
    for name in ("clock_id", "process_id", "open"):
        op.drop_index(f"ix_incident_{name}", "incident")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cause", sa.String(), nullable=False, server_default=""))
        batch_op.alter_column("process_id", existing_type=sa.Integer(), nullable=False)
    op.execute("UPDATE incident SET cause = error")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_constraint("fk_incident_clock_id_clock", type_="foreignkey")
        for name in (
            *("kind", "last_at", "attempts", "clock_id", "definition", "step", "job"),
            *("job_key", "job_args", "error", "place", "trace"),
        ):
            batch_op.drop_column(name)
        batch_op.create_index("ix_incident_process_id", ["process_id"])
