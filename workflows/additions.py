"""New rows by plain statements. What is new is known to whoever makes it; the unit of work would
find it out by comparing objects, and take several times as long.

`add`: rows that are only ever added and that their maker does not look at, the record of what
happened and lines to people. They wait for the end of the transaction, or for the next query before
which a session flushes, and go in one statement a table; what is rolled back was never added.
`insert`: rows that are worked with as objects from then on. Knows no table.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Insert, Table, event, inspect
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import (
    MANYTOONE,
    ORMExecuteState,
    Session,
    SessionTransaction,
    make_transient_to_detached,
)

from models import Base

_KEY = "additions"


def add(session: Session, kind: type[Base], /, **values: Any) -> None:
    """One row, with all columns that have no default; those it refers to have their ids."""
    session.info.setdefault(_KEY, {}).setdefault(kind, []).append(values)


def wait(session: Session) -> bool:
    """Whether there are rows that have not been written yet."""
    return bool(session.info.get(_KEY))


def write(session: Session) -> None:
    """Those that wait, in the order in which they came."""
    if _KEY in session.info:
        _write(session, session.connection())


def _write(session: Session, connection: Connection) -> None:
    for kind, rows in session.info.pop(_KEY).items():
        connection.execute(_inserting(kind), rows)


def insert(session: Session, *tables: Sequence[Base]) -> None:
    """Objects that are in no session yet, those of one table together, after those they refer to.

    They get ids and defaults, and are in the session as if they had been read from it.
    """
    for rows in filter(None, tables):
        kind = type(rows[0])
        values = [values_of(row) for row in rows]
        keys = session.connection().execute(_telling(kind), values).scalars()
        for row, key, given in zip(rows, keys.all(), values, strict=True):
            inspect(row).dict.update(given, id=key)
    made = [row for rows in tables for row in rows]
    for row in made:
        make_transient_to_detached(row)
    session.add_all(made)


def refer_to_new(rows: Sequence[Base]) -> bool:
    """Whether one refers to a row that has no id yet."""
    for row in rows:
        said = inspect(row).dict
        others = (said.get(name) for name, _column in _shape(type(row))[1])
        if any(other is not None and other.id is None for other in others):
            return True
    return False


def values_of(row: Base) -> dict[str, Any]:
    """What the object says of each column: itself, by a row it refers to, or by saying nothing."""
    said = inspect(row).dict
    defaults, partners = _shape(type(row))
    values = {name: said.get(name, default) for name, default in defaults.items()}
    for name, column in partners:
        if (other := said.get(name)) is not None:
            values[column] = other.id
    return values


@cache
def _shape(kind: type[Base]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Each column with what it is where nothing is said, a constant or nothing; each relation with
    the id it is kept by."""
    defaults = {
        column.key: getattr(column.default, "arg", None)
        for column in cast(Table, kind.__table__).c
        if not column.primary_key
    }
    partners = [
        (relation.key, column.name)
        for relation in inspect(kind).relationships
        if relation.direction is MANYTOONE
        for column, there in relation.local_remote_pairs or ()
        if there.name == "id"
    ]
    return defaults, partners


@cache
def _inserting(kind: type[Base]) -> Insert:
    return insert_into(cast(Table, kind.__table__))


@cache
def _telling(kind: type[Base]) -> Insert:
    return _inserting(kind).returning(kind.__table__.c.id, sort_by_parameter_order=True)


@event.listens_for(Session, "do_orm_execute")
def _before_query(state: ORMExecuteState) -> None:
    session = state.session
    if _KEY in session.info and session.autoflush and state.execution_options.get("autoflush", 1):
        write(session)


@event.listens_for(Session, "after_transaction_create")
def _before_savepoint(session: Session, transaction: SessionTransaction) -> None:
    """What came before it does not go with it."""
    if transaction.nested and transaction.parent is not None and _KEY in session.info:
        _write(session, transaction.parent.connection(None))


@event.listens_for(Session, "after_soft_rollback")
@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested or transaction.parent is None:
        session.info.pop(_KEY, None)


event.listen(Session, "before_commit", write)
