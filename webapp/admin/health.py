"""运行状况: database, workers, incidents, what is due, versions, what PDF lacks.

An incident shows where it happened and the kind of error, never its message: that may quote a case.
"""

import platform
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from flask import current_app, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select, text

from models import Clock, Event, Process, ProcessState, Timer, WorkerBeat
from webapp import db, pdf
from webapp.access import current
from webapp.admin.blueprint import SYSTEM, bp, only
from workflows import jobs
from workflows.actions import incidents
from workflows.events import EventName

DEAD_AFTER = timedelta(seconds=30)
RECENT = timedelta(days=7)
MOST = 100
PARTS = (
    ("Flask", "flask"),
    ("SQLAlchemy", "sqlalchemy"),
    ("SpiffWorkflow", "spiffworkflow"),
    ("DBOS", "dbos"),
    ("pdfkit", "pdfkit"),
    ("pikepdf", "pikepdf"),
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """What the worker should have done by now, and what comes next."""

    what: str
    due: int
    waiting: int
    next_at: datetime | None

    def is_late(self, now: datetime) -> bool:
        """Whether something has been due for longer than a working worker would take."""
        return self.next_at is not None and self.next_at < now - timedelta(minutes=1)


@bp.get("/health")
@only(SYSTEM)
def health() -> ResponseReturnValue:
    now = current.now
    beats = db.session.scalars(select(WorkerBeat).order_by(WorkerBeat.at.desc())).all()
    return render_template(
        "admin/health.html",
        database=_database(),
        workers=[(beat, now - beat.at <= DEAD_AFTER) for beat in beats],
        incidents=db.session.scalars(incidents.open_ones().limit(MOST)).all(),
        due=[_timers(now), _reminders(now)],
        jobs=jobs.waiting(db.session),
        failed=_failed_jobs(now),
        versions=_versions(),
        pdf_missing=pdf.missing(),
        pdf_weakened=pdf.weakened(),
    )


def _database() -> dict[str, str]:
    connection = db.session.connection()
    dialect = connection.dialect
    number = ".".join(str(part) for part in dialect.server_version_info or ())
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[dialect.name]
    if dialect.name == "sqlite":
        size = connection.scalar(
            text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        )
    else:
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    return {
        "类型": f"{name} {number}",
        "数据量": f"{(size or 0) / 1024**2:.1f} MB",
        "结构版本": MigrationContext.configure(connection).get_current_revision() or "未建立",
    }


def _timers(now: datetime) -> Overdue:
    running = Process.status == ProcessState.RUNNING
    query = select(func.count(Timer.id), func.min(Timer.due_at)).join(Timer.process).where(running)
    waiting, next_at = db.session.execute(query).one()
    due, _ = db.session.execute(query.where(Timer.due_at <= now)).one()
    return Overdue("流程定时", due, waiting, next_at)


def _reminders(now: datetime) -> Overdue:
    query = select(func.count(Clock.id), func.min(Clock.next_reminder_at)).where(
        Clock.next_reminder_at.is_not(None), Clock.met_at.is_(None)
    )
    waiting, next_at = db.session.execute(query).one()
    due, _ = db.session.execute(query.where(Clock.next_reminder_at <= now)).one()
    return Overdue("时限提醒", due, waiting, next_at)


def _failed_jobs(now: datetime) -> list[Event]:
    query = select(Event).where(Event.name == EventName.JOB_FAILED, Event.at >= now - RECENT)
    return list(db.session.scalars(query.order_by(Event.id.desc()).limit(20)))


def _versions() -> dict[str, str]:
    found = {"一例": _own_version(), "Python": platform.python_version()}
    return found | {name: _version(package) for name, package in PARTS}


def _own_version() -> str:
    """Of the installed package, or of the checkout that is run in place."""
    try:
        return version("yili")
    except PackageNotFoundError:
        project = Path(current_app.root_path).parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "未安装"
