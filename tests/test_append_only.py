"""Events and documents can be added and nothing else, whoever holds the connection."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError

from models import Event
from tests.conftest import DATABASES

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("database", DATABASES, indirect=False)
@pytest.mark.parametrize(
    "change",
    [update(Event).values(name="case.forgotten"), delete(Event)],
    ids=["change", "remove"],
)
def test_an_event_stays_as_it_was(engine, change):
    with engine.begin() as connection:
        row = {"at": NOW, "name": "case.read", "data": {}}
        connection.execute(Event.__table__.insert().values(**row))
    with pytest.raises(DatabaseError), engine.begin() as connection:
        connection.execute(change)
    with engine.begin() as connection:
        kept = select(func.count()).where(Event.name == "case.read")
        assert connection.scalar(kept) == 1
