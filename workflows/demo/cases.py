"""The eight cases of the demonstration, each standing at another step on the day it is loaded."""

from collections.abc import Callable
from datetime import datetime, timedelta

from models import Level
from workflows.actions import cases
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.play import BL, QH, Play
from workflows.demo.stage import Stage


def _death(now: datetime, hours: float) -> datetime:
    return (now - timedelta(hours=hours)).replace(second=0, microsecond=0)


def closed(stage: Stage, now: datetime) -> None:
    """归档: found, reported, reviewed at both levels, put right, closed."""
    play = Play(stage, QH, _death(now, 24 * 150), "麦青青", "102")
    play.first_48h()
    play.verify(60)
    play.county_review(100)
    play.sign_for(QH.office, 300)
    play.sign_for(QH.mch, 302)
    play.plan(330, 40)
    play.plan(332, 40)
    play.convene(340, Level.CITY, meeting=760)
    play.opine(420, Level.CITY)
    play.answer(QH.office, 500)
    play.answer(QH.mch, 530)
    play.progress(700)
    play.progress(702)
    play.conclude(
        760,
        Level.CITY,
        conclusion="avoidable",
        **answers.DIFFERENCES,
        problems_none=True,
        problems=[],
        votes_avoidable=4,
        votes_conditionally_avoidable=1,
        votes_unavoidable=0,
        dissent="一名专家认为创造条件可避免。",
    )
    play.reject(820)
    play.progress(1000)
    play.accept(1040)
    play.accept(1042)
    play.archive(1100)


def rectifying(stage: Stage, now: datetime) -> None:
    """整改: one item overdue; one, whose deadline was extended, awaiting acceptance; the city's
    review not yet convened."""
    play = Play(stage, BL, _death(now, 24 * 75), "柳依依", "202")
    play.first_48h()
    play.verify(58)
    play.county_review(90)
    play.sign_for(BL.office, 280)
    play.plan(300, 45)
    play.plan(302, 60)
    play.answer(BL.office, 500)
    play.progress(900, percent=40)
    play.extend(1200, days=20)
    play.progress(1400)


def in_review(stage: Stage, now: datetime) -> None:
    """评审: three of five opinions are in."""
    play = Play(stage, QH, _death(now, 24 * 16), "禾小满", "302")
    play.first_48h()
    play.verify(62)
    play.convene(120, Level.COUNTY, meeting=24 * 18)
    play.opine(240, Level.COUNTY, ("chenyf", "fengjc", "chuys"))


def returned(stage: Stage, now: datetime) -> None:
    """退回: county MCH wants the record complete."""
    play = Play(stage, BL, _death(now, 24 * 5), "苇青", "402")
    play.first_48h()
    play.verify(70, returned=True)


def to_verify(stage: Stage, now: datetime) -> None:
    """待核实: submitted yesterday, in time."""
    play = Play(stage, QH, _death(now, 58), "谷雨晴", "502")
    play.first_48h()


def late(stage: Stage, now: datetime) -> None:
    """超时: no discussion after 30 hours, the submission is due in 18."""
    play = Play(stage, BL, _death(now, 30), "白小荷", "602")
    play.report(1)
    play.receive(2.5)


def fresh(stage: Stage, now: datetime) -> None:
    """新报: reported an hour ago."""
    play = Play(stage, QH, _death(now, 3.5), "林夏", "702")
    play.report(2)


def voided(stage: Stage, now: datetime) -> None:
    """作废: reported twice by mistake, voided by a second person, still on record."""
    play = Play(stage, BL, _death(now, 24 * 40), "鹭鸣", "802")
    case = play.report(3)
    office, mch = seat_of(stage.session, BL.office), seat_of(stage.session, BL.mch)
    cases.request_void(
        stage.session,
        case,
        "值班人员重复登记，同一患者已在转出医院报告，经核对撤销本条。",
        by=office,
        now=play.at(6),
    )
    cases.decide_void(stage.session, case, True, by=mch, now=play.at(9))


EIGHT: tuple[Callable[[Stage, datetime], None], ...] = (
    closed,
    rectifying,
    voided,
    in_review,
    returned,
    to_verify,
    late,
    fresh,
)
