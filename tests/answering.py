"""Canaries in what is asked of a unit and what it answers: more time, effects, notices, watching.

Plants them beside the case of `tests.planting`; who may meet which stands in `tests.test_leaks`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Duty, DutyKind, KeyActionKind, MotionObject, NoticeKind, Rectification
from workflows.actions import effect_checks, extensions, key_contacts, letters, problems
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.play import Play
from workflows.demo.stage import Stage
from workflows.rules import day_of

OWNER, ACCEPTOR, LEADER = "zhougy", "fangcf", "shaoxz"
CANARIES = {
    "why more time": "QUEWHYMORETIME",
    "why no more time": "QUENOMORETIME",
    "effect of an item": "QUEEFFECTTEXT",
    "answer to a notice": "QUENOTICEANSWER",
    "what is said of an answer": "QUEANSWERAGAIN",
    "why it is watched": "QUEWHYWATCHED",
    "what came of watching": "QUEWATCHOUTCOME",
}


def plant(session: Session, play: Play, said: Mapping[str, str] = CANARIES) -> None:
    """An item with more time refused, closed, without effect; a notice answered and asked about
    again; the hospital on the list."""
    about = Stage(session, play.stage.units, play.stage.upload)
    _item(session, about, play, said)
    _notice(session, about, play, said)
    _watched(session, play, said)
    session.commit()


def _item(session: Session, about: Stage, play: Play, said: Mapping[str, str]) -> None:
    at = play.at(157)
    filled = answers.problem(
        owner=play.unit("qh_hospital"),
        acceptor=play.unit("qh_commission"),
        found_on=day_of(at),
        area="care",
        kind="technique",  # no old problem come back
    )
    finder = seat_of(session, "shenqm")
    item = problems.enter_problem(session, filled, key="found", by=finder, now=at)
    about.duty = item.duty
    about.act(OWNER, "UT_plan", answers.plan(day_of(at + timedelta(days=20))), play.at(158))
    wish = answers.extension(day_of(at + timedelta(days=40)))
    wish["reason"] = f"{said['why more time']}：设备正在招标。"
    owner = seat_of(session, OWNER)
    extensions.ask(session, item, wish, key="more", by=owner, now=play.at(159))
    about.duty = _duty(session, item, DutyKind.EXTENSION)
    refused = f"{said['why no more time']}：可先借用。"
    sign = about.sign(LEADER, play.at(160))
    about.act(LEADER, "UT_extension", answers.extension_refused(sign=sign, reason=refused),
              play.at(160))  # fmt: skip
    about.duty = item.duty
    evidence = about.upload(owner, "drill.jpg", play.at(161))
    about.act(OWNER, "UT_progress", answers.progress(evidence=[evidence.token]), play.at(161))
    soon = day_of(play.at(162) + timedelta(days=1)).isoformat()
    closed = answers.acceptance(
        play.at(162), sign=about.sign(ACCEPTOR, play.at(162)), effect_check_on=soon
    )
    about.act(ACCEPTOR, "UT_accept", closed, play.at(162))
    effect_checks.open_due(session, item.id, play.at(188))
    about.duty = _duty(session, item, DutyKind.EFFECT_CHECK)
    found = answers.effect(
        sign=about.sign(ACCEPTOR, play.at(189)), indicator=f"{said['effect of an item']}的比例"
    )
    about.act(ACCEPTOR, "UT_effect", found, play.at(189))


def _duty(session: Session, item: Rectification, kind: DutyKind) -> Duty:
    return session.scalars(select(Duty).where(Duty.item_id == item.id, Duty.kind == kind)).one()


def _notice(session: Session, about: Stage, play: Play, said: Mapping[str, str]) -> None:
    at, desk = play.at(190), seat_of(session, ACCEPTOR)
    about.duty = letters.begin(session, NoticeKind.WORK, by=desk, now=at)
    due = day_of(at + timedelta(days=20)).isoformat()
    sign: dict[str, Any] = about.sign(ACCEPTOR, at)
    letter = answers.letter("work", recipients=[play.unit("qh_hospital")], sign=sign, reply_due=due)
    about.act(ACCEPTOR, "UT_letter_draft", letter, at)
    about.act(ACCEPTOR, "UT_letter_check", answers.letter_check(sign=sign), at)
    issued = answers.notice_issue(sign=about.sign(LEADER, at))
    about.act(LEADER, "UT_letter_issue", issued, at)
    replies = select(Duty).where(Duty.kind == DutyKind.NOTICE_REPLY).order_by(Duty.id.desc())
    about.duty = session.scalars(replies.limit(1)).one()
    told = f"{said['answer to a notice']}：已配备称重垫。"
    answer = answers.reply(sign=about.sign(OWNER, play.at(191)), measures_taken=told)
    about.act(OWNER, "UT_reply", answer, play.at(191))
    again = answers.reply_reading(
        sign=about.sign(ACCEPTOR, play.at(192)),
        again=f"{said['what is said of an answer']}：请写明数量。",
        due=due,
    )
    about.act(ACCEPTOR, "UT_reply_read", again, play.at(192))


def _watched(session: Session, play: Play, said: Mapping[str, str]) -> None:
    leader, desk = seat_of(session, LEADER), seat_of(session, ACCEPTOR)
    listing = key_contacts.Listing(
        MotionObject.UNIT,
        play.stage.units["qh_hospital"],
        "两项台账逾期，提醒未改，现场核对属实。",
        f"{said['why it is watched']}：措施不落实。",
    )
    contact = key_contacts.enlist(session, listing, by=leader, now=play.at(193))
    action = key_contacts.plan(
        session,
        contact,
        KeyActionKind.GUIDE,
        day_of(play.at(194)),
        "方春分",
        "对照流程逐项查看。",
        by=desk,
        now=play.at(193),
    )
    outcome = f"{said['what came of watching']}：两项已改。"
    key_contacts.settle(session, action, day_of(play.at(194)), outcome, by=desk, now=play.at(195))
