"""PostgreSQL's cursor, which describes the columns of an answer only to whoever reads about them.

SQLAlchemy takes the description after every statement and reads it the first time it meets the
statement; to make it takes about as long as to fetch a row. Imported where that database is used.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from psycopg import Cursor

if TYPE_CHECKING:
    from psycopg import Column


class ReadLater(Sequence["Column"]):
    """The columns of what a cursor has now."""

    def __init__(self, cursor: "Brief") -> None:
        self._cursor = cursor

    def __getitem__(self, place: Any) -> Any:
        return self._cursor.columns[place]

    def __len__(self) -> int:
        return len(self._cursor.columns)


class Brief(Cursor[Any]):
    """The driver's cursor but for that."""

    @property
    def columns(self) -> "list[Column]":
        return super().description or []

    @property
    def description(self) -> Any:
        """None after a statement that answers with no rows."""
        answer = self.pgresult
        return ReadLater(self) if answer is not None and answer.nfields else None
