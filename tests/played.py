"""The demonstration's eight cases in a database, and looking at them in its people's browsers.

Played once a session at a fixed moment; each test gets a copy. `Cast` finds people and cases.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile, copytree

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import Appointment, Attachment, Case, Organisation, Person
from tests.once import once
from tests.pages import Client
from webapp.db import make_engine
from workflows.actions import attachments
from workflows.demo import FILES, TITLES, cases
from workflows.demo.people import UNITS, seat_of
from workflows.demo.play import BL, QH, Play
from workflows.demo.stage import Stage, Upload

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)  # 13:00 of a Sunday in China
# The women of the demonstration, by where their cases stand
CLOSED, RECTIFYING, IN_REVIEW, RETURNED = "麦青青", "柳依依", "禾小满", "苇青"
TO_VERIFY, LATE, FRESH, VOIDED = "谷雨晴", "白小荷", "林夏", "鹭鸣"


@dataclass
class Cast:
    """People by username and cases by the woman's name, in the test's own session."""

    session: Session
    folder: Path

    def seat(self, username: str) -> Appointment:
        return seat_of(self.session, username)

    def case(self, name: str) -> Case:
        query = select(Case).join(Person, Person.case_id == Case.id).where(Person.name == name)
        return self.session.scalars(query).one()

    def stage(self, name: str) -> Stage:
        """To play one of the cases on. Commit afterwards."""
        units = _units(self.session)
        stage = Stage(self.session, units, _upload(self.session, self.folder))
        stage.case = self.case(name)
        return stage

    def play(self, name: str) -> Play:
        case = self.case(name)
        county = QH if case.county_code == QH.region else BL
        return Play(self.stage(name), county, case.event_at, name, "902")


def _units(session: Session) -> dict[str, Organisation]:
    by_name = {unit.name: unit for unit in session.scalars(select(Organisation))}
    return {unit.key: by_name[unit.name] for unit in UNITS}


def _upload(session: Session, folder: Path) -> Upload:
    def upload(by: Appointment, name: str, at: datetime) -> Attachment:
        with (FILES / name).open("rb") as stream:
            return attachments.store(
                session, folder, stream, TITLES[name], most_bytes=1 << 20, by=by, now=at
            )

    return upload


@pytest.fixture(scope="session")
def played_sqlite(settled_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eight cases as they stand at NOW; files beside the database."""

    def build(folder: Path) -> None:
        copyfile(settled_sqlite, folder / "yili.db")
        engine = make_engine(f"sqlite:///{folder / 'yili.db'}")
        with Session(engine) as session:
            units, upload = _units(session), _upload(session, folder / "files")
            for play in cases.EIGHT:
                play(Stage(session, units, upload), NOW)
            Stage(session, units, upload).let_pass(NOW)
            session.commit()
        engine.dispose()

    return once(tmp_path_factory, "played", build)


@pytest.fixture
def played_url(played_sqlite: Path, tmp_path: Path) -> str:
    """A copy of the played database, for a module's `database_url`."""
    copyfile(played_sqlite / "yili.db", tmp_path / "yili.db")
    copytree(played_sqlite / "files", tmp_path / "files", dirs_exist_ok=True)
    return f"sqlite:///{tmp_path / 'yili.db'}"


@pytest.fixture
def cast(session: Session, tmp_path: Path) -> Iterator[Cast]:
    """The people and cases of the test's database, at the moment they were played."""
    with time_machine.travel(NOW, tick=False):
        yield Cast(session, tmp_path / "files")


Browse = Callable[[str], Client]
TABS = ("", "/diagrams", "/documents", "/files", "/people", "/reviews", "/items")
KINDS = ("?kind=reminders", "?kind=traces")
OFFICE, HEAD, MCH, COMMISSION, SECRETARY = "zhougy", "helx", "shenqm", "fangcf", "wugs"
CHAIR, FILED, UNFILED, AUDITOR = "chenyf", "fengjc", "lixh", "jiasj"


@pytest.fixture
def browse(cast: Cast, client_for: Callable[[Appointment], Client]) -> Browse:
    """The browser of somebody of the demonstration."""
    return lambda username: client_for(cast.seat(username))


def quick(client: Client, address: str) -> TestResponse:
    """The answer, not judged as a page: where there are hundreds of them."""
    client._let_go()
    return FlaskClient.open(client, address)


def pages_of(client: Client, case: Case, judged: bool = False) -> Iterator[tuple[str, str]]:
    """Address and text of everything a person gets to see of a case, sheets and data included."""
    base = f"/cases/{case.id}"
    addresses = [base + rest for rest in (*TABS, *KINDS)]
    seen = set()
    while addresses:
        address = addresses.pop(0)
        if address in seen:
            continue
        seen.add(address)
        reply = client.get(address) if judged else quick(client, address)
        assert reply.status_code == 200, address
        yield address, reply.text
        found = re.findall(
            rf'(?:href|data-source)="({base}/(?:documents|diagrams)/[^"]+)"', reply.text
        )
        addresses += found


def everything(client: Client, case: Case) -> str:
    return "\n".join(text for _, text in pages_of(client, case))
