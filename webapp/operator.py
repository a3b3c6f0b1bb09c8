"""How a command reaches the database: one transaction, and errors in words. Knows no command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session


@contextmanager
def transaction(settings: dict[str, Any]) -> Iterator[Session]:
    """A session that is committed at the end."""
    from webapp.db import make_engine

    engine: Engine = make_engine(settings["DATABASE_URL"])
    try:
        with database_errors(), Session(engine) as session, session.begin():
            yield session
    finally:
        engine.dispose()


@contextmanager
def database_errors() -> Iterator[None]:
    """What the database refuses, as an operator reads it."""
    try:
        yield
    except OperationalError as error:
        raise click.ClickException(f"数据库用不了：{error.orig}") from error
