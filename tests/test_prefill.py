"""What a form starts with."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from models import Document
from tests.cases import report, step
from tests.people import World
from webapp import prefill
from workflows.forms import load
from workflows.forms.spec import Field, Form, Kind, Section

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)

FORM = Form(
    name="receipt.v9",
    title="表",
    prefill="receipt",
    sections=(
        Section(
            title="节",
            fields=(
                Field(name="received_dt", kind=Kind.DATETIME, default="now"),
                Field(name="day", kind=Kind.DATE, default="today"),
                Field(name="died_on", kind=Kind.DATE, default="case.event_at"),
                Field(name="receiver", kind=Kind.TEXT, default="me.name"),
                Field(name="number", kind=Kind.TEXT, default="case.number", readonly=True),
                Field(name="round", kind=Kind.INTEGER, default="=2"),
                Field(name="nothing", kind=Kind.TEXT, default="latest.report.unknown"),
                Field(name="sign", kind=Kind.SIGNATURE),
            ),
        ),
    ),
)
VALUES = {
    "now": "2026-11-22T10:00+08:00",
    "case.event_at": "2026-11-21T03:40+08:00",
    "case.number": "MD-1",
    "me.name": "白荷",
}
DEFAULTS = {
    "received_dt": "2026-11-22T10:00+08:00",
    "day": "2026-11-22",
    "died_on": "2026-11-21",
    "receiver": "白荷",
    "number": "MD-1",
    "round": 2,
}


def test_defaults_come_from_what_is_known() -> None:
    assert prefill.defaults(FORM, VALUES) == DEFAULTS
    assert prefill.defaults(FORM, {}) == {"round": 2}


def test_what_was_handed_in_before_comes_back(session: Session, world: World) -> None:
    case = report(session, world.by["quality_office"], NOW)
    task = step(session, case, "UT_receive")
    answers = {"receiver": "常青", "number": "old", "gone": 1, "sign": {"user": 1}}
    for edition, told in enumerate(({"receiver": "第一次"}, answers), start=1):
        session.add(
            Document(
                case_id=case.id,
                task_id=task.id if edition == 2 else step(session, case, "UT_discuss").id,
                form="receipt.v1",
                edition=edition,
                answers=told,
                author_id=world.user("mch").id,
                appointment_id=world.by["mch"].id,
                submitted_at=NOW + timedelta(minutes=edition),
                key=str(edition),
            )
        )
    session.flush()
    assert prefill.previous(session, FORM, task) == {"receiver": "常青", "number": "old"}
    # what nobody may change is what is known now
    expected = {**DEFAULTS, "receiver": "常青"}
    assert prefill.starting_answers(session, FORM, task, VALUES) == expected
    other = step(session, case, "UT_discuss")
    other.level = "city"
    session.flush()  # what one level wrote does not come back at the other
    assert prefill.previous(session, FORM, other) == {"receiver": "第一次"}
    assert prefill.previous(session, FORM, task) == {"receiver": "常青", "number": "old"}
    session.rollback()


def test_every_default_of_every_form_is_one_we_know() -> None:
    for form in load.all_forms():
        prefill.defaults(form, {})
