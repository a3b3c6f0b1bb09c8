"""提醒、督导、约谈 over HTTP: proposed from facts, decided by a leader, carried out to the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from models import (
    Clock,
    Duty,
    DutyState,
    Event,
    ItemSource,
    Measure,
    Motion,
    MotionState,
    Rectification,
    RectificationState,
)
from tests import said
from tests.said import SIGNED
from tests.test_ledger import enter
from tests.walk import Move, Said, StartWalk, Walk, faults
from workflows.demo import answers
from workflows.forms import load

WEEK = 24 * 7


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


def typing(form: str, make: Callable[..., dict[str, Any]], *dated: str, **over: Any) -> Said:
    """What a person types into a sheet: what stands there already is not typed."""
    fixed = {question.name for question in load.load(form).fields() if question.readonly}

    def saying(walk: Walk) -> dict[str, Any]:
        at = (walk.now,) if dated else ()
        made = make(*at, sign=SIGNED, **over)
        return {name: value for name, value in made.items() if name not in fixed}

    return saying


SUMMONS = typing("interview_summons.v1", answers.summons, "at")
RECEIPT = typing("interview_receipt.v1", answers.summons_receipt)
RECORD = typing("interview_record.v1", answers.interview, "at")
DISPUTE = typing("interview_object_sign.v1", answers.interview_disputed)
AGREE = typing("interview_object_sign.v1", answers.interview_agreed)
SIGN = typing("interview_sign.v1", answers.interview_signed)
FILING = typing("interview_filing.v1", answers.filing, "at")
FILED = typing("interview_filed.v1", answers.filed, "at")
CLOSE = typing("interview_close.v1", answers.closing, "at")


def motions(walk: Walk) -> list[Motion]:
    walk.session.rollback()
    return list(walk.session.scalars(select(Motion).order_by(Motion.id)))


def decide(walk: Walk, who: str, motion: Motion, decision: str, reason: str = "理由充分。") -> Any:
    """The leader's page, filled in and sent."""
    return walk.post(
        who, f"/motions/{motion.id}/decision", {"decision": decision, "reason": reason}
    )


def decided(walk: Walk, who: str, motion: Motion, decision: str) -> Motion:
    page = walk.browser(who).get(f"/motions/{motion.id}").text
    assert f'value="{decision}"' in page, page
    reply = walk.browser(who).post(
        f"/motions/{motion.id}/decision",
        data={"decision": decision, "reason": "期限已过，多次未到位。"},
    )
    assert reply.status_code == 303, faults(reply)
    walk.session.rollback()
    walk.session.refresh(motion)
    return motion


def names(walk: Walk) -> list[str]:
    return list(walk.session.scalars(select(Event.name).order_by(Event.id)))


