"""The firewall between reviewing and calling to account: what proposes 提醒、督导、约谈 cannot read
what a review thought, neither by import nor by query."""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from models import Motion, Rectification, RectificationState
from tests.played import NOW, Cast
from workflows import facts
from workflows.actions import motions

ROOT = Path(__file__).parents[1]
PROPOSING = (
    "models/motion.py",
    "workflows/actions/motions.py",
    "models/key_contact.py",
    "workflows/actions/key_contacts.py",
    "workflows/facts.py",
    "workflows/key_contacts.py",
    "workflows/two_desks.py",
    "workflows/measures.py",
)
# What a review thinks and writes, and whatever reads it
FORBIDDEN_NAMES = {
    "Opinion", "Conclusion", "Finding", "Panel", "PanelMember", "Document", "Draft", "Comment",
    "Attachment",
}  # fmt: skip
FORBIDDEN_MODULES = re.compile(
    r"(readers|agreement|panels|opinions|reviews|seats|surroundings|gather|dossier|comments|drafts)$"
)
FORBIDDEN_TABLES = (
    "opinion", "conclusion", "finding", "panel", "panel_member", "document", "draft", "comment",
    "attachment",
)  # fmt: skip
FORBIDDEN_COLUMNS = ("problem", "cause", "measure", "cell", "area", "scope")  # of ledger items


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def imported(path: Path) -> Iterator[str]:
    """Every name and module that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.name
                yield f"{node.module}.{alias.name}"
            yield node.module or ""


@pytest.mark.parametrize("path", PROPOSING)
def test_what_proposes_imports_nothing_of_a_review(path: str) -> None:
    names = set(imported(ROOT / path))
    assert not names & FORBIDDEN_NAMES
    assert not [name for name in names if FORBIDDEN_MODULES.search(name)]


@contextmanager
def said_to(session: Session) -> Iterator[list[str]]:
    """Every statement the database is sent."""
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        heard.append(statement.lower())

    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(bind, "before_cursor_execute", hear)


def test_what_proposes_asks_for_nothing_of_a_review(session: Session, cast: Cast) -> None:
    """Over the eight cases, with sealed opinions, conclusions and a ledger among them."""
    item = session.scalars(
        select(Rectification).where(Rectification.state == RectificationState.WORKING)
    ).one()
    item.rejections, item.asked = 2, "interview"
    session.commit()
    with said_to(session) as heard:
        for kind in motions.due(session, NOW):
            assert motions.propose(session, kind, NOW)
        session.flush()
        assert motions.due(session, NOW) == []
    made = {motion.fact for motion in session.scalars(select(Motion))}
    assert made == {"flagged", "item_asked", "item_rejected", "item_overdue"}
    assert len(facts.FACTS) == 6
    for statement in heard:
        for table in FORBIDDEN_TABLES:
            assert not re.search(rf"(from|join|into|update) \"?{table}\"?\b", statement), statement
        for column in FORBIDDEN_COLUMNS:
            assert f"rectification.{column}" not in statement, statement
