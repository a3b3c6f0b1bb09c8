"""Drives whole cases over HTTP, as the people of the demonstration would in their browsers.

A walk is a table of moves: when, who, which step, what is answered, and what must be open then and
for whom. Every move is made from the page itself: the inbox must link to the step, its form is
read, what it holds is changed to what the person says and posted in the web's encoding, files are
uploaded first, signatures are the password. Between moves the real worker's sweeps fire what is
due, each at its own moment.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from threading import Event as Signal
from typing import Any

import pytest
import time_machine
from flask import Flask
from lxml import html as lxml_html
from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from models import (
    Appointment,
    Attachment,
    Case,
    CaseKind,
    Clock,
    Document,
    Organisation,
    Panel,
    Role,
    Task,
    TaskState,
    Timer,
)
from tests.once import migrated_postgres, migrated_sqlite, once
from tests.pages import Client
from tests.people import CHEAP_HASH
from tests.typed import typed
from webapp import worker
from webapp.db import make_engine
from workflows import demo, icd10, kinds, parts
from workflows.actions.attachments import store
from workflows.demo.answers import NAME
from workflows.demo.people import PEOPLE, UNITS, seat_of
from workflows.demo.play import QH, Play
from workflows.demo.stage import Stage
from workflows.forms import load
from workflows.forms.moment import SHANGHAI
from workflows.forms.spec import Answers, Form, Kind
from workflows.meetings import is_on
from workflows.permissions import inbox, may_complete

DEATH = datetime(2026, 11, 20, 19, 40, tzinfo=UTC)  # 03:40 of the 21st in China
SECOND = timedelta(seconds=1)
Pairs = list[tuple[str, str]]


# The place: a migrated database with the demonstration's people and the whole ICD-10.


def _settle(url: str, folder: Path) -> None:
    engine = make_engine(url)
    try:
        with Session(engine) as session:
            icd10.load(session)
            demo.settle(session, password_hash=CHEAP_HASH, folder=folder, now=DEATH)
            session.commit()
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def settled_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database to copy, with people in it and no case."""

    def build(folder: Path) -> None:
        copyfile(migrated_sqlite(tmp_path_factory), folder / "yili.db")
        _settle(f"sqlite:///{folder / 'yili.db'}", folder)

    return once(tmp_path_factory, "settled", build) / "yili.db"


