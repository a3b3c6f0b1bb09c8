"""What the demonstration has learned from its cases: a pressing with advice, a lesson published,
a figure of another system that does not agree."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models import Case, CaseState, Rectification, RectificationState
from workflows import pressing
from workflows.actions import lessons, reconciliation
from workflows.actions import pressing as presses
from workflows.demo.people import seat_of
from workflows.demo.stage import Stage
from workflows.rules import day_of

LESSON = {
    "kind": "lesson",
    "title": "产后出血要称重计量，不靠目测",
    "situation": "经产妇产后持续出血，靠目测估计出血量，预警和用血都晚。",
    "text": "目测往往低估出血量，是预警晚的直接原因；夜间没有约定的紧急用血流程，血到得更晚。",
    "advice": "产后两小时用称重垫和计量袋计量，到预警值自动呼叫二线；夜间紧急用血一个电话启动，"
    "每季度演练一次。",
    "area": "medical",
    "scope": "general",
    "problem_kind": "technique",
    "cause_group": "08",
}


def play(stage: Stage, now: datetime) -> None:
    """The rescue centre presses, 青禾 publishes, the city's MCH institution compares."""
    session = stage.session
    guide = seat_of(session, "songqh")
    at = now - timedelta(hours=2)
    for item in session.scalars(
        select(Rectification)
        .where(Rectification.state == RectificationState.WORKING)
        .order_by(Rectification.id)
        .limit(1)
    ):
        if pressing.may_press(item, guide):
            presses.press(
                session,
                item,
                text="约定流程尚未报送，请说明夜间用血由谁启动、多久到位。",
                guidance="建议写成一页流程图贴在产房，并把启动电话交给输血科值班，不要只做培训。",
                by=guide,
                now=at,
            )
    case = session.scalars(select(Case).where(Case.state == CaseState.CLOSED)).first()
    if case is not None:
        author, publisher = seat_of(session, "shenqm"), seat_of(session, "fangcf")
        lesson = lessons.draft(session, case, LESSON, ["5", "8"], by=author, now=at)
        lessons.publish(session, lesson, "", by=publisher, now=at + timedelta(minutes=30))
    month = (day_of(now).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    table = f"月份,单位,死亡例数,报送例数,评审例数\n{month},白鹭县医院,1,0,0\n"
    reconciliation.take_in(
        session,
        table,
        system="死因登记报告信息系统（示例）",
        filename="示例.csv",
        by=seat_of(session, "liangxh"),
        now=at,
    )
