"""The application served to a real Chromium, with the demonstration's people in its database."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Organisation
from tests import browsing
from tests.e2e.hands import Hands
from workflows.demo.people import UNITS


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsing.chromium() as browser:
        yield browser


@pytest.fixture
def units(session: Session) -> dict[str, int]:
    """Ids of the demonstration's units, by key."""
    names = dict(session.execute(select(Organisation.name, Organisation.id)).all())
    session.rollback()
    return {unit.key: names[unit.name] for unit in UNITS}


HandsOf = Callable[..., Hands]


@pytest.fixture
def hands_of(app: Flask, chromium: Browser, session: Session) -> Iterator[HandsOf]:
    """Somebody at a screen of their own, signed in by typing. At the end nobody's browser has
    complained, and no page that was looked at keeps anybody out."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    everybody: list[Hands] = []
    seen: set[str] = set()
    with browsing.served(app) as address:

        def sit_down(who: str, width: int = browsing.WIDE) -> Hands:
            hands = Hands(chromium, address, session, width, seen)
            everybody.append(hands)
            hands.sign_in(who)
            return hands

        yield sit_down
        for context in chromium.contexts:
            context.close()
    assert {hands.who: hands.complaints for hands in everybody if hands.complaints} == {}
