"""Whether the database is of this release. Knows Alembic's table and files, no table of ours."""

from functools import cache
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

import models

MIGRATIONS = Path(models.__path__[0]) / "migrations"


@cache
def newest() -> str:
    """The revision that this release's tables have."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if head is None:
        raise LookupError("there are no migrations")
    return head


def of(session: Session) -> str | None:
    """The revision that the database has; None before the first migration."""
    if not inspect(session.connection()).has_table("alembic_version"):
        return None
    found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def fits(session: Session) -> bool:
    """Whether this release can work on the database: neither older nor newer tables."""
    return of(session) == newest()
