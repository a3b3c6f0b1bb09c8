"""The demonstration's 提醒、督导、约谈: what the facts call for, and one interview under way."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models import Measure, Motion
from workflows import facts
from workflows.actions import motions
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.stage import Stage


def play(stage: Stage, now: datetime) -> None:
    """What the worker would have proposed by now; 白鹭's leader takes one up, the rest is open."""
    at = now - timedelta(hours=26)
    for kind in range(len(facts.FACTS)):
        motions.propose(stage.session, kind, at)
    motion = stage.session.scalars(
        select(Motion)
        .where(
            Motion.trigger == "trigger.rectification_failed",
            Motion.commission_id == stage.units["bl_commission"].id,
        )
        .order_by(Motion.id)
        .limit(1)
    ).one()
    reason = "整改期限已过，影响夜间用血，须当面提出要求。"
    later = at + timedelta(hours=1)
    leader = seat_of(stage.session, "dongdz")
    stage.duty = motions.take(
        stage.session,
        motion,
        Measure.INTERVIEW,
        reason,
        by=leader,
        now=later,
        alone="本委只有一位主管负责人，评审结论也由其审签。",
    )
    later += timedelta(hours=1)
    letter = answers.summons(
        later,
        sign=stage.sign("guqf", later),
        facts=motion.facts,
        object=motion.about,
    )
    stage.act("guqf", "UT_summons", letter, later)
    later += timedelta(hours=2)
    receipt = answers.summons_receipt(sign=stage.sign("chenjz", later))
    stage.act("chenjz", "UT_summons_receipt", receipt, later)
