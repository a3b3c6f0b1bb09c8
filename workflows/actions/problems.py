"""新增台账事项: a desk enters a problem that no review found (C04, C06, C13)."""

from datetime import datetime

from sqlalchemy.orm import Session

from models import Appointment, ItemSource, Organisation, Rectification
from workflows import surroundings
from workflows.actions import provinces
from workflows.actions.ledger import Problem, item_of, open_item
from workflows.actions.tasks import InvalidAnswers, handed_in, write_sheet
from workflows.forms import check, load
from workflows.forms.spec import Answers
from workflows.item_scope import may_own_items
from workflows.permissions import require

FORM = "ledger_item.v2"


def enter_problem(
    session: Session, answers: Answers, *, key: str, by: Appointment, now: datetime
) -> Rectification:
    """Enter a problem with its sheet and files. The item that comes of it, or that it opens again.

    `key` names the request: the same again returns the same item.
    Raises Forbidden, InvalidAnswers, rules.UnknownJurisdiction.
    """
    require(by, "ledger:enter")
    if (made := handed_in(session, by, key)) is not None and made.duty is not None:
        return item_of(session, made.duty)
    form = load.load(FORM)
    around = surroundings.known(session, None, None, by=by, now=now)
    if errors := check.check(form, answers, now=now, known=around):
        raise InvalidAnswers(errors)
    owner = session.get_one(Organisation, answers["owner"])
    if not may_own_items(session, by, owner, now):
        raise InvalidAnswers({"owner": ["只能为本单位，或本单位管理、指导范围内的单位列入台账"]})
    source = ItemSource(answers["source"])
    if source is ItemSource.REVIEW and not provinces.enters(by):
        raise InvalidAnswers({"source": ["省级评审提出的问题由市级卫生健康委列入"]})
    guide = answers.get("guide")
    item = open_item(
        session,
        problem=Problem(
            answers["problem"],
            answers["area"],
            answers["scope"],
            answers["kind"],
            int(answers["cell"]) if answers.get("cell") else None,
        ),
        source=source,
        owner=owner,
        acceptor=session.get_one(Organisation, answers["acceptor"]),
        guide=session.get_one(Organisation, guide) if guide else None,
        resp_level=answers["resp_level"],
        by=by,
        now=now,
    )
    newest = item.reopenings[-1].duty if item.reopenings else item.duty
    if newest is None:
        raise LookupError(f"item {item.id} was entered without a duty")
    write_sheet(session, form, answers, newest, key=key, by=by, now=now)
    return item
