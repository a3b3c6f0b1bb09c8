"""People's browsers: they hand in steps, report, upload, and write down what they were told.

A request whose answer never came is made again with the same key until an answer comes, as a person
would with the same page. Lives in the process that kills, so its journal survives. Knows the
database only to find work.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import Engine, select
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.orm import Session

from models import Case, CaseState, Task, TaskState
from tests.faults.desks import Desks, Paper, content
from workflows.actions import users
from workflows.demo.people import PEOPLE, seat_of
from workflows.demo.play import BL, QH

SECRET = "for faults only"
TOKEN = "0" * 40
PATIENCE = 150.0  # seconds until a client gives up asking
DOSSIERS = 3  # a lane: rendering takes seconds of a processor
EVERYBODY = tuple(person.username for person in PEOPLE)
FORM = "application/x-www-form-urlencoded"
DONE, CONFLICT, GONE, INVALID, BUSY = 303, 409, 404, 422, 503


@dataclass(frozen=True)
class Reply:
    status: int
    location: str
    body: str


@dataclass
class Attempt:
    """One request, however often it had to be made. `final`: the answer that settled it."""

    who: str
    path: str
    key: str
    what: str
    told: list[str] = field(default_factory=list)
    final: Reply | None = None

    @property
    def acknowledged(self) -> bool:
        return self.final is not None and self.final.status == DONE


def sign_in(engine: Engine, names: Iterable[str] = EVERYBODY) -> dict[str, str]:
    """A signed-in browser's cookie for each of them, by default everybody of the demonstration."""
    app = Flask("cookies")
    app.secret_key = SECRET
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    cookies = {}
    with Session(engine) as session, session.begin():
        for name in names:
            seat = seat_of(session, name)
            row, token = users.open_session(session, seat.user, now=datetime.now(UTC), address=None)
            row.appointment = seat
            held = {"_user_id": token, "_fresh": True, "csrf_token": TOKEN}
            cookies[name] = f"sid={signer.dumps(held)}"
    return cookies


class Browser:
    """Requests to one stand as somebody. None instead of a reply: the line went dead."""

    def __init__(self, port: int, cookies: dict[str, str]) -> None:
        self.port, self.cookies = port, cookies
        self._csrf = str(URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(TOKEN))

    def ask(
        self, who: str, method: str, path: str, body: bytes = b"", kind: str = "", **headers: str
    ) -> Reply | None:
        sent = {"Cookie": self.cookies[who], "X-CSRFToken": self._csrf, **headers}
        if kind:
            sent["Content-Type"] = kind
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request(method, path, body, sent)
            answer = line.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return Reply(answer.status, answer.headers.get("Location", ""), text)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()

    def typed(self, who: str, path: str, pairs: list[tuple[str, str]]) -> bytes:
        """The whole request of a form handed in, as it goes over a line of its own."""
        body = urlencode(pairs).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n"
            f"Cookie: {self.cookies[who]}\r\nX-CSRFToken: {self._csrf}\r\n"
            f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body

    def post(self, who: str, path: str, pairs: list[tuple[str, str]]) -> Reply | None:
        body = urlencode(pairs).encode()
        return self.ask(who, "POST", path, body, FORM)

    def upload(self, who: str, name: str, **headers: str) -> Reply | None:
        kind = "application/pdf" if name.endswith("pdf") else "image/jpeg"
        head = f'--gap\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        whole = f"{head}Content-Type: {kind}\r\n\r\n".encode() + content(name) + b"\r\n--gap--\r\n"
        kind = "multipart/form-data; boundary=gap"
        return self.ask(who, "POST", "/attachments", whole, kind, **headers)


class Indoors(Browser):
    """The same without a line: within the process that answers."""

    def __init__(self, app: Flask, cookies: dict[str, str]) -> None:
        super().__init__(0, cookies)
        self._client = app.test_client(use_cookies=False)

    def ask(
        self, who: str, method: str, path: str, body: bytes = b"", kind: str = "", **headers: str
    ) -> Reply:
        sent = {"Cookie": self.cookies[who], "X-CSRFToken": self._csrf, **headers}
        answer = self._client.open(
            path, method=method, data=body, headers=sent, content_type=kind or None
        )
        return Reply(answer.status_code, answer.headers.get("Location", ""), answer.text)


