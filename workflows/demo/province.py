"""What the province concluded of the demonstration's closed case, as the city received it."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models import Case, CaseKind, CaseState, Conclusion, Level
from workflows.actions import provinces
from workflows.demo.people import seat_of
from workflows.demo.stage import Stage
from workflows.rules import day_of

DESK = "chenglc"


def play(stage: Stage, now: datetime) -> None:
    """The same conclusion and cause as the city's, one factor fewer, one problem more."""
    session, by, at = stage.session, seat_of(stage.session, DESK), now - timedelta(days=2)
    query = (
        select(Conclusion)
        .join(Case, Case.id == Conclusion.case_id)
        .where(
            Case.state == CaseState.CLOSED,
            Case.kind == CaseKind.MATERNAL_DEATH,
            Conclusion.level == Level.CITY,
        )
    )
    city = session.scalars(query.order_by(Conclusion.id).limit(1)).first()
    if city is None:
        return
    below = city.document.answers
    major = list(below.get("major_factors") or ())
    said = {
        "doc_no": "评字〔示例〕3 号",
        "doc_date": day_of(at - timedelta(days=3)).isoformat(),
        "received_on": day_of(at).isoformat(),
        "files": [stage.upload(by, "autopsy.pdf", at).token],
        "conclusion": below["conclusion"],
        "reason": "同意市级结论。县医院具备处置条件，用血启动和指导记录两个环节应当补齐。",
        "underlying_icd": below["underlying_icd"],
        "grid": major,
        "major_factors": major,
        "problems": [
            {
                "text": "救治中心电话指导没有留下书面记录，时间和内容事后无法核对。",
                "area": "management",
                "organisation": stage.units["maternal_centre"].id,
            }
        ],
        "difference_factors": "个人及家庭的因素与结局没有直接关系，不列。",
        "difference_findings": "市级没有列出问题；电话指导没有记录，须整改。",
        "sign": stage.sign(DESK, at),
    }
    provinces.enter(session, city.case, said, key="demo-province", by=by, now=at)
