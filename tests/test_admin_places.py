"""What the system administrator keeps: organisations, the zone map, rules, definitions, health."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    CaseState,
    Event,
    Organisation,
    OrganisationKind,
    Zone,
)
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from webapp.words import local
from workflows import places

ClientFor = Callable[[Appointment], Client]


def today() -> date:
    return local(datetime.now(UTC)).date()


def events(session: Session, *names: str) -> list[Event]:
    return list(session.scalars(select(Event).where(Event.name.in_(names)).order_by(Event.id)))


@pytest.fixture
def admin(client_for: ClientFor, world: World) -> Client:
    """The system administrator's browser."""
    return client_for(world.by["system_admin"])


def clinic(**changed: object) -> dict[str, object]:
    return {
        "name": "石桥县中医院",
        "short_name": "石桥中医院",
        "kind": "hospital",
        "level": "county",
        "region_code": "990122",
        "grade": "二级乙等",
        "host_id": "",
        "phone": "",
        **changed,
    }


# Organisations


def test_an_organisation_is_entered_once(admin: Client, session: Session) -> None:
    for _ in range(2):
        assert admin.post("/admin/organisations/new", data=clinic()).status_code == 303
    row = session.scalars(select(Organisation).where(Organisation.name == "石桥县中医院")).one()
    assert (row.region_code, row.grade, row.phone) == ("990122", "二级乙等", None)
    assert [event.data for event in events(session, "organisation.added")] == [
        {"organisation": row.id}
    ]
    assert "石桥县中医院" in admin.get("/admin/organisations?q=中医&kind=hospital").text
    assert "石桥县中医院" not in admin.get("/admin/organisations?kind=mch").text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "填写全称"),
        ({"name": "石桥县人民医院"}, "已有同名的机构"),
        ({"kind": "castle"}, "从列表中选择一项"),
        ({"region_code": "123456"}, "没有找到这个地区"),
        ({"region_code": ""}, "选择所在地区"),
        ({"kind": "commission", "region_code": "990100"}, "地区要与机构级别一致"),
        ({"kind": "rescue_centre"}, "选择救治中心设在哪个医疗机构"),
        ({"kind": "rescue_centre", "host_id": "石桥县卫生健康委"}, "选择一个医院或妇幼保健机构"),
        ({"host_id": "石桥县人民医院"}, "只有救治中心和质控中心设在别的机构"),
        ({"host_id": "天上医院"}, "没有找到这个机构"),
    ],
)
def test_unfit_organisations_are_refused(
    admin: Client, session: Session, changed: dict[str, str], message: str
) -> None:
    before = session.scalar(select(func.count(Organisation.id)))
    reply = admin.post("/admin/organisations/new", data=clinic(**changed))
    assert reply.status_code == 422
    assert message in reply.text
    assert session.scalar(select(func.count(Organisation.id))) == before


def test_a_region_may_be_given_by_its_name(admin: Client, session: Session) -> None:
    assert (
        admin.post("/admin/organisations/new", data=clinic(region_code="石桥")).status_code == 303
    )
    row = session.scalars(select(Organisation).where(Organisation.name == "石桥县中医院")).one()
    assert row.region_code == "990122"


def test_changing_says_which_fields(admin: Client, session: Session, world: World) -> None:
    row = world.units["neighbour"]
    form = clinic(name=row.name, short_name="石桥县医院", phone="0990-5550100", grade="")
    for _ in range(2):
        assert admin.post(f"/admin/organisations/{row.id}/edit", data=form).status_code == 303
    [event] = events(session, "organisation.changed")
    assert event.data == {
        "organisation": row.id,
        "what": "particulars",
        "fields": ["short_name", "phone"],
    }


def test_a_centre_shows_where_it_is(admin: Client, world: World) -> None:
    page = admin.get(f"/admin/organisations/{world.units['centre'].id}/edit").text
    assert 'data-words="云江市中心医院"' in page


