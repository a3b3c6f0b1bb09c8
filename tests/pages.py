"""A test client that judges every answer it gets, so that every test of any page tests the page.

Each HTML answer must parse without an error, be `zh-CN`, have one h1 that stands in its title, a
label for every control, a CSRF token in every POST form, no inline style, script or handler, and no
id twice. Every answer carries the security headers; none leaves the request's session with changes
that nobody committed.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import turbohtml
from flask import Flask, abort
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.orm import Session
from turbohtml import Document, Element
from werkzeug.test import TestResponse

from models import Event
from webapp import db
from webapp.access import public
from webapp.headers import HEADERS
from workflows import additions

SPRITE = Path(__file__).parents[1] / "webapp/static/vendor/bootstrap-icons/icons.svg"
UNLABELLED = {"hidden", "submit", "button", "reset", "image"}
ICONS = set(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text("utf-8")))
REFERRING = {
    "label for nothing": "for",
    "described by nothing": "aria-describedby",
    "labelled by nothing": "aria-labelledby",
}
VOID = {"br", "col", "hr", "img", "input", "link", "meta"}  # these have no end
CSRF_SECRET = "0" * 40


class BadPage(AssertionError):
    """The answer breaks a rule that holds for all pages."""


class Client(FlaskClient):
    """Posts carry a valid CSRF token unless `csrf=False`. `judged` counts the pages looked at."""

    judged = 0
    test_session: Session | None = None

    def open(self, *args: Any, csrf: bool = True, **kwargs: Any) -> TestResponse:
        self._let_go()
        if csrf and kwargs.get("method", "GET") not in ("GET", "HEAD", "OPTIONS"):
            headers = dict(kwargs.pop("headers", None) or {})
            kwargs["headers"] = {"X-CSRFToken": self._csrf_token(), **headers}
        kwargs["buffered"] = True
        response = super().open(*args, **kwargs)
        judge_headers(response)
        if response.mimetype == "text/html" and response.data and not response.location:
            judge(response.text)
            self.judged += 1
        return response

    def _csrf_token(self) -> str:
        with self.session_transaction() as cookie:
            cookie.setdefault("csrf_token", CSRF_SECRET)
            raw = cookie["csrf_token"]
        secret = self.application.config["SECRET_KEY"]
        return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw))

    def _let_go(self) -> None:
        """The test's own session sees what the request does, and does not stand in its way."""
        if self.test_session is not None:
            if unsaved(self.test_session):
                raise BadPage("the test has changes it did not commit")
            self.test_session.rollback()


def unsaved(session: Session) -> bool:
    """Whether there are changes that would be lost."""
    pending = session.new or session.dirty or session.deleted or additions.wait(session)
    return bool(pending or session.info.get("flushed"))


def watch(app: Flask) -> None:
    """Every request of the app must leave its session clean."""

    @app.teardown_request
    def refuse_leftovers(error: BaseException | None) -> None:
        from flask import g

        session = g.get("session")
        if error is None and session is not None and unsaved(session):
            raise BadPage("the view left changes that nobody committed")


def add_bad_routes(app: Flask) -> None:
    """/broken fails as the test says: `app.config["BROKEN"]` is an exception or a status.
    /forgetful does not commit what it changes."""

    @app.route("/broken", methods=["GET", "POST"])
    @public
    def broken() -> str:
        error = app.config["BROKEN"]
        if isinstance(error, int):
            abort(error)
        raise error

    @app.post("/forgetful")
    def forgetful() -> str:
        db.session.add(Event(at=datetime.now(UTC), name="x", data={}))
        db.session.flush()
        return "ok"


def judge_headers(response: TestResponse) -> None:
    """What every answer carries."""
    for name, value in HEADERS.items():
        if name == "Content-Security-Policy" and response.headers.get("Content-Disposition"):
            continue  # files handed out are stricter still
        if response.headers.get(name) != value:
            raise BadPage(f"{name}: {response.headers.get(name)}")
    if "Cache-Control" not in response.headers or not response.headers.get("X-Request-Id"):
        raise BadPage("no Cache-Control or no request id")


