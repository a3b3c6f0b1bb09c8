"""The demonstration's ledger beside the cases: a problem from a spot check, a longer deadline."""

from datetime import datetime, timedelta
from uuid import uuid4

from models import Rectification
from workflows.actions import extensions, problems
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.stage import Stage
from workflows.rules import day_of

_HOUR = timedelta(hours=1)


def play(stage: Stage, now: datetime) -> None:
    """白鹭's MCH institution enters what a spot check found; the hospital is at work on it."""
    at = now - timedelta(days=18)
    seat = seat_of(stage.session, "gaomz")
    photo = stage.upload(seat, "drill.jpg", at)
    filled = answers.problem(
        owner=stage.units["bl_hospital"].id,
        acceptor=stage.units["bl_mch"].id,
        found_on=day_of(at),
        files=[photo.token],
    )
    item = problems.enter_problem(stage.session, filled, key=str(uuid4()), by=seat, now=at)
    stage.duty = item.duty
    plan = answers.plan(
        day_of(at + timedelta(days=40)),
        cause="急救药品由产房与药房各管一半，近效期没有人登记。",
        measure="急救药品目录化、定位存放，近效期 3 个月预警，每班交接签字。",
        strength="medium",
        resp_level="department",
    )
    stage.act("subl", "UT_plan", plan, at + 30 * _HOUR)
    done = answers.progress(percent=60, text="目录和定位标识已完成，预警表试用一周。")
    stage.act("subl", "UT_progress", done, now - 20 * _HOUR)


def extend(
    stage: Stage, item: Rectification, office: str, leader: str, *, days: int, at: datetime
) -> None:
    """Somebody of the owner asks for so many days more; next day the acceptor's leader agrees."""
    stage.let_pass(at)
    until = (item.deadline or day_of(at)) + timedelta(days=days)
    wish = extensions.ask(
        stage.session,
        item,
        answers.extension(until),
        key=str(uuid4()),
        by=seat_of(stage.session, office),
        now=at,
    )
    later = at + 20 * _HOUR
    about = Stage(stage.session, stage.units, stage.upload, duty=wish.duty)
    granted = answers.extension_granted(sign=stage.sign(leader, later))
    about.act(leader, "UT_extension", granted, later)
