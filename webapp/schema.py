"""Whether the database is of this release. Knows Alembic's table and files, no table of ours."""

from functools import cache
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

import models

MIGRATIONS = Path(models.__path__[0]) / "migrations"


@cache
def newest() -> str:
    """The revision that this release's tables have: migrations are numbered, one after the other.
    Alembic says the same, after a fifth of a second of imports in every process."""
    return max(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def of(session: Session) -> str | None:
    """The revision that the database has; None before the first migration."""
    if not inspect(session.connection()).has_table("alembic_version"):
        return None
    found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def fits(session: Session) -> bool:
    """Whether this release can work on the database: neither older nor newer tables."""
    return of(session) == newest()