def judge(html: str) -> None:
    """Raise BadPage with everything that is wrong with a page."""
    page = turbohtml.parse(html, source_locations=True)
    wrong = [f"{error.code} at: {_line(html, error.line)}" for error in page.errors]
    wrong += [*_nesting(html, page), *_title(page), *_ids(page), *_labels(page), *_forms(page)]
    wrong += [*_inline(page), *_icons(page)]
    if wrong:
        raise BadPage("\n".join(wrong))


def _line(html: str, number: int) -> str:
    return html.split("\n")[number - 1].strip()[:150]


def _nesting(html: str, page: Document) -> list[str]:
    """What a parser mends without a word: it opens, closes and moves elements as it needs."""
    wrong = [] if html.startswith("<!doctype html>") else ["no doctype"]
    placed = [(element, element.source_location) for element in page.find_all()]
    wrong += [f"never opened: {element.tag}" for element, place in placed if place is None]
    written = sorted(
        (place.start_tag.start_offset, place.start_tag.end_offset, place.end_tag, element)
        for element, place in placed
        if place is not None
    )
    around: list[tuple[Element, int]] = []  # the elements that the text is in, and their ends
    for start, inside, end, element in written:
        while around and around[-1][1] <= start:
            around.pop()
        if around and element.parent != around[-1][0] and around[-1][0].tag != "template":
            wrong.append(f"not allowed there: {element.tag} at: {html[start : start + 150]}")
        if end is not None:
            around.append((element, end.start_offset))
        elif element.tag not in VOID and html[inside - 2] != "/":
            wrong.append(f"never closed: {element.tag} at: {html[start : start + 150]}")
    ended = sum(end is not None for _, _, end, _ in written)
    if stray := len(re.findall(r"</[a-z]", html)) - ended:
        wrong.append(f"end tags that end nothing: {stray}")
    return wrong


def _icons(page: Document) -> list[str]:
    named = {(use.attr("href") or "").partition("#")[2] for use in page.find_all("use")}
    return [f"no such icon: {name}" for name in named - ICONS]


def text(element: Element | None) -> str:
    """What stands in an element, blanks made one."""
    return " ".join(element.text.split()) if element else ""


def _title(page: Document) -> list[str]:
    wrong = [] if page.select_one('html[lang="zh-CN"]') else ["lang is not zh-CN"]
    heads, title = [text(h1) for h1 in page.find_all("h1")], text(page.find("title"))
    if len(heads) != 1 or not heads[0]:
        wrong.append(f"not one h1: {heads}")
    elif heads[0] not in title:
        wrong.append(f"h1 “{heads[0]}” is not in the title “{title}”")
    return wrong


def _ids(page: Document) -> list[str]:
    ids = Counter(element.attr("id") for element in page.select("[id]"))
    wrong = [f"id twice: {name}" for name, count in ids.items() if count > 1]
    for complaint, attribute in REFERRING.items():
        for element in page.select(f"[{attribute}]"):
            named = (element.attr(attribute) or "").split()
            wrong += [f"{complaint}: {name}" for name in named if name not in ids]
    return wrong


def _labels(page: Document) -> list[str]:
    wrong = [
        "button without words"
        for button in page.select("button:not([hidden]):not([aria-label])")
        if not text(button)
    ]
    named = {label.attr("for") for label in page.select("label[for]")}
    for control in page.select("input, select, textarea"):
        if control.attr("type") in UNLABELLED or control.attr("id") in named:
            continue
        labelled = control.attr("aria-label") or control.attr("aria-labelledby")
        if not (labelled or control.closest("label")):
            wrong.append(f"no label: {control.tag} {control.attr('name')}")
    return wrong


def _forms(page: Document) -> list[str]:
    return [
        f"POST form without CSRF token: {form.attr('action')}"
        for form in page.select('form[method="post" i]')
        if not form.select_one('input[name="csrf_token"]')
    ]


def _inline(page: Document) -> list[str]:
    wrong = [f"inline style in {element.tag}" for element in page.select("[style]")]
    wrong += ["style element" for _ in page.find_all("style")]
    for script in page.find_all("script"):
        if not script.attr("src") and script.attr("type") != "application/json":
            wrong.append("inline script")
    for element in page.find_all():
        wrong += [f"inline {name}" for name in element.attrs if name.startswith("on")]
    return wrong
