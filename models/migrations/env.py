"""Alembic's entry point: which database, and what is compared with the models.

The address comes from the caller (`config.attributes["url"]`) or else from DATABASE_URL. Knows the
models and nothing of the application.
"""

import os
from sqlite3 import Connection as SqliteConnection
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.pool import ConnectionPoolEntry

from models import Base
from models.base import UtcDateTime

# The job engine keeps its tables in our SQLite file (on PostgreSQL: in a schema of its own, which
# is never looked at). tests/test_migrations.py keeps this list equal to what the engine makes.
TABLES_OF_THE_JOB_ENGINE = frozenset(
    {
        "application_versions",
        "dbos_migrations",
        "notifications",
        "operation_outputs",
        "queues",
        "streams",
        "workflow_events",
        "workflow_events_history",
        "workflow_input",
        "workflow_output",
        "workflow_schedules",
        "workflow_status",
    }
)
LOCK = 0x59494C49  # of our migrations, among the advisory locks of the database


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Whether a thing found in the database is compared with the models."""
    return kind != "table" or name not in TABLES_OF_THE_JOB_ENGINE


def render(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Write plain column types: a migration must not change when a Python class does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"
    if kind == "type" and isinstance(item, sa.JSON):
        return "sa.JSON()"
    return False


def _manual(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # or the driver would commit before each CREATE TABLE


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def make_engine(url: str) -> sa.Engine:
    """Everything in one transaction, on SQLite too; and there without enforced foreign keys.

    SQLite changes a table by making a new one and dropping the old, which enforced keys forbid;
    `run` looks at the keys afterwards.
    """
    patience = {"timeout": 60} if sa.make_url(url).get_backend_name() == "sqlite" else {}
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=patience)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _manual)
        sa.event.listen(engine, "begin", _begin)
    return engine


def run(connection: sa.Connection) -> None:
    """Run what was asked for. RuntimeError when a row would point nowhere."""
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:  # one machine after the other; SQLite has but one writer
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        render_as_batch=sqlite,
        render_item=render,
        include_name=is_ours,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    if sqlite and (dangling := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
        raise RuntimeError(f"rows point to rows that do not exist: {dangling[:5]}")


url = context.config.attributes.get("url") or os.environ["DATABASE_URL"]
with make_engine(url).begin() as connection:
    run(connection)
