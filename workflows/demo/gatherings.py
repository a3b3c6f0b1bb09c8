"""What 青禾 has arranged for its reviews: a training with a sheet to sign in on, and a procedure of
its own, which new near misses go by."""

from datetime import datetime, timedelta

from workflows.actions import gatherings, procedures, trainings
from workflows.demo.people import seat_of
from workflows.demo.stage import Stage
from workflows.rules import day_of

_HOUR = timedelta(hours=1)
SCHEME = {
    "document": "青卫妇幼〔2026〕12号 青禾县危重孕产妇评审实施办法（示例）",
    "text": "一、每例危重孕产妇由发生机构登记，县妇幼保健院核实，县卫生健康委选定评审病例。\n"
    "二、评审以改进为目的，不追究个人；材料去标识，专家独立提出意见后再开会。\n"
    "三、评审意见在会后反馈，问题列入台账，由另一单位验收。",
    "clock.nearmiss_case_submission": "5",
    "clock.nearmiss_case_submission.unit": "working_days",
    "interval": "3",
}
CAME = ("subl", "zhougy", "linxm", "shenqm")


def play(stage: Stage, now: datetime) -> None:
    """The training was twelve days ago; the procedure holds since yesterday."""
    _train(stage, now - timedelta(days=12))
    _lay_down(stage, now - timedelta(days=2))


def _train(stage: Stage, at: datetime) -> None:
    session, by = stage.session, seat_of(stage.session, "chenglc")
    training = gatherings.train(
        session,
        "危重孕产妇评审方案与个案资料填报",
        "危重孕产妇评审实施方案",
        day_of(at).isoformat(),
        {},
        by=by,
        now=at,
    )
    trainings.keep(session, training, [stage.upload(by, "drill.jpg", at)], by=by, now=at)
    for who in CAME:
        trainings.sign_in(session, training, by=seat_of(session, who), now=at)
    remark = "希望多讲达标条目的判定。"
    later, one = at + _HOUR, seat_of(session, CAME[0])
    trainings.rate(session, training, ("5", "4"), remark, by=one, now=later)


def _lay_down(stage: Stage, at: datetime) -> None:
    session = stage.session
    since = (day_of(at) + timedelta(days=1)).isoformat()
    desk, leader = seat_of(session, "fangcf"), seat_of(session, "shaoxz")
    made = procedures.draft(session, SCHEME | {"valid_from": since}, by=desk, now=at)
    procedures.approve(session, made, by=leader, now=at + _HOUR)