@pytest.mark.clause("C03", "D04", "D11")
def test_not_put_right_is_proposed_decided_interviewed_filed_and_closed(
    start_walk: StartWalk,
) -> None:
    """An item rejected twice and overdue, to the end of the interview about it."""
    walk = start_walk()
    item = enter(walk)
    walk.walk(
        [
            Move(1, "zhougy", "plan", said.plan(2), "progress:zhougy"),
            Move(2, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(3, "fangcf", "accept", said.rejection(escalation="none"), "progress:zhougy"),
            Move(4, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
        ]
    )
    assert motions(walk) == []  # sent back once is not yet failing
    again = said.rejection(escalation="none")
    walk.make(Move(5, "fangcf", "accept", again, "progress:zhougy"))
    walk.at(24 * 5)
    walk.sweep()
    walk.sweep()
    rejected, overdue = motions(walk)
    assert (rejected.fact, overdue.fact) == ("item_rejected", "item_overdue")
    for motion in (rejected, overdue):
        assert (motion.item_id, motion.measure) == (item.id, Measure.INTERVIEW)
        assert motion.rule["quote"].startswith("对整改不力的单位和个人给约谈")
        assert motion.organisation_id == walk.units["qh_hospital"]
        assert motion.commission_id == walk.units["qh_commission"]
    assert "验收未通过 2 次" in rejected.facts
    assert "逾期" in overdue.facts

    leader, desk = walk.browser("shaoxz"), walk.browser("fangcf")
    assert leader.get("/motions").text.count(rejected.number) == 1
    for stranger in ("zhougy", "helx", "shenqm", "wugs", "chenyf", "jiasj", "shenji"):
        assert walk.browser(stranger).get("/motions").status_code == 404
        assert walk.browser(stranger).get(f"/motions/{rejected.id}").status_code == 404
    for elsewhere in ("dongdz", "renys"):
        assert walk.browser(elsewhere).get(f"/motions/{rejected.id}").status_code == 404
    # A person decides, the leader, with a reason
    path = f"/motions/{rejected.id}/decision"
    act = {"decision": "take:interview", "reason": "多次未到位，须当面提出要求。"}
    assert desk.post(path, data=act).status_code == 404
    assert leader.post(path, data=act | {"reason": "行"}).status_code == 422
    assert leader.post(path, data=act | {"decision": "take:everything"}).status_code == 422
    decided(walk, "shaoxz", rejected, "take:interview")
    decided(walk, "shaoxz", overdue, f"combine:{rejected.id}")
    assert leader.post(path, data=act | {"decision": "drop"}).status_code == 409
    assert (rejected.state, overdue.state) == (MotionState.TAKEN, MotionState.COMBINED)
    assert rejected.duty_id is not None

    walk.duty_id, place = rejected.duty_id, f"/measures/{rejected.duty_id}"
    assert walk.browser("helx").get(place).status_code == 404  # nothing is written to them yet
    walk.walk(
        [
            Move(121, "fangcf", "summons", SUMMONS, "summons_receipt:helx summons_receipt:zhougy"),
            Move(122, "helx", "summons_receipt", RECEIPT, "interview:fangcf"),
            Move(
                170, "fangcf", "interview", RECORD, "interview_object:helx interview_object:zhougy"
            ),
            Move(171, "helx", "interview_object", DISPUTE, "interview:fangcf"),
            Move(
                172, "fangcf", "interview", RECORD, "interview_object:helx interview_object:zhougy"
            ),
            Move(173, "helx", "interview_object", AGREE, "interviewer:shaoxz"),
            Move(174, "shaoxz", "interviewer", SIGN, "plan:zhougy filing:fangcf"),
        ]
    )
    record = walk.browser("helx").get(place).text
    assert "约谈记录（第 2 版）" in record
    assert "整改不力、整改达不到要求" in record
    assert "验收未通过 2 次" in record
    assert "逾期" in record
    required = walk.session.scalars(
        select(Rectification).where(Rectification.duty_id == walk.duty_id)
    ).one()
    assert required.source is ItemSource.INTERVIEW
    assert required.owner_id == walk.units["qh_hospital"]
    assert required.acceptor_id == walk.units["qh_commission"]
    assert required.first_deadline is not None

    # Filed with the city's commission, which sees it from then on
    clock = walk.session.scalars(
        select(Clock).where(Clock.rule_key == "clock.interview_filing")
    ).one()
    assert (clock.due_at, clock.met_at) == (None, None)  # 同时: no number, none is made up
    assert walk.browser("chenglc").get(place).status_code == 404
    walk.make(Move(175, "fangcf", "filing", FILING, "plan:zhougy filed:chenglc"))
    assert clock.met_at is not None
    assert "约谈记录" in walk.browser("chenglc").get(place).text
    assert "备案摘要" not in walk.browser("helx").get(place).text
    days = said.plan(20)
    walk.walk(
        [
            Move(176, "chenglc", "filed", FILED, "plan:zhougy"),
            Move(177, "zhougy", "plan", days, "progress:zhougy"),
            Move(178, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf"),
            Move(179, "fangcf", "accept", said.acceptance(), "interview_close:shaoxz"),
            Move(180, "shaoxz", "interview_close", CLOSE, ""),
        ]
    )
    assert walk.session.get_one(Duty, walk.duty_id).state is DutyState.DONE
    assert required.state is RectificationState.CLOSED
    assert item.state is not RectificationState.CLOSED  # what it was about goes on for itself
    assert {"motion.proposed", "motion.decided", "interview.disputed", "interview.filed",
            "interview.registered", "measure.closed"} <= set(names(walk))  # fmt: skip
    for who, page in (("shaoxz", "/motions?view=all"), ("helx", "/measures?view=all")):
        assert rejected.number in walk.browser(who).get(page).text
    walk.sweep()
    assert walk.session.scalar(select(func.count()).select_from(Motion)) == 2
