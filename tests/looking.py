"""Everybody looks everywhere: each address, search and dossier, and what canaries they meet."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from unittest.mock import patch

import pypdfium2
from flask import Flask
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Case,
    Document,
    DossierRequest,
    Duty,
    KeyContact,
    Lesson,
    Motion,
    Notice,
    NoticeRecipient,
    Notification,
    Panel,
    Process,
    Rectification,
    Task,
)
from tests.pages import Client
from tests.planting import FIELDS, GONE, HOSPITAL, OFFICES, REVIEWERS, SEALED, WHO
from tests.played import NOW, Browse, Cast, quick
from tests.test_blind import every_byte
from webapp import errors
from workflows import gather
from workflows.permissions import may, visible_cases

STRANGERS = {"subl", "gaomz", "chenglc", "wangzy", "xitong", "anquan", "shenji"}
PEOPLE = sorted({*HOSPITAL, *OFFICES, *REVIEWERS, GONE, *STRANGERS})


def addresses(app: Flask, session: Session, case: Case) -> list[str]:
    """Every address that can be asked for with GET, with each key of the case's that fits."""
    of_case = {
        "case_id": [case.id],
        "document_id": session.scalars(
            select(Document.id).where(Document.case_id == case.id)
        ).all(),
        "task_id": session.scalars(select(Task.id).where(Task.case_id == case.id)).all(),
        "panel_id": session.scalars(select(Panel.id).where(Panel.case_id == case.id)).all(),
        "token": session.scalars(
            select(Attachment.token).where(Attachment.case_id == case.id)
        ).all(),
        "process_id": session.scalars(select(Process.id).where(Process.case_id == case.id)).all(),
        "line_id": session.scalars(
            select(Notification.id).where(Notification.case_id == case.id)
        ).all(),
        "dossier_id": session.scalars(
            select(DossierRequest.id).where(DossierRequest.case_id == case.id)
        ).all(),
        "item_id": session.scalars(
            select(Rectification.id).where(
                or_(Rectification.case_id == case.id, Rectification.duty_id.is_not(None))
            )
        ).all(),
        "lesson_id": session.scalars(select(Lesson.id)).all(),
        "notice_id": session.scalars(select(Notice.id).order_by(Notice.id.desc()).limit(1)).all(),
        "recipient_id": session.scalars(
            select(NoticeRecipient.id).order_by(NoticeRecipient.id.desc()).limit(1)
        ).all(),
        "contact_id": session.scalars(select(KeyContact.id)).all(),
        "key": ["maternal_death", "review-county"],
        "motion_id": session.scalars(select(Motion.id)).all(),
        "duty_id": session.scalars(select(Duty.id)).all(),
    }
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        choices: list[dict[str, Any]] = [{}]
        for name in sorted(rule.arguments):
            values: Iterable[Any] = of_case.get(name) or [1]
            choices = [{**given, name: value} for given in choices for value in values]
        for given in choices:
            built = rule.build(given, append_unknown=False)
            assert built is not None, rule
            found.append(built[1])
    found += [f"/cases/{case.id}?kind=reminders", f"/cases/{case.id}?kind=traces"]
    found += [
        "/ledger?view=all",
        "/motions?view=all",
        "/measures?view=all",
        "/lessons?view=drafts",
        f"/cases?number={case.number}",
    ]
    return found


def met(
    client: Client, places: list[str], fields: Mapping[str, str] = FIELDS
) -> Iterator[tuple[str, str]]:
    """Canary met → where. Files are read with their metadata."""
    for place in places:
        with quick(client, place) as reply:
            content = reply.data
        said = content.decode("utf-8", "replace")
        if reply.mimetype == "application/pdf":
            said = every_byte(content).decode("utf-8", "replace")
            with pypdfium2.PdfDocument(content) as document:
                said += "".join(page.get_textpage().get_text_range() for page in document)
        said += " ".join(f"{name}: {value}" for name, value in reply.headers)
        said = re.sub(r'<header class="top">.*?</header>', "", said, flags=re.S)
        for field, canary in fields.items():
            if canary in said:
                yield field, place


def asked(client: Client) -> Iterator[tuple[str, str]]:
    """Searches, by number and by what is looked for."""
    for words in ("99", WHO["name"], WHO["death_hospital"], SEALED["opinion"]):
        for place in ("/search", "/cases"):
            said = quick_post(client, place, words)
            for field, canary in FIELDS.items():
                if canary in said and canary != words:
                    yield field, place


def quick_post(client: Client, place: str, words: str) -> str:
    reply = client.post(place, data={"q": words})
    return str(reply.text)


def on_paper(session: Session, case: Case, cast: Cast, who: str) -> Iterator[tuple[str, str]]:
    """What a dossier would hold, for whoever may ask for one."""
    by = cast.seat(who)
    if not may(by, "dossier:request") or quick_sees(session, case, by) is False:
        return
    made = gather.gather(
        session, case, by=by, files=cast.folder, wording=lambda name: name, now=NOW
    )
    said = repr(dataclasses.asdict(made))
    for field, canary in FIELDS.items():
        if canary in said:
            yield field, "dossier"


def quick_sees(session: Session, case: Case, by: Appointment) -> bool:
    return session.scalar(visible_cases(by).where(Case.id == case.id)) is not None


def _unframed(_name: str, **said: Any) -> str:
    """A refusal without its frame: there are thousands, and every page that is shown has one."""
    return " ".join(map(str, said.values()))


def looked(
    app: Flask,
    session: Session,
    cast: Cast,
    browse: Browse,
    case: Case,
    more: Iterable[str] = (),
) -> dict[str, dict[str, set[str]]]:
    """Field → person → where it was met. `more`: addresses beside the case's."""
    found: dict[str, dict[str, set[str]]] = {field: {} for field in FIELDS}
    places = [*addresses(app, session, case), *more]
    for who in PEOPLE:
        client = browse(who)
        seen = [*asked(client), *on_paper(session, case, cast, who)]
        with patch.object(errors, "render_template", _unframed):
            seen += met(client, places)
        session.rollback()
        for field, place in seen:
            found[field].setdefault(who, set()).add(place)
    return found


def table(found: dict[str, dict[str, set[str]]]) -> str:
    """Person × field; ● met."""
    width = max(map(len, FIELDS)) + 1
    lines = [" " * width + " ".join(f"{who:>7}" for who in PEOPLE)]
    for field in FIELDS:
        marks = " ".join(f"{'●' if who in found[field] else '·':>7}" for who in PEOPLE)
        lines.append(f"{field:<{width}}{marks}")
    return "\n".join(lines)
