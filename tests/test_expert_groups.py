"""Groups of experts: formed where the place's document wants them, each expert with a duty and a
part of the work, known to the institutions that they guide, and asked when a panel is proposed."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    DiseaseGroup,
    Event,
    ExpertGroup,
    GroupMember,
    Level,
    Organisation,
    OrganisationKind,
    Panel,
    Region,
    RegionLevel,
    Role,
    Task,
    User,
    Zone,
    ZoneKind,
)
from tests.pages import Client
from tests.played import CHAIR, COMMISSION, HEAD, OFFICE, SECRETARY, TO_VERIFY, Browse, Cast
from tests.walk import Page
from workflows.expert_groups import suggested

ClientFor = Callable[[Appointment], Client]
EIGHT = ("qianqs", "sundq", "lixh", "zhaocs", "wangzy", "fengjc", "chenyf", "chuys")


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def formed(
    client: Client, session: Session, unit: Organisation, contact: Organisation, disease: str = ""
) -> str:
    """The address of a group formed on the page."""
    said = {"unit": str(unit.id), "contact": str(contact.id), "disease": disease}
    session.rollback()
    reply = client.post("/expert-groups", data=said)
    assert reply.status_code == 303, reply.text
    return str(reply.location)


def seated(client: Client, cast: Cast, group: str, who: str, duty: str, part: str) -> int:
    said = {"user": str(cast.seat(who).user_id), "duty": duty, "part": part}
    cast.session.rollback()
    return client.post(f"{group}/members", data=said).status_code


@pytest.mark.clause("B10")
def test_a_countys_group_has_eight_disciplines_duties_and_guides_the_county(
    browse: Browse, cast: Cast, session: Session
) -> None:
    desk, own = browse(COMMISSION), cast.seat(COMMISSION).organisation
    group = formed(desk, session, own, cast.seat("shenqm").organisation)
    assert seated(desk, cast, group, EIGHT[0], "组长", " ") == 422
    assert seated(desk, cast, group, EIGHT[0], "", "产科抢救") == 422
    assert seated(desk, cast, group, COMMISSION, "组长", "不是专家") == 422
    for who in EIGHT[:-1]:
        assert seated(desk, cast, group, who, f"职责{who}", f"分工{who}") == 303
    page = desk.get(group).text
    assert "缺 输血科" in page
    assert "汴卫〔2022〕38号 母婴(三)1，还缺 1 个" in page
    assert seated(desk, cast, group, EIGHT[-1], "成员", "备血与用血审批") == 303
    assert "母婴(三)1，已齐" in desk.get(group).text
    assert seated(desk, cast, group, EIGHT[-1], "副组长", "血液调配") == 303  # said anew
    assert "备血与用血审批" in desk.get(group).text  # what was said before stays
    for who in ("linxm", OFFICE, HEAD, "shenqm"):
        seen = browse(who).get("/expert-groups").text
        assert "青禾县危重孕产妇和新生儿急救专家组" in seen, who
        assert "分工qianqs" in seen
        assert "备血与用血审批" not in seen
        assert "联系单位：青禾县妇幼保健院" in seen
        assert "青禾县、白鹭县孕产妇抢救的电话和现场指导" in seen  # the zone's rescue centre
        assert not re.search(r"\d{7,}", re.sub(r'(?s)<head>.*?</head>|"[^"]*"', "", seen))
        assert browse(who).post(f"{group}/members", data={}).status_code == 404
    other = browse("subl").get("/expert-groups").text
    assert "青禾县危重孕产妇" not in other
    assert "云江市危重孕产妇和新生儿急救专家组" in other
    assert browse("subl").get(group).status_code == 404
    assert browse("guqf").post(f"{group}/members", data={}).status_code == 404
    for who in (SECRETARY, CHAIR, "jiasj", "xitong"):
        assert browse(who).get("/expert-groups").status_code == 404
    assert "职责和任务分工" in desk.get(f"/experts/{cast.seat('qianqs').user_id}").text
    names = session.scalars(select(Event.name).where(Event.name.startswith("group."))).all()
    assert (names.count("group.formed"), names.count("group.seated")) == (1, 9)


def test_who_leaves_a_group_is_kept_as_having_been_there(
    browse: Browse, cast: Cast, session: Session
) -> None:
    desk = browse("chenglc")
    [row] = session.scalars(
        select(GroupMember)
        .join(ExpertGroup)
        .where(
            GroupMember.user_id == cast.seat("chuys").user_id,
            ExpertGroup.organisation_id == cast.seat("chenglc").organisation_id,
        )
    )
    path = f"/expert-groups/{row.group_id}"
    session.rollback()
    assert browse(COMMISSION).post(f"{path}/members/{row.id}/end").status_code == 404
    assert desk.post(f"{path}/members/{row.id}/end").status_code == 303
    page = desk.get(path).text
    assert "缺 输血科" in page
    assert "以前的" in page
    assert "2020-01-01 至 2026-11-22" in page
    same = {"unit": str(cast.seat("chenglc").organisation_id), "disease": ""}
    contact = {"contact": str(cast.seat("liangxh").organisation_id)}
    again = desk.post("/expert-groups", data=same | contact)
    assert (again.status_code, "已经有这一专家组" in again.text) == (422, True)


def area(session: Session, *codes: tuple[str, str, RegionLevel]) -> None:
    for code, name, level in codes:
        parent = None if level is RegionLevel.PROVINCE else f"{code[:2]}0000"
        if level is RegionLevel.COUNTY:
            parent = f"{code[:4]}00"
        there = session.scalars(select(Region).where(Region.code == code)).one_or_none()
        if there is None:
            session.add(Region(code=code, name=name, level=level, parent_code=parent))
            session.flush()


def unit(
    session: Session, name: str, kind: OrganisationKind, level: RegionLevel, code: str
) -> Organisation:
    made = Organisation(name=name, short_name=name, kind=kind, level=level, region_code=code)
    session.add(made)
    session.flush()
    return made


def held(cast: Cast, who: str, where: Organisation, role: Role) -> Appointment:
    made = Appointment(
        user=cast.seat(who).user, organisation=where, role=role, valid_from=date(2020, 1, 1)
    )
    cast.session.add(made)
    cast.session.commit()
    return made


_CITY, _COUNTY = RegionLevel.CITY, RegionLevel.COUNTY
_C, _M, _H = OrganisationKind.COMMISSION, OrganisationKind.MCH, OrganisationKind.HOSPITAL


@pytest.mark.clause("B11")
def test_hubei_wants_a_group_of_the_city_and_of_each_county(
    cast: Cast, session: Session, client_for: ClientFor
) -> None:
    area(session, ("420000", "湖北省", RegionLevel.PROVINCE), ("421100", "黄冈市", _CITY))
    area(session, ("421121", "团风县", _COUNTY))
    city = unit(session, "某市卫健委", _C, _CITY, "421100")
    county = unit(session, "某县卫健委", _C, _COUNTY, "421121")
    hospital = unit(session, "某县医院", _H, _COUNTY, "421121")
    mch = unit(session, "某市妇幼", _M, _CITY, "421100")
    own = unit(session, "某县妇幼", _M, _COUNTY, "421121")
    above = client_for(held(cast, "chenglc", city, Role.COMMISSION))
    below = client_for(held(cast, COMMISSION, county, Role.COMMISSION))
    inside = client_for(held(cast, HEAD, hospital, Role.HEAD))
    wants = "还没有组建专家组的层级"
    page = above.get("/expert-groups").text
    assert f"{wants}：黄冈市、团风县" in page
    assert "五(二)" in page
    assert f"{wants}：团风县" in below.get("/expert-groups").text
    group = formed(above, session, city, mch)
    assert "应有哪些专业：本地口径待确认" in above.get(group).text  # 多学科, without a list
    for who, duty in (("qianqs", "组长"), ("lixh", "成员")):
        assert seated(above, cast, group, who, duty, f"市级分工{who}") == 303
    assert f"{wants}：团风县" in above.get("/expert-groups").text
    group = formed(below, session, county, own)
    assert seated(below, cast, group, "chenyf", "组长", "县级重症指导") == 303
    assert wants not in above.get("/expert-groups").text
    assert wants not in below.get("/expert-groups").text
    seen = inside.get("/expert-groups").text
    for words in ("黄冈市危重孕产妇和新生儿急救专家组", "市级分工lixh", "县级重症指导"):
        assert words in seen


@pytest.mark.clause("B12")
def test_nanjiangs_rescue_centre_has_two_base_and_six_further_disciplines(
    cast: Cast, session: Session, client_for: ClientFor
) -> None:
    area(session, ("510000", "四川省", RegionLevel.PROVINCE), ("511900", "巴中市", _CITY))
    area(session, ("511922", "南江县", _COUNTY))
    commission = unit(session, "某县卫健局", _C, _COUNTY, "511922")
    centre = unit(session, "某县救治中心", OrganisationKind.RESCUE_CENTRE, _COUNTY, "511922")
    hospital = unit(session, "某乡卫生院", _H, _COUNTY, "511922")
    session.add(
        Zone(
            centre_id=centre.id,
            county_code="511922",
            kind=ZoneKind.MATERNAL,
            valid_from=date(2020, 1, 1),
        )
    )
    desk = client_for(held(cast, COMMISSION, commission, Role.COMMISSION))
    inside = client_for(held(cast, HEAD, hospital, Role.HEAD))
    group = formed(desk, session, centre, centre)
    page = desk.get(group).text
    for words in ("缺 产科（基础）", "缺 儿科（基础）", "缺 输血科", "二(五)，还缺 8 个"):
        assert words in page
    for who in EIGHT:
        assert seated(desk, cast, group, who, "成员", f"指导乡镇{who}") == 303
    assert "二(五)，已齐" in desk.get(group).text
    seen = inside.get("/expert-groups").text
    assert "某县救治中心急救专家组" in seen
    assert all(f"指导乡镇{who}" in seen for who in EIGHT)


@pytest.mark.clause("B14")
def test_xuzhou_wants_five_groups_for_diseases_and_a_panel_is_proposed_from_them(
    cast: Cast, session: Session, browse: Browse, client_for: ClientFor
) -> None:
    area(session, ("320000", "江苏省", RegionLevel.PROVINCE), ("320300", "徐州市", _CITY))
    commission = unit(session, "某市卫健委", _C, _CITY, "320300")
    mch = unit(session, "某市妇幼", _M, _CITY, "320300")
    desk = client_for(held(cast, "chenglc", commission, Role.COMMISSION))
    page = desk.get("/expert-groups").text
    assert "还没有组建的专病专家组：心脑血管、内分泌、感染、免疫、精神" in page
    for disease in DiseaseGroup:
        group = formed(desk, session, commission, mch, disease.value)
    assert "还没有组建的专病专家组" not in desk.get("/expert-groups").text
    assert "徐州市孕产妇合并精神危急重症专病专家组" in desk.get(group).text
    assert seated(desk, cast, group, "chuys", "成员", "产后精神障碍会诊") == 303
    assert "chuys" in [person.username for person in _of(session, DiseaseGroup.MENTAL)]
    convening(cast)
    path = f"/tasks/{_step(session, cast).id}"
    session.rollback()
    text = browse(COMMISSION).get(f"{path}?groups=1&group=mental&group=infection").text
    assert "产后精神障碍会诊" in text
    assert re.search(r'id="source-mental"[^>]* checked', text)
    assert "建议 褚云舒" in text
    assert "建议 陈远帆" in text
    sent = [
        value for name, value in Page.of(text).sent if re.fullmatch(r"members\.\d+\.user", name)
    ]
    first = [str(cast.seat(who).user_id) for who in ("chuys", "chenyf")]
    assert set(first) <= set(sent)
    text = browse(COMMISSION).get(f"{path}?groups=1").text
    assert not re.search(r'id="source-mental"[^>]* checked', text)
    assert (
        session.scalars(select(Panel).where(Panel.case_id == cast.case(TO_VERIFY).id)).all() == []
    )


def _of(session: Session, disease: DiseaseGroup) -> list[User]:
    group = session.scalars(select(ExpertGroup).where(ExpertGroup.disease == disease)).one()
    return [member.user for member in group.members]


def convening(cast: Cast) -> None:
    """The case that waits to be verified has been: its county calls a panel."""
    cast.play(TO_VERIFY).verify(60)
    cast.session.commit()


def _step(session: Session, cast: Cast) -> Task:
    return session.scalars(
        select(Task).where(
            Task.case_id == cast.case(TO_VERIFY).id,
            Task.bpmn_id == "UT_convene",
            Task.level == Level.COUNTY,
        )
    ).one()


@pytest.mark.parametrize(
    ("codes", "groups"),
    [
        (["O72.1"], []),
        (["O99.4", "I50.9"], [DiseaseGroup.CARDIO_CEREBRAL]),
        (["O24.4", "B20.9"], [DiseaseGroup.ENDOCRINE, DiseaseGroup.INFECTION]),
        (["M32.1", "F53.1", "D86.0"], [DiseaseGroup.IMMUNE, DiseaseGroup.MENTAL]),
    ],
)
def test_causes_suggest_groups(codes: list[str], groups: list[DiseaseGroup]) -> None:
    assert suggested(codes) == groups