class Journal:
    """What everybody asked for and was told."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.tokens: list[str] = []  # of uploads that were acknowledged
        self.counts: Counter[str] = Counter()
        self.strange: list[str] = []  # answers that nobody should get
        self._lock = threading.Lock()

    def add(self, attempt: Attempt) -> Attempt:
        with self._lock:
            self.attempts.append(attempt)
        return attempt

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    @property
    def acknowledged(self) -> int:
        return sum(attempt.acknowledged for attempt in self.attempts) + len(self.tokens)


class Client(threading.Thread):
    """Somebody of everybody: takes any open step and hands it in, until told to stop."""

    def __init__(
        self,
        browser: Browser,
        engine: Engine,
        journal: Journal,
        seed: str,
        stop: threading.Event,
        most_cases: int = 60,
    ) -> None:
        super().__init__(name=f"client {seed}", daemon=True)
        self.browser, self.engine, self.journal = browser, engine, journal
        self.dice = Random(seed)  # noqa: S311 - no secret, it must repeat
        self.stop_, self.most_cases = stop, most_cases

    def run(self) -> None:
        while not self.stop_.is_set():
            try:
                self.act()
            except (OperationalError, InternalError):  # our own look, away or left idle too long
                time.sleep(0.1)

    def act(self) -> None:
        """One piece of work."""
        with Session(self.engine.execution_options(reads=True)) as session:
            desks = Desks(session, self.upload, self.dice)
            task = self._open_step(session)
            if task is None or self.dice.random() < 0.12:
                cases = len(session.scalars(select(Case.id)).all())
                if cases < self.most_cases:
                    self._report(desks)
                    return
            if task is None:
                time.sleep(0.05)
                return
            path, bpmn_id = f"/tasks/{task.id}", task.bpmn_id
            if self.dice.random() < 0.05 and self.journal.counts["dossier"] < DOSSIERS:
                self._ask_for_dossier(task.case)
            paper = desks.paper(task)
        self.hand_in(paper, path, bpmn_id)

    def _open_step(self, session: Session) -> Task | None:
        """Any; more often one of an older case, so that some get to the end."""
        query = (
            select(Task)
            .join(Case, Case.id == Task.case_id)
            .where(Task.state == TaskState.OPEN, Case.state != CaseState.VOIDED)
            .order_by(Task.case_id, Task.id)
        )
        tasks = session.scalars(query).all()
        return tasks[int(len(tasks) * self.dice.random() ** 2)] if tasks else None

    def _ask_for_dossier(self, case: Case) -> None:
        """Once: whoever is cut off looks at the list of copies before asking again."""
        self.journal.count("dossier")
        who = (QH if case.county_code == QH.region else BL).office
        self.browser.post(who, f"/dossiers/of/{case.id}", [("purpose", "archive")])

    def _report(self, desks: Desks) -> None:
        county = self.dice.choice((QH, BL))
        hours = self.dice.choice((2, 20, 23.98, 24, 40, 47.98, 48, 60))
        death = datetime.now(UTC) - timedelta(hours=hours, seconds=self.dice.randint(-50, 70))
        paper = desks.report(county, death, "禾" + self.dice.choice("小中晚满"))
        self.hand_in(paper, "/reports/new", "report")

    def hand_in(self, paper: Paper, path: str, what: str) -> None:
        """Once, or twice at the same moment, or again when it was done long ago."""
        key = str(UUID(int=self.dice.getrandbits(128), version=4))
        attempt = self.journal.add(Attempt(paper.who, path, key, what))
        pairs = paper.typed(key)
        twice = self.dice.random() < 0.15
        if twice:
            self.journal.count("doubled at once")
            twin = threading.Thread(target=self._twin, args=(attempt, pairs), daemon=True)
            twin.start()
        self.until_told(attempt, pairs)
        if twice:
            twin.join()
        if attempt.acknowledged and self.dice.random() < 0.15:
            self.journal.count("doubled later")
            self._twin(attempt, pairs)

    def _twin(self, attempt: Attempt, pairs: list[tuple[str, str]]) -> None:
        """The same page once more: whatever is answered must not be something else."""
        second = Attempt(attempt.who, attempt.path, attempt.key, f"{attempt.what} again")
        self.journal.add(second)
        self.until_told(second, pairs)

    def until_told(self, attempt: Attempt, pairs: list[tuple[str, str]]) -> None:
        """Ask until there is an answer that settles it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            reply = self.browser.post(attempt.who, attempt.path, pairs)
            attempt.told.append("cut" if reply is None else str(reply.status))
            self.journal.count(attempt.told[-1])
            if reply is None or reply.status == BUSY:
                time.sleep(self.dice.uniform(0.02, 0.2))
                continue
            if reply.status == DONE and "/declaration" in reply.location:
                self._declare(attempt.who, reply.location)
                continue
            if reply.status not in (DONE, CONFLICT, GONE):
                told = f"{attempt.what} {attempt.path}: {reply.status} {words(reply.body)}"
                self.journal.strange.append(told)
                if reply.status >= 500:
                    time.sleep(0.2)
                    continue
            attempt.final = reply
            return

    def _declare(self, who: str, path: str) -> None:
        self.browser.post(who, path, [("declaration", "none"), ("promised", "yes")])

    def upload(self, who: str, name: str) -> str:
        """The token of a file that was taken in, however often it had to be sent."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            reply = self.browser.upload(who, name)
            self.journal.count("upload cut" if reply is None else f"upload {reply.status}")
            if reply is not None and reply.status == 201:
                token = str(json.loads(reply.body)["token"])
                self.journal.tokens.append(token)
                return token
            time.sleep(self.dice.uniform(0.02, 0.2))
        raise TimeoutError("an upload was never answered")


def words(body: str) -> str:
    from lxml import html

    if not body.strip():
        return ""
    root = html.document_fromstring(body)
    alerts = root.xpath("//*[@role='alert']//li") or root.xpath("//main") or [root]
    return " | ".join(" ".join(each.text_content().split())[:160] for each in alerts[:4])


@contextmanager
def working(
    browser: Browser,
    engine: Engine,
    journal: Journal,
    seed: str,
    number: int = 3,
    most_cases: int = 40,
) -> Iterator[None]:
    """Inside the block people work; at its end each has been told what became of their last."""
    stop = threading.Event()
    clients = [
        Client(browser, engine, journal, f"{seed}:{one}", stop, most_cases) for one in range(number)
    ]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        stop.set()
        for client in clients:
            client.join()
