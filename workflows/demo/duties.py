"""The demonstration's periodic duties: one county has reported its month, the other has not yet."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models import Duty, DutyKind
from workflows import duties
from workflows.actions import duties as acts
from workflows.demo import answers
from workflows.demo.stage import Stage


def play(stage: Stage, now: datetime) -> None:
    """Open what is due today; 白鹭 reports, the city takes it over."""
    at = now - timedelta(hours=3)
    for unit in acts.due_units(stage.session, at):
        acts.open_due(stage.session, unit, at)
    stage.duty = stage.session.scalars(
        select(Duty).where(
            Duty.kind == DutyKind.MONTHLY_REPORT,
            Duty.organisation_id == stage.units["bl_mch"].id,
        )
    ).one()
    later = at + timedelta(hours=1)
    filled = answers.monthly_report(
        period=stage.duty.period,
        n_cases=len(duties.cases_of(stage.session, stage.duty)),
        sign=stage.sign("gaomz", later),
    )
    stage.act("gaomz", "UT_month_file", filled, later)
    taken = answers.month_check(sign=stage.sign("liangxh", later))
    stage.act("liangxh", "UT_month_check", taken, later)
