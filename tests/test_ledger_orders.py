"""A ledger item under events in any order: what must hold whoever does whatever comes next."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Clock,
    ItemSource,
    Organisation,
    Rectification,
    RectificationState,
    Task,
    TaskState,
)
from tests import said
from tests.orders import orders
from tests.walk import StartWalk, Walk
from workflows.actions import effect_checks, extensions, tasks
from workflows.actions.ledger import Problem, open_item
from workflows.actions.reopening import ItemClosed
from workflows.actions.tasks import InvalidAnswers
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.forms.spec import Answers
from workflows.permissions import Forbidden
from workflows.rules import day_of

PROBLEM = Problem("抽查发现催产素无双人核对。", "medical", "specific", "management", 5)
PEOPLE = ("zhougy", "fangcf", "shaoxz", "shenqm", "subl")
OWNER, ACCEPTOR, LEADER, FINDER, _STRANGER = PEOPLE
THEIRS = {"plan": OWNER, "progress": OWNER, "accept": ACCEPTOR, "extension": LEADER, "ask": OWNER}
THEIRS |= {"effect": ACCEPTOR, "find": FINDER, "look": FINDER}


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.mark.parametrize("seed", orders(2))
def test_only_another_units_acceptance_closes_and_the_first_deadline_stays(
    start_walk: StartWalk, seed: int
) -> None:
    walk, chance = start_walk(), Random(seed)  # noqa: S311 - no secret
    first: date | None = None
    met: dict[int, tuple[datetime | None, ...]] = {}
    with Session(walk.app.extensions["engine"]) as session:
        key = enter(walk, session, ItemSource.SPOT_CHECK).id
        session.commit()
        for step in range(160):
            walk.clock.shift(timedelta(hours=chance.randint(1, 200)))
            item = session.get_one(Rectification, key)
            state, deadline, reopened = item.state, item.deadline, item.reopened
            act = chance.choice([*STEPS, *waits(session, key), "ask", "find", "look"])
            who = chance.choice([*PEOPLE, *[THEIRS[act]] * 3])
            happens(walk, session, item, act, who, chance)
            session.expire_all()
            item = session.get_one(Rectification, key)
            what = (step, act, who)
            assert first in (None, item.first_deadline), what
            first = item.first_deadline
            closed = item.state is RectificationState.CLOSED
            if closed and state is not RectificationState.CLOSED:
                assert (act, who) == ("accept", ACCEPTOR), what
            if item.deadline != deadline and item.reopened == reopened:
                assert (act, who) in {("plan", OWNER), ("extension", LEADER)}, what
            limits = session.scalars(
                select(Clock).where(
                    Clock.rule_key == "clock.rectification", Clock.subject == str(key)
                )
            ).all()
            now_met = {each.id: (each.due_at, each.met_at) for each in limits if each.met_at}
            assert met.items() <= now_met.items(), what  # what was met, late or not, stays so
            met = now_met
            running = {each.due_at.date() for each in limits if each.due_at and not each.met_at}
            assert running <= {item.deadline}, what
            kinds = [entry.kind for entry in item.entries]
            assert kinds.count("reopened") == item.reopened == len(item.reopenings), what
            assert kinds.count("accepted") == item.reopened + closed, what
        if seed <= 2:  # what the orders of every run come to
            assert item.reopened > 0
            assert {"rejected", "effect_judged", "extension_asked"} <= {*kinds}


def waits(session: Session, item_id: int) -> list[str]:
    """The steps that wait, each several times: so that something happens."""
    found = select(Task.bpmn_id).where(
        Task.rectification_id == item_id, Task.state == TaskState.OPEN
    )
    return [name.removeprefix("UT_") for name in session.scalars(found)] * 4


def enter(walk: Walk, session: Session, source: ItemSource) -> Rectification:
    """The county's MCH institution finds the problem: for the first time, or again."""
    return open_item(
        session,
        problem=PROBLEM,
        source=source,
        owner=session.get_one(Organisation, walk.units["qh_hospital"]),
        acceptor=session.get_one(Organisation, walk.units["qh_commission"]),
        by=seat_of(session, "shenqm"),
        now=walk.now,
    )


STEPS: dict[str, Callable[[Walk, Random], Answers]] = {
    "plan": lambda walk, chance: said.plan(chance.randint(1, 60))(walk),
    "progress": lambda walk, chance: answers.progress(evidence=["evidence"]),
    "accept": lambda walk, chance: chance.choice(
        [
            said.acceptance(effect_check_on=(day_of(walk.now) + timedelta(days=3)).isoformat()),
            said.rejection(),
        ]
    )(walk),
    "extension": lambda walk, chance: chance.choice(
        [answers.extension_granted(sign=said.SIGNED), answers.extension_refused(sign=said.SIGNED)]
    ),
    "effect": lambda walk, chance: answers.effect(
        sign=said.SIGNED,
        **chance.choice([{}, {"effect_judgement": "not_effective", "reason": "看过二十份病历。"}]),
    ),
}


def happens(
    walk: Walk, session: Session, item: Rectification, act: str, who: str, chance: Random
) -> None:
    """Somebody tries something; nothing happens when it is not theirs or not the moment."""
    by, now = seat_of(session, who), walk.now
    try:
        if act == "ask":
            until = day_of(now) + timedelta(days=chance.randint(1, 200))
            wish = answers.extension(until)
            extensions.ask(session, item, wish, key=str(chance.random()), by=by, now=now)
        elif act == "find":
            if item.state is RectificationState.CLOSED:
                enter(walk, session, ItemSource.QUALITY_CONTROL)
        elif act == "look":
            for each in effect_checks.due_items(session, now):
                effect_checks.open_due(session, each, now)
        else:
            hand_in(walk, session, item, act, by, chance)
    except (InvalidAnswers, Forbidden, ItemClosed, extensions.AlreadyAsked, NoResultFound):
        session.rollback()
    else:
        session.commit()


def hand_in(
    walk: Walk, session: Session, item: Rectification, act: str, by: Appointment, chance: Random
) -> None:
    """The open step of that name, whoever tries. NoResultFound when there is none."""
    waiting = select(Task).where(
        Task.rectification_id == item.id,
        Task.bpmn_id == f"UT_{act}",
        Task.state == TaskState.OPEN,
    )
    task, key = session.scalars(waiting).one(), str(chance.random())
    filled = STEPS[act](walk, chance)
    if "evidence" in filled:
        filled["evidence"] = [photograph(session, by.user_id, key, walk)]
    if "sign" in filled:
        filled["sign"] = answers.signature(by.user_id, by.user.name, walk.now)
    tasks.complete_task(session, task, filled, key=key, by=by, now=walk.now)


def photograph(session: Session, user_id: int, token: str, walk: Walk) -> str:
    session.add(
        Attachment(
            token=token,
            filename="照片.jpg",
            media_type="image/jpeg",
            size=1,
            pages=1,
            sha256="0",
            uploaded_by_id=user_id,
            uploaded_at=walk.now,
        )
    )
    session.flush()
    return token
