"""One step in front of one person: its page, what is posted from it, and that a refusal changed
nothing and lost nothing."""

from collections import Counter
from functools import partial
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from models import Base
from tests.pages import Client
from tests.walk import Page, Said, Walk, faults
from workflows.forms import load

GONE = object()  # the field is not posted

UNWATCHED = {"user_session", "draft", "icd10", "region"}  # signing in, typing, reference data


def contents(session: Session) -> dict[str, list[Any]]:
    """Every row of every table; of the events those that are more than signing in."""
    session.rollback()
    found = {
        table.name: [tuple(row) for row in session.execute(select(table).order_by(table.c.id))]
        for table in Base.metadata.sorted_tables
        if table.name not in UNWATCHED
    }
    place = list(Base.metadata.tables["event"].c.keys()).index("name")
    found["event"] = [row for row in found["event"] if not row[place].startswith("session.")]
    return found


def kept(reply: TestResponse, data: MultiDict[str, str]) -> list[tuple[str, str]]:
    """What was typed and does not stand in the page that came back: should be nothing. Passwords
    do not come back, nor codes that the page does not offer."""
    page = Page.of(reply.text)
    posted = Counter(
        (name, value.replace("\r\n", "\n"))
        for name, value in data.items(multi=True)
        if value and "password" not in name and name != "csrf_token"
    )
    lost = (posted - Counter(page.sent)).elements()
    return sorted(pair for pair in lost if pair[1] in (page.offered.get(pair[0]) or {pair[1]}))


class Desk:
    """One step open in front of one person: its page, and what happens to what is posted."""

    def __init__(self, walk: Walk, who: str, step: str) -> None:
        self.walk, self.who = walk, who
        self.browser: Client = walk.browser(who)
        self.path, form = "/reports/new", "report.v1"
        if step != "report":
            task = walk.task(who, step)
            self.path, form = f"/tasks/{task.id}", task.form
        self.form = load.load(form)

    def filled(self, answers: Said) -> MultiDict[str, str]:
        """The page's fields with these answers typed into them."""
        page = Page.of(self.browser.get(self.path).text)
        return page.filled(self.form, answers(self.walk))

    def post(self, data: MultiDict[str, str]) -> TestResponse:
        return self.browser.post(self.path, data=data, csrf=False)

    def refuses(self, data: MultiDict[str, str], words: str) -> TestResponse:
        """422, says so, changes nothing, loses nothing."""
        before = contents(self.walk.session)
        # Not judged as a page: other tests do, and on the heaviest form it takes longest of all.
        send = partial(FlaskClient.open, self.browser, self.path, method="POST", buffered=True)
        reply = send(data=data)
        assert reply.status_code == 422, words
        assert any(words in fault for fault in faults(reply)), f"{words}: {faults(reply)}"
        assert contents(self.walk.session) == before, words
        assert kept(reply, data) == [], words
        return reply


def spoilt(good: MultiDict[str, str], changes: dict[str, Any]) -> MultiDict[str, str]:
    """The posted fields with some replaced, or taken away (GONE)."""
    data = good.copy()
    for name, value in changes.items():
        data.poplist(name)
        if value is not GONE:
            data.setlist(name, value if isinstance(value, list) else [value])
    return data
