"""Recusal is computed from the case itself, said with its reason, and set aside only on record."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Event, Guest, Level, Meeting, OrganisationKind, Panel, Role, User
from tests.reviewing import CONVENED, begin, opened, submit
from workflows import recusal
from workflows.actions.tasks import InvalidAnswers
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.play import COUNTY_PANEL, Play
from workflows.events import EventName
from workflows.forms import load
from workflows.readers import Reader
from workflows.recusal import _letters, _Wording

BORN = datetime(2020, 1, 1, tzinfo=UTC)
OVERRIDE = "全市唯一的羊水栓塞专业组带头人，经委领导同意参加，不参与表决。"


@pytest.fixture
def session(settled_sqlite: Path, tmp_path: Path) -> Iterator[Session]:
    with opened(settled_sqlite, tmp_path) as session:
        yield session


@pytest.fixture
def play(session: Session, tmp_path: Path) -> Play:
    return begin(session, tmp_path)


def expert(
    play: Play,
    name: str,
    unit: str = "city_mch",
    *former: tuple[str, Role, date | None],
) -> User:
    """Somebody new in the pool; `former`: unit, role, last day of other appointments."""
    session, units = play.stage.session, play.stage.units
    user = User(username=f"new-{name}", name=name, password_hash="x", created_at=BORN)
    session.add(user)
    for key, role, until in [(unit, Role.EXPERT, None), *former]:
        session.add(
            Appointment(
                user=user,
                organisation=units[key],
                role=role,
                valid_from=date(2021, 3, 1),
                valid_to=until,
            )
        )
    session.flush()
    return user


def why(play: Play, user: User | int) -> list[tuple[str, str]]:
    """(reason, source) of everything against one person."""
    assert play.stage.case is not None
    key = user if isinstance(user, int) else user.id
    found = recusal.conflicts(play.stage.session, play.stage.case)
    return [(each.reason, each.source) for each in found if each.user_id == key]


def test_nobody_of_the_demonstrations_panels_has_to_stand_back(play: Play) -> None:
    submit(play)
    assert [why(play, play.user(who)) for who in (*COUNTY_PANEL, "wangzy", "zhaocs")] == [[]] * 7


@pytest.mark.clause("B03")
def test_the_reporting_hospitals_own_people_stand_back(play: Play) -> None:
    submit(play)
    own = expert(play, "江雪", "qh_hospital")
    assert why(play, own) == [("任职于青禾县人民医院（2021-03-01 起）", "报告单位")]
    reasons = recusal.reasons(play.stage.session, play.stage.case, own.id)
    assert reasons == ["任职于青禾县人民医院（2021-03-01 起）"]


def test_an_appointment_that_ended_counts(play: Play) -> None:
    submit(play)
    went = expert(play, "江雪", "city_mch", ("qh_hospital", Role.DEPARTMENT, date(2024, 5, 31)))
    assert why(play, went) == [
        ("曾任职于青禾县人民医院（2021-03-01 至 2024-05-31）", "报告单位"),
    ]


SUBMITTED: list[tuple[dict[str, Any], str, str]] = [
    ({"last_anc_org": "青禾县妇幼保健院"}, "qh_mch", "最后一次产检机构"),
    ({"last_anc_org": "白鹭县妇幼"}, "bl_mch", "最后一次产检机构"),  # the short name
    ({"delivery_hospital": "白鹭县 人民医院"}, "bl_hospital", "分娩医院名称"),
    (
        {"first_visit_hospital": False, "first_visit": "白鹭县人民医院（新院区）",
         "first_visit_grade": "2", "first_visit_location": "990122"},
        "bl_hospital",
        "首诊医院名称",
    ),
    ({"first_contact_org": "白鹭县人民医院急诊"}, "bl_hospital", "首诊机构"),
    ({"admit_from": "由白鹭县人民医院转来"}, "bl_hospital", "由何处转来"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "unit", "question"), SUBMITTED)
def test_people_of_units_in_the_report_card_and_record_stand_back(
    play: Play, said: dict[str, Any], unit: str, question: str
) -> None:
    submit(play, **said)
    theirs = expert(play, "江雪", unit)
    [(reason, source)] = why(play, theirs)
    assert reason == f"任职于{play.stage.units[unit].name}（2021-03-01 起）"
    assert source == f"《死亡个案报送》{question}"


def test_people_of_units_in_the_referral_chain_and_the_timeline_stand_back(play: Play) -> None:
    chain = [
        {
            "from_org": "白鹭县人民医院",
            "to_org": "青禾县人民医院",
            "leave_dt": "2026-11-20T12:00+08:00",
            "arrive_dt": "2026-11-20T13:00+08:00",
            "accompanied": True,
            "reason": "出血",
        }
    ]
    timeline = answers.case_record(play.death)["timeline"]
    timeline[1]["place"] = "云江市妇幼保健院产科门诊"
    submit(play, referral_chain=chain, timeline=timeline)
    assert [source for _, source in why(play, expert(play, "江雪", "bl_hospital"))] == [
        "《死亡个案报送》转诊链"
    ]
    assert [source for _, source in why(play, play.user("lixh"))] == ["《死亡个案报送》时间轴"]


def test_the_centre_of_a_treating_hospital_stands_back_with_it(play: Play) -> None:
    """A rescue centre is a duty of its hospital: the same people (B02 still wants a guide, which
    is what the override is for)."""
    submit(play, first_contact_org="云江市中心医院")
    [(reason, source)] = why(play, play.user("qianqs"))
    assert reason == (
        "任职于云江市危重孕产妇救治中心（2020-01-01 起），与参加救治的云江市中心医院同属一家"
    )
    assert source == "《死亡个案报送》首诊机构"


NAMED: list[tuple[str, str]] = [
    ("秦思远", "《院内死亡病例讨论记录》主持人"),
    ("秦 思远", "《院内死亡病例讨论记录》主持人"),
    ("邓若兰", "《院内死亡病例讨论记录》参加人员"),
    ("叶知秋", "《院内死亡病例讨论记录》发言要点"),
    ("林小满", "《院内死亡病例讨论记录》汇报人"),
    ("林小满", "《孕产妇死亡快报》报告人"),
    ("贺立夏", "《机构负责人说明记录》说明人"),
    ("纪小雪", "《死亡个案报送》编码员"),
    ("田大满", "《死亡个案报送》丈夫姓名"),
    ("秦思远", "《死亡个案报送》负责家属沟通的产科医师"),
    ("宋清和", "《死亡个案报送》时间轴"),  # came to the rescue
]


@pytest.mark.parametrize(("name", "source"), NAMED)
def test_whoever_the_sheets_name_stands_back(play: Play, name: str, source: str) -> None:
    timeline = answers.case_record(play.death)["timeline"]
    timeline[5]["people"] = "市级会诊：麻醉科 宋清和主任医师、值班护士"
    submit(play, timeline=timeline)
    reason = f"姓名见于「{source.split('》')[1]}」"
    assert (reason, source) in why(play, expert(play, name))


def test_the_newest_sheet_counts(play: Play) -> None:
    """What was corrected in a supplement no longer says anything about anybody."""
    play.report(1.5)
    play.receive(2.5)
    play.discuss(10)
    play.explain(20)
    play.submit(40, last_anc_org="白鹭县妇幼保健院")
    theirs = expert(play, "江雪", "bl_mch")
    assert why(play, theirs)
    play.verify(60, returned=True)
    play.submit(70, "UT_supplement")
    play.verify(80)
    assert why(play, theirs) == []


def test_whoever_took_a_step_for_a_treating_unit_stands_back(play: Play) -> None:
    submit(play)
    steps = [reason for reason, source in why(play, play.user("zhougy")) if source == "办理记录"]
    assert steps == [
        "代表青禾县人民医院办理过《院内死亡病例讨论记录》",
        "代表青禾县人民医院办理过《死亡个案报送》",
    ]
    assert why(play, play.user("shenqm"))[0][0].startswith("任职于青禾县妇幼保健院")
    assert not any(source == "办理记录" for _, source in why(play, play.user("gaomz")))


def test_who_explained_the_treatment_at_a_meeting_stands_back(play: Play) -> None:
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    session, expert = play.stage.session, seat_of(play.stage.session, "wangzy")
    meeting = session.scalars(select(Meeting)).one()
    session.add(
        Guest(
            meeting=meeting,
            name=expert.user.name,
            organisation_id=play.unit("qh_hospital"),
            title="chief",
            came_at=play.at(220),
        )
    )
    session.flush()
    found = ("姓名见于「参会的救治单位人员」", "评审会记录")
    assert found in why(play, expert.user_id)


def test_units_that_are_none_of_ours_are_for_a_person_to_look_at(play: Play) -> None:
    submit(play, last_anc_org="邻市第三医院", first_contact_org="未就诊")
    unknown = recusal.unknown_units(play.stage.session, play.stage.case)
    assert [(each.value, each.source) for each in unknown] == [
        ("邻市第三医院", "《死亡个案报送》最后一次产检机构")
    ]


def test_every_question_that_is_looked_at_exists() -> None:
    for wanted in (recusal._UNITS, recusal._PEOPLE):
        for base, paths in wanted.items():
            versions = [form for form in load.all_forms() if form.name.startswith(f"{base}.v")]
            fields = {field.name: field for form in versions for field in form.fields()}
            for path in paths:
                first, _, inner = path.partition(".")
                inside = {child.name for child in fields[first].fields}
                assert not inner or inner in inside, path


@pytest.mark.parametrize(
    ("text", "name", "named"),
    [
        ("产科 秦思远主任、林小满", "秦思远", True),
        ("秦 思 远", "秦思远", True),
        ("张三丰", "张三", False),
        ("王朝阳（麻醉）", "王朝", False),
        ("产科张三主任", "张三", True),
        ("值班医师、张 三", "张三", True),
        ("麻醉科：李四副主任医师", "李四", True),
        ("买买提·艾力", "买买提艾力", True),
        ("买买提艾力", "买买提•艾力", True),
        ("ＬＩ ＭＩＮＧ", "Li Ming", True),
        ("值班医师、助产士", "秦思远", False),
        ("某", "某", False),
        ("", "秦思远", False),
    ],
)
def test_names_are_compared_as_people_read_them(text: str, name: str, named: bool) -> None:
    assert _Wording.of(text).names(_letters(name)) is named


def test_a_unit_is_only_matched_by_kinds_that_treat(play: Play) -> None:
    submit(play, last_anc_org="青禾县卫生健康委员会")
    units = recusal.treating(play.stage.session, play.stage.case).values()
    assert all(each.unit.kind is not OrganisationKind.COMMISSION for each in units)


# Appointing a panel

Convene = Callable[..., Panel]


@pytest.fixture
def convene(play: Play) -> Convene:
    """The county commission appoints its panel, with changes to the answers."""
    submit(play)

    def appoint(**over: object) -> Panel:
        members = play._members(Level.COUNTY)
        filled = answers.panel(
            play.at(220),
            organisation=play.unit("qh_commission"),
            chair=members[0][0],
            secretary=play.user("wugs"),
            members=members,
            guide=play.unit("maternal_centre"),
        )
        filled["members"] += over.pop("more", [])
        play.stage.act("fangcf", "UT_convene", filled | over, play.at(CONVENED))
        return play.stage.session.scalars(select(Panel)).one()

    return appoint


def row(user: User, unit: int, reason: str = "") -> dict[str, Any]:
    said = {"user": user.id, "organisation": unit, "is_guide": False}
    return said | ({"override_reason": reason} if reason else {})


@pytest.mark.clause("B03")
def test_a_member_who_should_stand_back_is_refused_on_the_row(play: Play, convene: Convene) -> None:
    went = expert(play, "江雪", "city_mch", ("qh_hospital", Role.DEPARTMENT, date(2024, 5, 31)))
    with pytest.raises(InvalidAnswers) as refused:
        convene(more=[row(went, play.unit("city_mch"))])
    [(path, [message])] = refused.value.errors.items()
    assert path == "members.5.user"
    assert message.startswith("应当回避：曾任职于青禾县人民医院（2021-03-01 至 2024-05-31）。")


def test_the_commission_may_insist_and_that_stays_on_record(play: Play, convene: Convene) -> None:
    session = play.stage.session
    went = expert(play, "江雪", "city_mch", ("qh_hospital", Role.DEPARTMENT, date(2024, 5, 31)))
    panel = convene(more=[row(went, play.unit("city_mch"), OVERRIDE)])
    assert went.id in [member.user_id for member in panel.members]
    [event] = session.scalars(select(Event).where(Event.name == EventName.PANEL_OVERRIDDEN))
    assert event.data == {"level": "county", "member": went.id, "reason": OVERRIDE}
    assert event.user_id == play.user("fangcf")
    readers = {"fangcf": True, "wugs": True, "jiasj": True, "shaoxz": True}
    readers |= dict.fromkeys(("zhougy", "helx", "shenqm", "lixh", "chenyf"), False)
    for who, reads in readers.items():
        reader = Reader(session, play.stage.case, seat_of(session, who))
        assert reader.reads_event(event, ()) is reads, who


def test_a_reason_without_need_is_no_override(play: Play, convene: Convene) -> None:
    nobody = expert(play, "江雪", "city_mch")
    convene(more=[row(nobody, play.unit("city_mch"), OVERRIDE)])
    query = select(Event).where(Event.name == EventName.PANEL_OVERRIDDEN)
    assert play.stage.session.scalars(query).all() == []


def test_the_unit_written_on_the_row_counts_too(play: Play, convene: Convene) -> None:
    visitor = expert(play, "江雪", "city_mch")
    with pytest.raises(InvalidAnswers) as refused:
        convene(more=[row(visitor, play.unit("qh_hospital"))])
    assert "所填单位青禾县人民医院参加过救治" in refused.value.errors["members.5.user"][0]


def test_nothing_is_kept_of_a_refused_panel(play: Play, convene: Convene) -> None:
    session = play.stage.session
    own = expert(play, "江雪", "qh_hospital")
    session.commit()
    with pytest.raises(InvalidAnswers):
        convene(more=[row(own, play.unit("qh_hospital"))])
    session.rollback()
    assert session.scalars(select(Panel)).all() == []
    assert convene().opened_at is None
