"""What of a case would tell who she was, where she was treated and by whom.

Follows from the classes of the forms' questions: every answer that is personal is one, whatever
form it stands in; a form of tomorrow is covered by the classes of its questions. To these come the
units that had a part in her care, under each of their names, and their people. Reads rows, changes
nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    DataClass,
    Document,
    Organisation,
    OrganisationKind,
    Panel,
    PanelMember,
    Region,
    RegionLevel,
    Role,
    User,
)
from workflows import recusal
from workflows.forms.load import load
from workflows.forms.spec import Field, Kind
from workflows.veil import Secret, squeezed

# Questions of which the answer is a unit or a place in one. Every other personal text is a name,
# a number or an address: see `_SECRETS`.
UNIT_QUESTIONS = frozenset(
    {
        "delivery_hospital",
        "death_hospital",
        "from_hospital",
        "first_visit",
        "last_anc_org",
        "first_contact_org",
        "admit_from",
        "from_org",
        "to_org",
        "place",
    }
)
AGE_QUESTIONS = frozenset({"age", "husband_age", "mother_age", "father_age"})
_SECRETS: Mapping[str, Secret] = {
    "name": Secret.NAME,
    "husband_name": Secret.NAME,
    "mother_name": Secret.NAME,
    "father_name": Secret.NAME,
    "mother_id_no": Secret.NUMBER,
    "mother_case_no": Secret.NUMBER,
    "id_no": Secret.NUMBER,
    "id_other": Secret.NUMBER,
    "hospital_no": Secret.NUMBER,
    "card_no": Secret.NUMBER,
    "addr_household_detail": Secret.PLACE,
    "addr_usual_detail": Secret.PLACE,
    "addr_current_detail": Secret.PLACE,
}
_LOOSE = frozenset({"people"})  # as often 值班医师 as a name
_TREATING = (OrganisationKind.HOSPITAL, OrganisationKind.RESCUE_CENTRE)
_UNIT = re.compile(
    r"[一-鿿〇]{2,}?(?:医院|卫生院|保健院|保健所|服务中心|救治中心|卫生室|卫生所|诊所|门诊部)"
)
_NOBODYS = ("某", "本", "该", "外院", "上级", "当地", "其他", "多家")  # names of no one unit
_AREA = re.compile(r"[一-鿿]{2,6}?(?:街道|社区|小区|镇|乡|村|路|街|巷)")
_LETTERS = tuple(f"医疗机构{letter}" for letter in "甲乙丙丁戊己庚辛壬癸")
_BRACKETS = re.compile(r"[（(].*?[）)]")
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚"
    "范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍"
    "余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季"
    "贾路娄江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫经房裘缪干解应宗丁宣邓郁单杭洪"
    "包诸左石崔吉钮龚程邢裴陆荣翁荀羊惠甄曲封芮储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全班"
    "仰仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴"
    "闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎慕连茹习宦艾鱼"
    "容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那"
    "简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公肖邸苇鹭麦"
)


def words(session: Session, case: Case) -> dict[str, Secret]:
    """Every word that would tell, with its kind. Who sits on a panel of the case is no such word,
    that is the panel's own secret and kept elsewhere; nor is who signs for an administration."""
    found: dict[str, Secret] = {}
    for field, value in _personal(session, case):
        for word, secret in _of_answer(session, field, value):
            found.setdefault(word, secret)
    found |= _units(session, case)
    found |= dict.fromkeys(_staff(session, case), Secret.STAFF)
    person = case.person
    found |= {person.name: Secret.NAME}
    found |= {person.id_no: Secret.NUMBER} if person.id_no else {}
    for name in {*_seated(session, case), *_administrators(session)}:
        found.pop(name, None)
    return {word: secret for word, secret in found.items() if len(word.strip()) > 1}


# Answers


def _personal(session: Session, case: Case) -> Iterator[tuple[Field, Any]]:
    rows = session.execute(
        select(Document.form, Document.answers).where(Document.case_id == case.id)
    )
    for form, answers in rows:
        yield from _leaves(load(form).fields(), answers)


def _leaves(fields: Iterable[Field], answers: Mapping[str, Any]) -> Iterator[tuple[Field, Any]]:
    for field in fields:
        value = answers.get(field.name)
        if field.kind is Kind.GROUP:
            for row in value or ():
                yield from _leaves(field.fields, row)
        elif value and field.data_class is DataClass.PERSONAL:
            yield field, value


