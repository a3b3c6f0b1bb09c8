"""The expert groups of 云江市: the city's, and that of its maternal rescue centre."""

from sqlalchemy.orm import Session

from models import Appointment, ExpertGroup, GroupMember, Organisation
from workflows.demo.people import SINCE

# unit, its contact, and who does what
GROUPS = (
    (
        "city_commission",
        "city_mch",
        (
            ("qianqs", "组长", "孕产妇抢救总指挥，负责产科处置决策"),
            ("sundq", "副组长", "新生儿复苏和转运，负责新生儿片区"),
            ("lixh", "成员", "内科合并症会诊，妊娠期高血压和心脏病"),
            ("zhaocs", "成员", "外科急腹症和创伤会诊"),
            ("wangzy", "成员", "院前急救和转运衔接"),
            ("fengjc", "成员", "气道管理和围术期复苏"),
            ("chenyf", "副组长", "器官支持和重症监护，负责远程会诊值守"),
            ("chuys", "成员", "大量输血方案和血液调配"),
        ),
    ),
    (
        "maternal_centre",
        "maternal_centre",
        (("qianqs", "片区负责人", "青禾县、白鹭县孕产妇抢救的电话和现场指导"),),
    ),
)
# Experts who are asked for diseases as well
DISEASES = {"lixh": ["cardio_cerebral", "endocrine"], "chenyf": ["infection"]}


def load_groups(
    session: Session, units: dict[str, Organisation], seats: dict[str, Appointment]
) -> None:
    """The groups with their experts."""
    for unit, contact, people in GROUPS:
        group = ExpertGroup(
            organisation=units[unit], disease=None, contact=units[contact], formed_on=SINCE
        )
        session.add(group)
        group.members = [
            GroupMember(user=seats[who].user, duty=duty, part=part, since=SINCE)
            for who, duty, part in people
        ]
    for who, groups in DISEASES.items():
        seats[who].user.disease_groups = groups
    session.flush()