@pytest.fixture(scope="session")
def settled_postgres(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of such a database on the throw-away server."""
    name = "template_settled"
    url = postgres.create_database(name, migrated_postgres(postgres))
    _settle(url, tmp_path_factory.mktemp("settled"))
    return name


def stage_on(session: Session, folder: Path) -> Stage:
    """A stage for the demonstration's people of this database; uploads go to `folder`."""

    def upload(by: Appointment, name: str, at: datetime) -> Attachment:
        stream = io.BytesIO((demo.FILES / name).read_bytes())
        return store(session, folder, stream, name, most_bytes=1 << 20, by=by, now=at)

    by_name = {unit.name: unit for unit in session.scalars(select(Organisation))}
    return Stage(session, {unit.key: by_name[unit.name] for unit in UNITS}, upload)


def sweep(app: Flask) -> None:
    """What the worker does in a second."""
    engine: Engine = app.extensions["engine"]
    sweeper = worker.Sweeper(engine, worker.SWEEPS)
    for each in worker.SWEEPS:
        sweeper.pass_over(each, Signal())


# A page's form.


@dataclass
class Page:
    """The form that a page holds: what a browser would send, and what it could send."""

    sent: Pairs
    offered: dict[str, set[str] | None]  # name → the values on offer, None for free text
    ticks: dict[str, str]  # a box alone of its name → the value it sends when ticked
    files: set[str]  # names that uploaded files are listed under

    @classmethod
    def of(cls, text: str, of: str = "key") -> "Page":
        """The page's own form: the one with an idempotency key, or a control of another name."""
        root = lxml_html.document_fromstring(text)
        [form] = root.xpath(f"//form[.//input[@name='{of}']]")
        page = cls([], {}, {}, {box.get("data-name") for box in form.xpath(".//*[@data-files]")})
        for control in form.xpath(".//input | .//select | .//textarea"):
            if control.get("name") and control.get("type") != "file":
                page._take(control, in_pattern=bool(control.xpath("ancestor::template")))
        return page

    def _take(self, control: Any, in_pattern: bool) -> None:
        name, kind = control.get("name"), control.get("type", "")
        values = _values_on_offer(control)
        known = self.offered.get(name)
        both = values is not None and known is not None
        self.offered[name] = known | values if both else values  # type: ignore[operator]
        if kind == "checkbox":
            self.ticks[name] = control.get("value", "on")
        if in_pattern or control.get("disabled") is not None:
            return
        if kind in ("radio", "checkbox") and control.get("checked") is None:
            return
        self.sent.append((name, _current_value(control)))

    def filled(self, form: Form, answers: Mapping[str, Any]) -> MultiDict[str, str]:
        """What the page sends once the answers have been typed into it."""
        fixed = {question.name for question in form.fields() if question.readonly}
        said = {name: value for name, value in answers.items() if name not in fixed}
        pairs = [pair for pair in self.sent if pair[0].split(".", 1)[0] not in said]
        return MultiDict(pairs + [self._offering(*pair) for pair in typed(form, said)])

    def _offering(self, name: str, value: str) -> tuple[str, str]:
        """The pair as this page would send it. AssertionError if it could not."""
        pattern = re.sub(r"\.\d+\.", ".__row__.", name, count=1)
        if name in self.files or pattern in self.files:
            return name, value
        shown = name if name in self.offered else pattern
        assert shown in self.offered, f"the page has no control called {name}"
        if shown.endswith(".ticked"):
            return name, self.ticks[shown]
        values = self.offered[shown]
        assert values is None or value in values, f"{name} does not offer {value!r}"
        return name, value


def _values_on_offer(control: Any) -> set[str] | None:
    if control.tag == "select":
        return {option.get("value", option.text_content()) for option in control.iter("option")}
    if control.get("type") in ("radio", "checkbox"):
        return {control.get("value", "on")}
    return None


def _current_value(control: Any) -> str:
    if control.tag == "textarea":
        return (control.text or "").removeprefix("\n")
    if control.tag == "select":
        chosen = [option for option in control.iter("option") if option.get("selected") is not None]
        option = (chosen or list(control.iter("option")))[0]
        return str(option.get("value", option.text_content()))
    return str(control.get("value", ""))


# A walk.

Said = Callable[["Walk"], Answers]


@dataclass(frozen=True)
class Move:
    """One line of a walk.

    `at`: hours after the death. `step` without its prefix UT_. `said`: the answers, made when the
    moment has come. `then`: what is open afterwards, as "step:username" for each. `place`: which
    one, where the same person has several of that step.
    """

    at: float
    who: str
    step: str
    said: Said
    then: str
    place: int = 0


@dataclass
class Walk:
    """One case on its way, or with `duty_id` one periodic duty.

    Looks at the database only to see; changes come from browsers.
    """

    app: Flask
    session: Session
    client_for: Callable[[Appointment], Client]
    clock: time_machine.Traveller
    death: datetime = DEATH
    case_id: int = 0
    kind: kinds.Kind = kinds.KINDS[CaseKind.MATERNAL_DEATH]
    duty_id: int | None = None
    units: dict[str, int] = field(default_factory=dict)
    after: list[Callable[["Walk", Move], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = dict(self.session.execute(select(Organisation.name, Organisation.id)).all())
        self.units = {unit.key: names[unit.name] for unit in UNITS}

    # Time and people

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def at(self, hours: float) -> None:
        """Go there; what falls due on the way happens as the worker does it."""
        until = self.moment(hours)
        assert until >= self.now, "no walk goes back in time"
        while (due := self._next_due()) is not None and due <= until:
            self.clock.move_to(max(due + SECOND, self.now))
            self.sweep()
            assert self._next_due() != due, f"what is due at {due} does not get done"
        self.clock.move_to(max(until, self.now))

    def moment(self, hours: float) -> datetime:
        return self.death + timedelta(minutes=round(hours * 60))

    def sweep(self) -> None:
        """What the worker does in a second."""
        self.session.rollback()
        sweep(self.app)
        self.session.rollback()

    def _next_due(self) -> datetime | None:
        self.session.rollback()
        waiting = (
            self.session.scalar(select(func.min(Timer.due_at))),
            self.session.scalar(
                select(func.min(Clock.next_reminder_at)).where(Clock.met_at.is_(None))
            ),
        )
        return min((moment for moment in waiting if moment is not None), default=None)

    def seat(self, who: str) -> Appointment:
        return seat_of(self.session, who)

    def appoint(self, who: str, organisation_id: int, role: Role) -> Appointment:
        """Another appointment of somebody, beside the first."""
        first = self.seat(who)
        held = Appointment(
            user_id=first.user_id,
            organisation_id=organisation_id,
            role=role,
            valid_from=first.valid_from,
        )
        self.session.add(held)
        self.session.commit()
        return held

    def limits(self, who: str, query: str = "") -> dict[str, str]:
        """What stands in somebody's overview of limits, and where it leads."""
        page = lxml_html.document_fromstring(self.browser(who).get(f"/clocks{query}").text)
        return {
            row.xpath("string(td[1])").strip(): row.xpath("string(td[2]//a/@href)")
            for row in page.xpath("//tbody/tr")
        }

    def browser(self, who: str) -> Client:
        """Signed in just now."""
        return self.client_for(self.seat(who))

    def user(self, who: str) -> int:
        return self.seat(who).user_id

    # What there is

    @property
    def case(self) -> Case:
        return self.session.get_one(Case, self.case_id)

    def task(self, who: str, step: str, place: int = 0) -> Task:
        """An open step that waits for this person."""
        query = inbox(self.seat(who)).where(self._here(), Task.bpmn_id == f"UT_{step}")
        return self.session.scalars(query.order_by(Task.id)).all()[place]

    def _here(self) -> ColumnElement[bool]:
        if self.duty_id is not None:
            return Task.duty_id == self.duty_id
        return Task.case_id == self.case_id

    def open(self) -> Counter[str]:
        """Open steps as "step:username", once for each person who may do it."""
        tasks = self.session.scalars(
            select(Task).where(self._here(), Task.state == TaskState.OPEN)
        ).all()
        seats = [self.seat(person.username) for person in PEOPLE]
        return Counter(
            f"{task.bpmn_id.removeprefix('UT_')}:{seat.user.username}"
            for task in tasks
            for seat in seats
            if may_complete(seat, task)
        )

    def clocks(self) -> Sequence[Clock]:
        """Of the case, in the order they were started."""
        query = select(Clock).where(Clock.case_id == self.case_id).order_by(Clock.id)
        return self.session.scalars(query).all()

    def document(self, step: str) -> Document:
        """The newest sheet handed in at a step."""
        return self.session.scalars(
            select(Document)
            .join(Task, Task.id == Document.task_id)
            .where(Task.case_id == self.case_id, Task.bpmn_id == f"UT_{step}")
            .order_by(Document.id.desc())
            .limit(1)
        ).one()

    def upload(self, who: str, name: str) -> str:
        """Send one of the demonstration's files as the form's script does; its token."""
        content = (demo.FILES / name).read_bytes()
        reply = self.browser(who).post("/attachments", data={"file": (io.BytesIO(content), name)})
        assert reply.status_code == 201, reply.text
        return str(reply.get_json()["token"])

    def attachment(self) -> Attachment | None:
        """Some file of the case."""
        query = select(Attachment).where(Attachment.case_id == self.case_id)
        return self.session.scalars(query.order_by(Attachment.id).limit(1)).one_or_none()

    def panel(self, level: str) -> Panel:
        """Of the case at this level."""
        self.session.rollback()
        return self.session.scalars(
            select(Panel).where(Panel.case_id == self.case_id, Panel.level == level)
        ).one()

    def sign_in(self, who: str, level: str) -> None:
        """At the panel's meeting; the secretary moves it here if it is planned for another day."""
        panel = self.panel(level)
        path, meeting = f"/meetings/{panel.id}", panel.meeting
        if who in [row.member.user.username for row in meeting.attendance]:
            return
        if not is_on(meeting, self.now):
            today = self.now.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M")
            moved = {"held_at": today, "mode": meeting.mode, "place": meeting.place or "会议室"}
            reply = self.post(panel.secretary.username, path, moved | {"agenda": "讨论"}, "/plan")
            assert reply.status_code == 303, faults(reply)
        assert self.post(who, path, {}, "/sign-in").status_code == 303

    # Moving

    def play(self, *acts: Callable[[Play], object]) -> None:
        """Get on quickly to where a test begins: the same people by the same actions, no pages."""
        self.session.rollback()
        engine: Engine = self.app.extensions["engine"]
        folder = Path(self.app.config["VAR"]) / "files"
        with Session(engine) as session, session.begin():
            stage = stage_on(session, folder)
            stage.case = session.get(Case, self.case_id)
            play = Play(stage, QH, self.death, NAME, "002")
            for act in acts:
                act(play)
            assert stage.case is not None
            self.case_id = stage.case.id

    def walk(self, moves: Iterable[Move]) -> None:
        for move in moves:
            self.make(move)

    def make(self, move: Move) -> None:
        """Make a move, and see that it did what the table says."""
        self.at(move.at)
        reply = self.hand_in(move.who, move.step, move.said(self), move.place)
        assert reply.status_code == 303, f"{move}: {faults(reply)}"
        if move.step == "report":
            self.case_id = int(reply.location.rsplit("/", 1)[-1])
        browser = self.browser(move.who)
        assert browser.get(reply.location).status_code == 200
        self.session.rollback()
        assert self.open() == Counter(move.then.split()), f"after {move.who}: {move.step}"
        assert not self.session.scalars(parts.passed_by()).all()
        for look in self.after:
            look(self, move)

    def hand_in(self, who: str, step: str, said: Answers, place: int = 0) -> TestResponse:
        """Fill in the page of a step and send it; what was kept is what was said."""
        browser = self.browser(who)
        path, form = self._page_of(browser, who, step, place)
        page = Page.of(browser.get(path).text)
        reply = browser.post(path, data=page.filled(form, said), csrf=False)
        if reply.status_code == 303:
            self._kept_as_said(path, form, said)
        return reply

    def _page_of(self, browser: Client, who: str, step: str, place: int) -> tuple[str, Form]:
        if step == "report":
            assert 'href="/reports/new"' in browser.get("/tasks").text
            other = f"/{self.kind.code}" if self.kind.variant else ""
            return f"/reports/new{other}", load.load(self.kind.report)
        task = self.task(who, step, place)
        path = f"/tasks/{task.id}"
        assert f'href="{path}"' in browser.get("/tasks").text, f"{who} does not see {step}"
        if step == "opinion":
            self.declare(who, path)
        return path, load.load(task.form)

    def declare(self, who: str, path: str) -> None:
        """Whoever has not declared is asked to before the form opens."""
        browser = self.browser(who)
        asked = browser.get(path).location
        if asked is not None:
            answer = {"declaration": "none", "promised": "yes"}
            assert browser.post(asked, data=answer).location == path

    def _kept_as_said(self, path: str, form: Form, said: Answers) -> None:
        self.session.rollback()
        newest = self.session.scalars(
            select(Document).where(Document.form == form.name).order_by(Document.id.desc()).limit(1)
        ).one()
        signatures = {f.name for f in form.fields() if f.kind is Kind.SIGNATURE}
        for name, value in said.items():
            if name not in signatures:
                assert newest.answers.get(name) == value, f"{path}: {name}"

    def post(self, who: str, path: str, data: Mapping[str, str], act: str = "") -> TestResponse:
        """A small form of ours (not a process form): its page first, then its fields. `act`: what
        the address it sends them to has more."""
        browser = self.browser(who)
        text = browser.get(path).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', text)
        assert token is not None
        return browser.post(path + act, data={**data, "csrf_token": token[1]}, csrf=False)


def faults(reply: TestResponse) -> list[str]:
    """What the page says is wrong."""
    root = lxml_html.document_fromstring(reply.text)
    said = [" ".join(item.text_content().split()) for item in root.xpath("//*[@role='alert']//li")]
    return said or [" ".join(root.text_content().split())[:400]]


StartWalk = Callable[..., Walk]


@pytest.fixture
def start_walk(
    app: Flask, session: Session, client_for: Callable[[Appointment], Client]
) -> Iterator[StartWalk]:
    """Begins walks at the moment of death; the clock stands still unless the walk moves it."""
    with time_machine.travel(DEATH, tick=False) as clock:
        yield lambda: Walk(app, session, client_for, clock)
        session.rollback()