def _of_answer(session: Session, field: Field, value: Any) -> Iterator[tuple[str, Secret]]:
    if field.kind is Kind.SIGNATURE:
        yield value["name"], Secret.STAFF
    elif field.kind is Kind.REGION:
        yield from _township(session, value)
    elif field.kind is Kind.PHONE:
        yield value, Secret.PHONE
    elif isinstance(value, str):
        yield from _of_text(field.name, value)


def _township(session: Session, code: str) -> Iterator[tuple[str, Secret]]:
    """County and city are the panel's own; what lies below them is not."""
    region = session.scalars(select(Region).where(Region.code == code)).one_or_none()
    if region is not None and region.level is RegionLevel.TOWNSHIP:
        yield region.name, Secret.PLACE


def _of_text(question: str, value: str) -> Iterator[tuple[str, Secret]]:
    secret = _SECRETS.get(question, Secret.STAFF)
    if question in UNIT_QUESTIONS:
        yield from ((unit, Secret.UNIT) for unit in units_in(value))
    elif secret is Secret.PLACE:
        bare = _BRACKETS.sub("", value)
        yield from ((word, secret) for word in (value, bare, *_AREA.findall(bare)))
    elif secret is Secret.STAFF:
        names = recusal.names_in(value)
        loose = question in _LOOSE
        yield from ((name, secret) for name in names if not loose or is_name(name))
    else:
        yield value, secret


def units_in(text: str) -> list[str]:
    """What in an answer is the name of a certain unit: not 某县级医院, not 家中."""
    return [name for name in _UNIT.findall(text) if not name.startswith(_NOBODYS)]


def is_name(word: str) -> bool:
    """Whether a word looks like a person's name: 2 to 4 characters, the first a surname."""
    return 2 <= len(word) <= 4 and word[0] in _SURNAMES


# Units and their people


def _units(session: Session, case: Case) -> dict[str, Secret]:
    """Every hospital under all its names, and whoever else had a part in her care."""
    ours = list(recusal.treating(session, case))
    rows = session.scalars(
        select(Organisation).where(or_(Organisation.kind.in_(_TREATING), Organisation.id.in_(ours)))
    )
    names = (name for row in rows for name in names_of(row))
    return dict.fromkeys(names, Secret.UNIT)


def letters(session: Session, case: Case) -> dict[str, str]:
    """What a unit is called that must not be named: 报告单位, 医疗机构甲, 医疗机构乙, … by its
    names as `veil.squeezed` has them. Each keeps its letter wherever it is met."""
    units = recusal.treating(session, case)
    found: dict[str, str] = {}
    others = iter(_LETTERS)
    for key, treats in units.items():
        label = "报告单位" if key == case.organisation_id else next(others, "另一医疗机构")
        found |= {squeezed(name): label for name in names_of(treats.unit)}
    for field, value in _personal(session, case):
        for name in units_in(value) if field.name in UNIT_QUESTIONS else ():
            if squeezed(name) not in found:
                found[squeezed(name)] = next(others, "另一医疗机构")
    return found


def names_of(unit: Organisation) -> set[str]:
    """Its full and its short name, and what people say: 青禾县人民医院, 青禾县医院, 青禾医院."""
    found = {unit.name, unit.short_name}
    stem = re.match(r"(?P<stem>[一-鿿]{2,3}?)(?P<rank>[县市区])", unit.name)
    if stem and unit.name.endswith("医院"):
        rest = unit.name[stem.end() :]
        found |= {stem["stem"] + rest, f"{stem['stem']}医院", f"{stem[0]}医院", f"{stem[0]}院"}
    return found


def _staff(session: Session, case: Case) -> Iterator[str]:
    units = recusal.treating(session, case)
    query = select(User.name).join(Appointment, Appointment.user_id == User.id)
    yield from session.scalars(query.where(Appointment.organisation_id.in_(units)))


def _administrators(session: Session) -> Iterator[str]:
    query = select(User.name).join(Appointment, Appointment.user_id == User.id)
    roles = (Role.COMMISSION, Role.COMMISSION_LEADER)
    yield from session.scalars(query.where(Appointment.role.in_(roles)))


def _seated(session: Session, case: Case) -> Iterator[str]:
    panels = select(Panel.id).where(Panel.case_id == case.id)
    seats = select(PanelMember.user_id).where(PanelMember.panel_id.in_(panels))
    chairs = select(Panel.chair_id).where(Panel.case_id == case.id)
    secretaries = select(Panel.secretary_id).where(Panel.case_id == case.id)
    query = select(User.name).where(
        or_(User.id.in_(seats), User.id.in_(chairs), User.id.in_(secretaries))
    )
    yield from session.scalars(query)
