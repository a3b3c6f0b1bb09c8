"""Rows put wrong by hand, as a torn or a doubled step would: what the audit is for."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.faults.audit import DOUBLED, HALF

Tamper = Callable[[Session, Path], object]


def _newest(table: str, condition: str) -> str:
    return f'id = (SELECT max(id) FROM "{table}" WHERE {condition})'  # noqa: S608


def _run(session: Session, statement: str) -> None:
    """The triggers that keep events and documents from being changed go first."""
    triggers = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
    for name in triggers:
        session.execute(text(f"DROP TRIGGER {name}"))
    assert session.execute(text(statement)).rowcount > 0, statement  # type: ignore[attr-defined]


def change(table: str, values: str, condition: str = "true") -> Tamper:
    """The newest such row says something else."""
    statement = f'UPDATE "{table}" SET {values} WHERE {_newest(table, condition)}'  # noqa: S608
    return lambda session, folder: _run(session, statement)


def forget(table: str, condition: str = "true") -> Tamper:
    """The newest such row was never written."""
    statement = f'DELETE FROM "{table}" WHERE {_newest(table, condition)}'  # noqa: S608
    return lambda session, folder: _run(session, statement)


def repeat(table: str, condition: str = "true", **other: str | None) -> Tamper:
    """The newest such row once more."""

    def tamper(session: Session, folder: Path) -> None:
        query = f'SELECT * FROM "{table}" WHERE {_newest(table, condition)}'  # noqa: S608
        row = dict(session.execute(text(query)).mappings().one()) | other
        del row["id"]
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
        session.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({marks})'), row)  # noqa: S608

    return tamper


def untold(name: str) -> Tamper:
    return forget("event", f"name = '{name}'")


def told_twice(name: str) -> Tamper:
    return repeat("event", f"name = '{name}'")


def remove_file(session: Session, folder: Path) -> None:
    next((folder / "files").iterdir()).unlink()


OPEN, DONE = "state = 'open'", "state = 'done'"
STATE = "state = (SELECT state FROM process WHERE id = 1)"
ASKED = "kind, case_id, appointment_id, purpose, state, percent, requested_at"

TAMPERINGS: dict[str, tuple[str, Tamper]] = {
    "a document of no step": (HALF, change("document", "task_id = NULL")),
    "a step not closed": (HALF, change("task", "state = 'open', closed_at = NULL", DONE)),
    "a step closed by hand": (HALF, change("task", "state = 'done', closed_at = opened_at", OPEN)),
    "an open step forgotten": (HALF, forget("task", OPEN)),
    "a completion without its event": (HALF, untold("task.completed")),
    "a completion told twice": (DOUBLED, told_twice("task.completed")),
    "a report without its event": (HALF, untold("case.reported")),
    "a second report": (
        DOUBLED,
        repeat("document", "form LIKE 'report.v%'", key="x", task_id=None),
    ),
    "an effect without its event": (HALF, untold("item.planned")),
    "an effect twice": (DOUBLED, told_twice("conclusion.signed")),
    "another process's state": (HALF, change("process", STATE)),
    "a process ended by hand": (HALF, change("process", "status = 'done'")),
    "a save too many": (DOUBLED, change("process", "version = version + 1")),
    "a save too few": (HALF, change("process", "version = version - 1")),
    "a timer lost": (HALF, forget("timer")),
    "a timer that did not fire": (HALF, change("timer", "due_at = '2026-11-01 00:00:00.000000'")),
    "a clock not met": (HALF, change("clock", "met_at = NULL", "met_at IS NOT NULL")),
    "a clock met without a word": (HALF, untold("clock.met")),
    "an escalation without a word": (HALF, untold("clock.escalated")),
    "an escalation told twice": (DOUBLED, told_twice("clock.escalated")),
    "a reminder not counted": (
        DOUBLED,
        change("clock", "reminders_sent = 0", "reminders_sent > 0"),
    ),
    "somebody told twice": (DOUBLED, repeat("notification", "name = 'clock.escalated'")),
    "nobody told": (
        HALF,
        lambda session, folder: _run(
            session, "DELETE FROM notification WHERE name = 'case.returned'"
        ),
    ),
    "a number left out": (HALF, change("case", "number = 'MD-990121-2026-0099'")),
    "an opinion lost": (HALF, forget("opinion")),
    "opinions opened in secret": (HALF, untold("opinions.opened")),
    "a person lost": (HALF, forget("person")),
    "a file lost": (HALF, remove_file),
    "a file of no case": (HALF, change("attachment", "case_id = NULL")),
    "a dossier that never ends": (
        HALF,
        lambda session, folder: _run(
            session,
            f"INSERT INTO dossier_request ({ASKED}) "  # noqa: S608
            "VALUES ('dossier', 1, 1, 'x', 'rendering', 10, '2026-11-22 00:00:00.000000')",
        ),
    ),
}
