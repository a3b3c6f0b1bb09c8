"""Many clients, one step: whoever comes first has it, and the others are told so.

A round is one open step of a desk and 32 people of it, each with a browser and a page of their own,
who hand it in at the same moment; two of them press the button twice. One wins, twice if pressed
twice; all others get the page of conflict.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Document, Task, TaskState, User
from tests.faults.audit import Fault, audit, jobs, versions
from tests.faults.clients import BUSY, CONFLICT, DONE, Attempt, Reply, sign_in, words
from tests.faults.crowd import at_once
from tests.faults.desks import Desks, Paper
from tests.faults.ground import Ground
from tests.faults.kills import rest, wait
from workflows.actions.cases import open_case
from workflows.demo import answers
from workflows.demo.people import seat_of

RACERS, TWICE = 32, 2
DESK = "shenqm"


@dataclass
class Outcome:
    """`wrong`: rounds that did not have exactly one winner, or in which somebody was not told."""

    rounds: int = 0
    wrong: int = 0
    told: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)


def run(place: Ground, rounds: int, seed: str, practice: int = 0) -> Outcome:
    """So many rounds, one after the other, then the audit."""
    outcome, dice = Outcome(), Random(seed)  # noqa: S311 - it must repeat
    people = _colleagues(place)
    place.stand.start(practice=practice)
    wait(place.answers)
    tasks = _steps(place, rounds)
    for task in tasks:
        outcome.rounds += 1
        if wrong := _round(place, task, people, dice, outcome.told):
            outcome.wrong += 1
            outcome.faults += [Fault("wrong", f"round {outcome.rounds}: {what}") for what in wrong]
    rest(place.engine)
    place.stand.stop()
    with Session(place.engine.execution_options(reads=True)) as session:
        now = datetime.now(UTC)
        outcome.faults += audit(session, place.folder, now, (jobs, versions))
    return outcome


def _steps(place: Ground, number: int) -> list[int]:
    """As many reports, each waiting to be received."""
    with Session(place.engine) as session, session.begin():
        by, now = seat_of(session, "linxm"), datetime.now(UTC)
        for _ in range(number):
            said = answers.report(now - timedelta(hours=2), organisation=by.organisation_id)
            open_case(session, said, key=str(uuid4()), by=by, now=now - timedelta(hours=1))
        query = select(Task.id).where(Task.bpmn_id == "UT_receive", Task.state == TaskState.OPEN)
        return list(session.scalars(query.order_by(Task.id.desc()).limit(number)))


def _colleagues(place: Ground) -> list[str]:
    """As many as race, at the desk that receives reports, all signed in."""
    names = [DESK, *(f"racer-{number}" for number in range(1, RACERS))]
    with Session(place.engine) as session, session.begin():
        seat = seat_of(session, DESK)
        for name in names[1:]:
            user = User(
                username=name,
                name="米兰",
                password_hash=seat.user.password_hash,
                created_at=seat.user.created_at,
                phone=seat.user.phone,
            )
            session.add(
                Appointment(
                    user=user,
                    organisation_id=seat.organisation_id,
                    role=seat.role,
                    valid_from=seat.valid_from,
                )
            )
    place.browser.cookies |= sign_in(place.engine, names)
    return names


def _round(
    place: Ground, task_id: int, people: list[str], dice: Random, told: Counter[str]
) -> list[str]:
    """What was wrong with it."""
    with Session(place.engine.execution_options(reads=True)) as session:
        paper = Desks(session, lambda *_: "", dice).paper(session.get_one(Task, task_id))
    keys = {who: str(UUID(int=dice.getrandbits(128), version=4)) for who in people}
    racing = people + dice.sample(people, TWICE)
    dice.shuffle(racing)
    attempts = [Attempt(who, f"/tasks/{task_id}", keys[who], "race") for who in racing]
    _race(place, attempts, paper)
    told.update(str(attempt.final and attempt.final.status) for attempt in attempts)
    told.update(f"{each}, asked again" for attempt in attempts for each in attempt.told)
    with Session(place.engine.execution_options(reads=True)) as session:
        documents = session.scalars(select(Document).where(Document.task_id == task_id)).all()
        return _judged(attempts, [document.key for document in documents])


def _race(place: Ground, attempts: list[Attempt], paper: Paper) -> None:
    """Until everybody has an answer: a line that is not taken in the crowd is none, nor is "try
    again"."""
    left = attempts
    for _ in range(20):
        requests = [
            place.browser.typed(each.who, each.path, paper.typed(each.key)) for each in left
        ]
        for each, reply in zip(left, at_once(place.browser.port, requests), strict=True):
            each.final = reply
            if reply is None or reply.status == BUSY:
                each.told.append("busy" if reply else "cut")
        left = [each for each in left if each.final is None or each.final.status == BUSY]
        if not left:
            return


def _judged(attempts: list[Attempt], written: list[str]) -> list[str]:
    if len(written) != 1:
        return [f"{len(written)} documents"]
    wrong = []
    for attempt in attempts:
        won = attempt.key == written[0]
        if not (_is_first_answer(attempt) if won else _is_told(attempt.final)):
            reply = attempt.final
            said = reply and (reply.status, reply.location, words(reply.body))
            wrong.append(f"{'a winner' if won else 'a loser'} was told {said}")
    return wrong


def _is_first_answer(attempt: Attempt) -> bool:
    reply = attempt.final
    return reply is not None and (reply.status, reply.location) == (DONE, attempt.path)


def _is_told(reply: Reply | None) -> bool:
    """409, by whom it was done, and nothing of what was typed is lost."""
    return reply is not None and reply.status == CONFLICT and "已由" in reply.body
