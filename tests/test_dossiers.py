"""Asking for a dossier: pressed twice it is one copy; asked anew when that is ready, another. While
nothing can be printed the asking waits, pages say so, and work goes on.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Appointment, DossierRequest, DossierState, Event
from tests.cases import report, step
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from webapp import dossiers
from webapp.pdf import installed, render
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


BROKEN = {  # what stands where the program that prints should be
    "not there": None,
    "killed": "kill -9 $$",
    "hangs": "exec timeout -k 1 $WK_WALL sleep 60",
    "talks nonsense": "cat > /dev/null; echo nothing of the kind",
}


def test_while_nothing_can_be_printed_the_asking_waits_and_work_goes_on(
    client_for: Callable[[Appointment], Client],
    session: Session,
    world: World,
    database_url: str,
    app: Flask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each time the job is tried again it says once more that it could not; then it can."""
    migrate_jobs(database_url)
    by = world.by["quality_office"]
    case, browser = report(session, by, datetime.now(UTC)), client_for(by)
    asked = browser.post(f"/dossiers/of/{case.id}", data={"purpose": "audit"}).location
    assert "已排队" in browser.get(asked).text
    discussion = step(session, case, "UT_discuss").id
    number = int(asked.rsplit("/", 1)[-1])
    for name, script in BROKEN.items():
        with monkeypatch.context() as broken:
            stand_in = tmp_path / name
            if script is not None:
                stand_in.write_text(f"#!/bin/sh\n{script}\n", "ascii")
                stand_in.chmod(0o700)
            broken.setattr(render, "SANDBOX", stand_in)
            broken.setattr(render, "best_mode", lambda: "bare")
            broken.setattr(render, "WALL_SECONDS", 1)
            with app.app_context(), pytest.raises(render.RenderError):
                dossiers.render(number)
        page = browser.get(asked)
        assert page.status_code == 200, name
        assert "排版没有完成，系统会再试" in page.text, name
        assert browser.get(f"{asked}/file").status_code == 404, name
        assert browser.get(f"/tasks/{discussion}").status_code == 200, name
    with monkeypatch.context() as bare:
        bare.setattr(installed, "PROGRAM", Path("/nowhere/wkhtmltopdf"))
        assert browser.get(f"/dossiers/of/{case.id}").text.count("暂不能") == 1
    with app.app_context():
        dossiers.render(number)
    assert "已制成" in browser.get(asked).text
    assert browser.get(f"{asked}/file").data.startswith(b"%PDF")
    session.rollback()
    counted = select(Event.name, func.count()).where(Event.name.startswith("dossier."))
    assert dict(session.execute(counted.group_by(Event.name)).all()) == {
        "dossier.requested": 1, "dossier.failed": len(BROKEN), "dossier.rendered": 1,
        "dossier.downloaded": 1,
    }  # fmt: skip
