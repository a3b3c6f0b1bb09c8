"""Asking for a dossier: pressed twice it is one copy; asked anew when that is ready, another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Appointment, DossierRequest, DossierState, Event
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from workflows.jobs import migrate as migrate_jobs

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("database", DATABASES)
def test_pressed_twice_it_is_one_copy(
    client_for: Callable[[Appointment], Client], session: Session, world: World, database_url: str
) -> None:
    migrate_jobs(database_url)
    by = world.by["quality_office"]
    with time_machine.travel(NOW, tick=False):
        path = f"/dossiers/of/{report(session, by, NOW).id}"
        windows = [client_for(by) for _ in range(4)]
        with ThreadPoolExecutor() as pool:
            presses = pool.map(lambda window: window.post(path, data={"purpose": "audit"}), windows)
        places = {reply.location for reply in presses}
        other = windows[0].post(path, data={"purpose": "archive"}).location
        session.rollback()
        [row] = session.scalars(select(DossierRequest).where(DossierRequest.purpose == "审计"))
        assert places == {f"/dossiers/{row.id}"}
        assert other not in places
        row.state = DossierState.READY
        session.commit()
        anew = windows[0].post(path, data={"purpose": "audit"}).location
    assert anew not in {*places, other}
    session.rollback()
    asked = select(func.count()).where(Event.name == "dossier.requested")
    assert session.scalar(asked) == 3