def test_what_a_case_depends_on_stays(admin: Client, session: Session, world: World) -> None:
    report(session, world.by["department"], datetime.now(UTC))
    row = world.units["hospital"]
    path = f"/admin/organisations/{row.id}/edit"
    page = admin.get(path).text
    assert 'name="region_code"' not in page
    assert "这几项不能再改" in page
    form = clinic(name="云江县第一人民医院", kind="commission", level="city")
    assert admin.post(path, data=form).status_code == 303
    session.expire_all()
    assert (row.name, row.kind) == ("云江县第一人民医院", OrganisationKind.HOSPITAL)
    assert row.region_code == "990121"


@pytest.mark.parametrize("database", DATABASES)
def test_units_that_running_cases_need_are_not_deactivated(
    admin: Client, session: Session, world: World
) -> None:
    case = report(session, world.by["department"], datetime.now(UTC))
    commission = world.units["commission"]
    path = f"/admin/organisations/{commission.id}"
    reply = admin.post(f"{path}/deactivate")
    assert reply.status_code == 422
    assert "先登记接替的机构" in reply.text

    successor = clinic(
        name="云江县卫生健康局", short_name="云江卫健局", kind="commission", region_code="990121"
    )
    admin.post("/admin/organisations/new", data=successor)
    for _ in range(2):
        assert admin.post(f"{path}/deactivate").status_code == 303
    found = places.unit_of(session, case, OrganisationKind.COMMISSION, places.Level.COUNTY)
    assert found.name == "云江县卫生健康局"
    assert "云江县卫生健康委" not in admin.get("/lookup/organisations?q=云江县卫生").text
    admin.post(f"{path}/activate")
    said = [event.data["what"] for event in events(session, "organisation.changed")]
    assert said == ["deactivated", "activated"]


def test_a_unit_without_running_cases_may_go(admin: Client, session: Session, world: World) -> None:
    case = report(session, world.by["department"], datetime.now(UTC))
    case.state = CaseState.CLOSED
    session.commit()
    row = world.units["commission"]
    assert admin.post(f"/admin/organisations/{row.id}/deactivate").status_code == 303
    page = admin.get("/admin/organisations").text
    assert "云岭省云江市云江县没有县级卫生健康委" in page
    assert "3 处缺口" in admin.get("/admin").text


def test_a_centre_with_counties_is_not_deactivated(
    admin: Client, session: Session, world: World
) -> None:
    centre = world.units["centre"]
    reply = admin.post(f"/admin/organisations/{centre.id}/deactivate")
    assert reply.status_code == 422
    assert "先在片区里结束" in reply.text
    session.expire_all()
    assert centre.active


# The zone map


def zone(world: World, **changed: object) -> dict[str, object]:
    return {
        "kind": "maternal",
        "centre": world.units["centre"].id,
        "county": "990121",
        "valid_from": today().isoformat(),
        "valid_to": "",
        **changed,
    }


@pytest.mark.clause("H14")
def test_a_county_changes_its_centre(admin: Client, session: Session, world: World) -> None:
    form = clinic(
        name="云江市第二救治中心",
        short_name="第二救治中心",
        kind="rescue_centre",
        level="city",
        region_code="990100",
        host_id=world.units["city_mch"].id,
    )
    admin.post("/admin/organisations/new", data=form)
    second = session.scalars(select(Organisation).order_by(Organisation.id.desc())).first()
    assert second is not None
    form = zone(world, centre=second.id)
    clash = admin.post("/admin/zones/new", data=form)
    assert clash.status_code == 422
    assert "先结束原来的" in clash.text
    old = session.scalars(select(Zone).where(Zone.county_code == "990121")).one()
    end = f"/admin/zones/{old.id}/end"
    assert (
        admin.post(end, data={"last_day": today().isoformat(), "at_once": "1"}).status_code == 303
    )
    for _ in range(2):
        assert admin.post("/admin/zones/new", data=form).status_code == 303
    yesterday = today() - timedelta(days=1)
    assert places.guide_centre(session, "990121", today()) == second
    assert places.guide_centre(session, "990121", yesterday) == world.units["centre"]
    assert places.guide_centre(session, "990122", today()) == world.units["centre"]
    [ended, added] = events(session, "zone.ended", "zone.added")
    assert ended.data["last_day"] == yesterday.isoformat()
    assert added.data["organisation"] == second.id
    page = admin.get("/admin/zones").text
    assert "云江市第二救治中心" in page
    assert "已结束" in page


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"centre": "云江县人民医院", "kind": "neonatal"}, "选择一个在用的救治中心"),
        ({"county": "990100", "kind": "neonatal"}, "选到县（区）一级"),
        ({"kind": "neonatal", "valid_to": "2020-01-01"}, "不能早于开始日期"),
        ({"valid_from": "2025-01-01"}, "先结束原来的"),
        ({"county": ""}, "选择县（区）"),
        ({"valid_from": ""}, "填写开始日期"),
    ],
)
def test_unfit_zones_are_refused(
    admin: Client, session: Session, world: World, changed: dict[str, str], message: str
) -> None:
    reply = admin.post("/admin/zones/new", data=zone(world, **changed))
    assert reply.status_code == 422
    assert message in reply.text
    assert session.scalar(select(func.count(Zone.id))) == 2


