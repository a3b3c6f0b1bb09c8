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
from xml.etree.ElementTree import Element

import html5lib
from flask import Flask, abort
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import Event
from webapp import db
from webapp.access import public
from webapp.headers import HEADERS

SPRITE = Path(__file__).parents[1] / "webapp/static/vendor/bootstrap-icons/icons.svg"
UNLABELLED = {"hidden", "submit", "button", "reset", "image"}
ICONS = set(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text("utf-8")))
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
    pending = session.new or session.dirty or session.deleted
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
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    root = parser.parse(html)
    lines = html.split("\n")
    wrong = [f"{code} at: {lines[at[0] - 1].strip()[:150]}" for at, code, _ in parser.errors]
    wrong += [*_title(root), *_ids(root), *_labels(root), *_forms(root), *_inline(root)]
    wrong += _icons(root)
    if wrong:
        raise BadPage("\n".join(wrong))


def _icons(root: Element) -> list[str]:
    named = {use.get("href", "").partition("icons.svg#")[2] for use in root.iter("use")}
    return [f"no such icon: {name}" for name in named - ICONS]


def text(element: Element) -> str:
    """What stands in an element, blanks made one."""
    return " ".join("".join(element.itertext()).split())


def _title(root: Element) -> list[str]:
    wrong = [] if root.get("lang") == "zh-CN" else ["lang is not zh-CN"]
    heads, title = [text(h1) for h1 in root.iter("h1")], text(next(root.iter("title")))
    if len(heads) != 1 or not heads[0]:
        wrong.append(f"not one h1: {heads}")
    elif heads[0] not in title:
        wrong.append(f"h1 “{heads[0]}” is not in the title “{title}”")
    return wrong


def _ids(root: Element) -> list[str]:
    ids = Counter(element.get("id") for element in root.iter() if element.get("id"))
    twice = [f"id twice: {name}" for name, count in ids.items() if count > 1]
    for label in root.iter("label"):
        if label.get("for") and label.get("for") not in ids:
            twice.append(f"label for nothing: {label.get('for')}")
    for element in root.iter():
        for name in (element.get("aria-describedby", "") + " " + _labelledby(element)).split():
            if name not in ids:
                twice.append(f"described by nothing: {name}")
    return twice


def _labelledby(element: Element) -> str:
    return element.get("aria-labelledby", "")


def _labels(root: Element) -> list[str]:
    named = {label.get("for") for label in root.iter("label")}
    inside = {id(part) for label in root.iter("label") for part in label.iter()}
    wrong = []
    for element in root.iter():
        named_button = text(element) or element.get("aria-label") or "hidden" in element.attrib
        if element.tag == "button" and not named_button:
            wrong.append("button without words")
        if element.tag not in ("input", "select", "textarea"):
            continue
        if element.get("type") in UNLABELLED or element.get("id") in named - {None}:
            continue
        if not (element.get("aria-label") or _labelledby(element) or id(element) in inside):
            wrong.append(f"no label: {element.tag} {element.get('name')}")
    return wrong


def _forms(root: Element) -> list[str]:
    return [
        f"POST form without CSRF token: {form.get('action')}"
        for form in root.iter("form")
        if (form.get("method") or "").lower() == "post"
        and not any(field.get("name") == "csrf_token" for field in form.iter("input"))
    ]


def _inline(root: Element) -> list[str]:
    wrong = [f"inline style in {e.tag}" for e in root.iter() if e.get("style") is not None]
    wrong += ["style element" for _ in root.iter("style")]
    for script in root.iter("script"):
        if not script.get("src") and script.get("type") != "application/json":
            wrong.append("inline script")
    for element in root.iter():
        wrong += [f"inline {name}" for name in element.attrib if str(name).startswith("on")]
    return wrong
