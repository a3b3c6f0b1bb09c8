"""Answers of the first two days: report, receipt, the hospital's discussions, the explanation."""

from datetime import datetime, timedelta

from workflows.demo.answers.person import AGE, DIAGNOSES, NAME, causes
from workflows.forms.moment import written
from workflows.forms.spec import Answers


def report(
    event_at: datetime,
    *,
    organisation: int,
    reporter: str = "林小满",
    phone: str = "13900000001",
    **over: object,
) -> Answers:
    """快报: known within minutes, at night."""
    return {
        "name": NAME,
        "age": AGE,
        "hospital_no": "ZY26-0815",
        "event_dt": written(event_at),
        "discovered_dt": written(event_at),
        "place_type": "institution",
        "residence_class": "county",
        "prelim_cause": "剖宫产术后产后出血，凝血功能障碍",
        "reporter_org": organisation,
        "reporter": reporter,
        "phone": phone,
        "report_channel": "system",
    } | over


def receipt(
    received_at: datetime,
    *,
    organisation: int,
    commission: int,
    upper_mch: int,
    sign: Answers,
    **over: object,
) -> Answers:
    """接报签收 at county MCH, passed on both ways."""
    sent = written(received_at + timedelta(minutes=5))
    return {
        "receiver_org": organisation,
        "receiver": sign["name"],
        "received_dt": written(received_at),
        "called_back": True,
        "call_note": "已与报告人通话，核对了死亡时间和联系人，病历已由医务部门封存。",
        "routing": [
            {"to_kind": "commission", "organisation": commission, "at": sent, "mode": "system"},
            {
                "to_kind": "upper_mch",
                "organisation": upper_mch,
                "at": sent,
                "mode": "phone",
                "person": "梁小寒",
            },
        ],
        "sign": sign,
    } | over


def _attendees() -> list[Answers]:
    return [
        {"name": "贺立夏", "department": "院办", "title": "chief"},
        {"name": "秦思远", "department": "产科", "title": "chief"},
        {"name": "林小满", "department": "产科", "title": "attending"},
        {"name": "叶知秋", "department": "产科", "title": "resident"},
        {"name": "石敬之", "department": "麻醉科", "title": "associate_chief"},
        {"name": "邓若兰", "department": "输血科", "title": "technician"},
    ]


def _speeches() -> list[Answers]:
    return [
        {
            "person": "叶知秋",
            "title": "resident",
            "text": "术后 40 分钟计量出血约 600 毫升，当时按摩子宫、缩宫素静滴，没有立即称重复核。",
        },
        {
            "person": "林小满",
            "title": "attending",
            "text": "出血 1000 毫升时申请用血，红细胞到位用了 70 分钟，期间血压已经下降。",
        },
        {
            "person": "石敬之",
            "title": "associate_chief",
            "text": "凝血结果回报前没有经验性补充纤维蛋白原，补充偏晚。",
        },
        {
            "person": "秦思远",
            "title": "chief",
            "text": "产前已知瘢痕子宫、贫血，应当提前备血；二次开腹的决定晚了约半小时。",
        },
    ]


def discussion(
    event_at: datetime, *, sign: Answers, held_at: datetime | None = None, **over: object
) -> Answers:
    """院内死亡病例讨论, by default ten hours after the death."""
    return {
        "round": 1,
        "held_dt": written(held_at or event_at + timedelta(hours=10)),
        "place": "产科示教室",
        "chair": "秦思远",
        "chair_title": "director",
        "attendees": _attendees(),
        "presenter": "林小满",
        "summary": (
            "孕 38 周余，瘢痕子宫，轻度贫血，入院待产。因规律宫缩急诊剖宫产，"
            "娩出一活婴。术中出血 400 毫升。术后宫缩乏力，累计出血约 2600 毫升，"
            "先后用缩宫素、卡前列素、宫腔填塞，输红细胞 6 单位、血浆 600 毫升，"
            "因持续出血行子宫切除。术后凝血功能障碍，抢救无效死亡。"
        ),
        "opinions": _speeches(),
        "dx_correct": "yes",
        "treatment_timely": "partly",
        "treatment_timely_note": "出血量估计偏低，用血申请和二次手术的决定偏晚。",
        "rescue_adequate": "partly",
        "rescue_adequate_note": "纤维蛋白原补充偏晚，红细胞从申请到输注 70 分钟。",
        "death_dx": DIAGNOSES,
        "causes": causes(),
        "autopsy_offered": True,
        "autopsy_consent": "undecided",
        "lessons": "对瘢痕子宫合并贫血的孕妇没有提前备血；出血靠目测，低估了速度。",
        "improvements": "产后 2 小时内一律称重计量出血。\n与血站约定夜间紧急用血 30 分钟到位。",
        "entered_in_record": True,
        "chair_sign": sign,
    } | over


def explanation(
    event_at: datetime,
    *,
    commission: int,
    sign: Answers,
    explained_at: datetime | None = None,
    **over: object,
) -> Answers:
    """机构负责人说明, after the discussion."""
    return {
        "explained_by": sign["name"],
        "explained_to": "邵夏至 副主任",
        "explained_to_org": commission,
        "explained_dt": written(explained_at or event_at + timedelta(hours=20)),
        "mode": "face",
        "content": "汇报了病情经过和讨论结果：出血估计不足，用血和二次手术偏晚；已封存病历。",
        "feedback": "配合做好评审；先行落实称重计量和夜间用血两项措施。",
        "sign": sign,
    } | over


def second_discussion(
    event_at: datetime,
    *,
    report_file: str,
    sign: Answers,
    held_at: datetime | None = None,
    **over: object,
) -> Answers:
    """尸检报告后的再次讨论, by default twenty days after the death."""
    held = held_at or event_at + timedelta(days=20)
    again = {
        name: answer
        for name, answer in discussion(event_at, sign=sign, held_at=held).items()
        if not name.startswith("autopsy_")
    }
    return (
        again
        | {
            "round": 2,
            "report_received_dt": written(held - timedelta(days=2)),
            "autopsy_report": [report_file],
            "autopsy_findings": "子宫切除术后改变，多脏器缺血，未见羊水成分栓塞。",
            "cause_changed": False,
        }
        | over
    )
