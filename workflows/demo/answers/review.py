"""Answers of a review: panel, opinion, conclusion and its signatures."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from workflows.demo.answers.person import DIAGNOSES, causes
from workflows.forms.moment import written
from workflows.forms.spec import Answers

Member = tuple[int, int, bool]  # user, organisation, is the guide


def panel(
    planned_at: datetime,
    *,
    organisation: int,
    chair: int,
    secretary: int,
    members: Iterable[Member],
    guide: int,
    **over: object,
) -> Answers:
    """专家组: who reviews, when and where."""
    return {
        "convenor": organisation,
        "planned_at": written(planned_at),
        "mode": "on_site",
        "place": "二楼会议室",
        "chair": chair,
        "secretary": secretary,
        "members": [
            {"user": user, "organisation": unit, "is_guide": is_guide}
            for user, unit, is_guide in members
        ],
        "guide_organisation": guide,
    } | over


def grid() -> Answers:
    """Three ticked cells: skill and system in the hospital, attitude at home."""
    return {
        "2": {
            "factor": "孕期贫血未坚持服铁剂，对产检约定的住院时间有推迟。",
            "evidence": "母子健康手册 随访记录",
            "page": 5,
            "record_time": "孕 36 周",
            "level": "home",
            "delay": "1",
            "severity": "minor",
        },
        "5": {
            "factor": "产后出血目测估计，低估出血量，纤维蛋白原补充晚。",
            "evidence": "护理记录与手术记录对照",
            "page": 24,
            "record_time": "娩出后 40 分钟",
            "level": "county",
            "delay": "3c",
            "severity": "major",
            "suggestion": "称重计量，出血 500 毫升启动预警。",
            "responsible": "产科",
        },
        "8": {
            "factor": "夜间紧急用血流程不通，申请到输注 70 分钟。",
            "evidence": "输血申请单、输血记录",
            "page": 28,
            "record_time": "死亡前 4 小时至 2 小时 50 分",
            "level": "county",
            "delay": "3c",
            "severity": "major",
            "suggestion": "与血站签订紧急用血约定，院内常备红细胞。",
            "responsible": "医务部门、输血科",
        },
    }


def opinion(*, sign: Answers, **over: object) -> Answers:
    """个人评审意见 of one expert."""
    return {
        "coi_declared": "none",
        "confidentiality_ack": True,
        "death_dx": DIAGNOSES,
        "agree_with_hospital_cause": "agree",
        "grid_none": False,
        "grid": grid(),
        "major": ["5", "8"],
        "conclusion": "conditionally_avoidable",
        "reason": "出血后诊断基本及时，但夜间红细胞不能及时到位；改善用血和计量，结局可以不同。",
        "anchor": "place_of_death",
        "chance": "some",
        "suggestions": [
            {
                "target_level": "institution",
                "text": "产后 2 小时称重计量出血，设三级预警。",
                "prevention": "secondary",
                "impact": "large",
            },
            {
                "target_level": "county",
                "text": "建立县域夜间紧急用血通道并每季度演练。",
                "prevention": "tertiary",
                "impact": "large",
            },
        ],
        "good_practice": "全程有专人与家属沟通，病历及时封存。",
        "sign": sign,
    } | over


def problems(*, owner: int, other: int | None = None) -> list[Answers]:
    """Three problems: two for the ledger, one not."""
    return [
        {
            "text": "产后出血靠目测，未称重计量，预警晚。",
            "area": "medical",
            "scope": "specific",
            "kind": "technique",
            "cell": "5",
            "organisation": owner,
            "evidence": "护理记录第 24 页",
            "rectify": True,
        },
        {
            "text": "夜间紧急用血没有约定流程，到位 70 分钟。",
            "area": "management",
            "scope": "general",
            "kind": "resource",
            "cell": "8",
            "organisation": other or owner,
            "evidence": "输血记录第 28 页",
            "rectify": True,
        },
        {
            "text": "孕期贫血随访不够紧密。",
            "area": "care",
            "scope": "general",
            "kind": "management",
            "cell": "2",
            "organisation": owner,
            "evidence": "母子健康手册第 5 页",
            "rectify": False,
            "waived_reason": "已列入县级高危孕产妇专案管理方案，不另立台账。",
        },
    ]


def votes(members: int, code: str = "conditionally_avoidable", against: int = 0) -> Answers:
    """All for one conclusion, except `against` of them."""
    other = "unavoidable" if code != "unavoidable" else "avoidable"
    cast = dict.fromkeys(("avoidable", "conditionally_avoidable", "unavoidable", "abstain"), 0)
    cast[code], cast[other] = members - against, against
    return {f"votes_{name}": count for name, count in cast.items()}


def conclusion(
    meeting_at: datetime,
    *,
    organisation: int,
    chair: int,
    secretary: int,
    members: Sequence[Member],
    owner: int,
    sign: Answers,
    **over: object,
) -> Answers:
    """专家组结论, unanimous."""
    return (
        {
            "meeting_dt": written(meeting_at),
            "mode": "on_site",
            "place": "二楼会议室",
            "convenor": organisation,
            "chair": chair,
            "secretary": secretary,
            "attendance": [
                {
                    "user": user,
                    "organisation": unit,
                    "is_guide": is_guide,
                    "present": True,
                    "voting": True,
                }
                for user, unit, is_guide in members
            ],
            "death_dx": DIAGNOSES,
            "causes": causes(),
            "basis": "(a) 纤维蛋白原 0.9 克每升，创面渗血。(b) 术后宫底软，累计出血 2600 毫升。",
            "underlying_icd": "O72.1",
            "factor_analysis": "出血低估与用血延迟叠加，错过二次手术时机；贫血未纠正降低了耐受。",
            "grid_none": False,
            "grid": grid(),
            "major_factors": ["5", "8"],
            "conclusion": "conditionally_avoidable",
            "reason": "医院有诊断和手术能力，夜间用血条件不足；改善用血和计量后可以避免。",
            "problems_none": False,
            "problems": problems(owner=owner),
            "minutes": "对照个人意见，重点讨论出血计量和夜间用血。经治人员说明后离场，再行表决。",
            "recommendations": "一、落实称重计量和三级预警。\n二、建立县域夜间紧急用血通道。",
            "sign": sign,
        }
        | votes(len(members))
        | over
    )


DIFFERENCES: Answers = {
    "difference_conclusion": "市级认为县医院具备处置条件，用血延迟属流程问题，可以避免。",
    "difference_findings": "县级已列入台账的不再重复，市级只列流程问题。",
}


def member_signature(*, sign: Answers, reserved: str = "") -> Answers:
    """到会专家签署, with a view reserved or without."""
    if reserved:
        return {"member_decision": "reserve", "reserved_view": reserved, "sign": sign}
    return {"member_decision": "sign", "sign": sign}


def chair_signature(*, sign: Answers) -> Answers:
    """组长同意."""
    return {"chair_decision": "sign", "sign": sign}


def chair_return(reason: str = "请补充因素分析中用血时间的依据。") -> Answers:
    """组长退回秘书."""
    return {"chair_decision": "return", "return_reason": reason}


def endorsement(*, sign: Answers, **over: object) -> Answers:
    """行政部门签署."""
    return {"endorsement": "同意专家组结论，按问题清单整改。", "sign": sign} | over