def test_a_zone_withdrawn_before_its_first_day_may_be_entered_again(
    admin: Client, session: Session, world: World
) -> None:
    first_day = today() + timedelta(days=10)
    form = zone(world, kind="neonatal", valid_from=first_day.isoformat())
    admin.post("/admin/zones/new", data=form)
    row = session.scalars(select(Zone).order_by(Zone.id.desc())).first()
    assert row is not None
    assert "尚未开始" in admin.get("/admin/zones").text
    admin.post(f"/admin/zones/{row.id}/end", data={"last_day": today().isoformat()})
    assert "未启用" in admin.get("/admin/zones").text
    assert admin.post("/admin/zones/new", data=form).status_code == 303
    session.expire_all()
    assert (row.valid_from, row.valid_to) == (first_day, None)


@pytest.mark.parametrize("database", DATABASES)
def test_a_county_with_a_hospital_and_no_centre_is_shown(
    admin: Client, session: Session, world: World
) -> None:
    for row in session.scalars(select(Zone)):
        row.valid_to = today() - timedelta(days=1)
    session.commit()
    page = admin.get("/admin/zones").text
    assert page.count("没有</span>") == 4  # two counties, mothers and newborns
    page = admin.get("/admin/organisations").text
    for centre in ("危重孕产妇救治中心", "危重新生儿救治中心"):
        assert page.count(f"没有对口的{centre}") == 2


# Rules


def test_rules_show_value_standing_clause_and_words(admin: Client) -> None:
    page = admin.get("/admin/rules/410200").text
    for words in ("院内死亡病例讨论", "24 小时", "汴卫〔2022〕38号 母婴(四)1", "48 小时", "原文"):
        assert words in page
    assert "应在第一时间（24小时内）组织开展院内死亡病例讨论" in page
    assert "本地口径待确认" in page
    assert "产品约定" in page
    assert "计划期至 2022-12-31 已满" in page
    assert "不是任何真实地区的规定" in admin.get("/admin/rules/990100").text


def test_rules_of_another_day_and_of_one_standing(admin: Client) -> None:
    then = admin.get("/admin/rules/410200?at=2022-08-01").text
    assert "在新文件替代前继续沿用" not in then
    assert "24 小时" not in admin.get("/admin/rules/410200?at=2020-01-01").text
    product = admin.get("/admin/rules/410200?status=product").text
    assert "院内死亡病例讨论" not in product
    assert "时限提醒节点" in product
    assert admin.get("/admin/rules/410200?at=yesterday&status=x").status_code == 200


@pytest.mark.parametrize("code", ["123456", "..%2F..%2F", "4102", "41020x"])
def test_there_is_no_other_rule_file(admin: Client, code: str) -> None:
    assert admin.get(f"/admin/rules/{code}").status_code == 404


# Definitions and health


def test_definitions_count_processes(admin: Client, session: Session, world: World) -> None:
    report(session, world.by["department"], datetime.now(UTC))
    page = admin.get("/admin/definitions").text
    assert "maternal_death" in page
    assert '<td data-label="在办">1</td>' in page
    assert "现行" in page
