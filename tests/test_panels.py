"""A proposed panel: disciplines, guide, an outsider, who carries least, who stands back."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    CaseState,
    Discipline,
    Level,
    Organisation,
    OrganisationKind,
    Panel,
    RegionLevel,
    Role,
    User,
    Zone,
)
from tests import said
from tests.reviewing import begin, opened, submit
from tests.walk import Page, StartWalk, Walk
from workflows.demo.people import seat_of
from workflows.demo.play import Play
from workflows.forms import load
from workflows.panels import Proposal, propose

EIGHT = {"qianqs", "sundq", "lixh", "zhaocs", "wangzy", "fengjc", "chenyf", "chuys"}
EVEN = "建议名单 8 人，是双数，表决可能相持"
BORN = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def database_url(settled_sqlite: Path, tmp_path: Path) -> str:
    """For the tests over HTTP: the demonstration's people, no case."""
    path = tmp_path / "yili.db"
    path.write_bytes(settled_sqlite.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def rows(settled_sqlite: Path, tmp_path: Path) -> Iterator[Session]:
    with opened(settled_sqlite, tmp_path) as session:
        yield session


@pytest.fixture
def play(rows: Session, tmp_path: Path) -> Play:
    return begin(rows, tmp_path)


def expert(session: Session, name: str, unit: Organisation, discipline: Discipline) -> User:
    user = User(username=name, name=name, discipline=discipline, password_hash="x", created_at=BORN)
    session.add_all(
        [
            user,
            Appointment(
                user=user, organisation=unit, role=Role.EXPERT, valid_from=date(2021, 1, 1)
            ),
        ]
    )
    session.flush()
    return user


def proposed(play: Play, level: Level = Level.COUNTY, hours: float = 100) -> Proposal:
    assert play.stage.case is not None
    return propose(play.stage.session, play.stage.case, level, play.at(hours))


def names(proposal: Proposal) -> list[str]:
    return [seat.expert.user.username for seat in proposal.members]


def loads(proposal: Proposal) -> dict[str, int]:
    everybody = [seat.expert for seat in proposal.members] + proposal.left_out
    return {each.user.username: each.load for each in everybody}


@pytest.mark.clause("B03")
def test_the_eight_disciplines_and_the_guide_of_the_zone(play: Play) -> None:
    submit(play)
    proposal = proposed(play)
    assert set(names(proposal)) == EIGHT
    assert [cover.discipline for cover in proposal.coverage] == list(Discipline)
    assert all(len(cover.seats) == 1 for cover in proposal.coverage)
    [guide] = [seat for seat in proposal.members if seat.is_guide]
    assert guide.expert.user.username == "qianqs"
    assert proposal.guide is play.stage.units["maternal_centre"]
    assert (proposal.left_out, proposal.notes) == ([], [EVEN])


def test_the_rows_are_what_the_form_asks_for(play: Play) -> None:
    submit(play)
    [members] = [f for f in load.latest("panel").fields() if f.name == "members"]
    wanted = {field.name for field in members.fields if field.required} | {"organisation"}
    assert all(row.keys() == wanted for row in proposed(play).rows())
    assert members.default == "proposal.members"


@pytest.mark.clause("B02")
def test_who_stands_back_is_left_out_with_the_reason(play: Play) -> None:
    """The city's hospital treated her first: its centre cannot guide, and that is said."""
    submit(play, first_contact_org="云江市中心医院")
    proposal = proposed(play)
    assert set(names(proposal)) == EIGHT - {"qianqs"}
    [out] = proposal.left_out
    assert out.user.username == "qianqs"
    assert [conflict.source for conflict in out.conflicts] == ["《死亡个案报送》首诊机构"]
    assert proposal.notes == [
        "对口的云江市危重孕产妇救治中心没有可聘的指导专家（1 人应当回避），须另行商请"
    ]
    [gap] = [cover for cover in proposal.coverage if not cover.seats]
    assert (gap.discipline, gap.spare) == (Discipline.OBSTETRICS, [])


def test_a_county_without_a_zone_is_told_so(play: Play) -> None:
    submit(play)
    session = play.stage.session
    for zone in session.scalars(select(Zone)):
        zone.valid_to = date(2026, 1, 1)
    proposal = proposed(play)
    assert proposal.guide is None
    assert proposal.notes[0] == "片区对应关系里没有本县的孕产妇救治中心，指导专家须另行商请"
    assert not any(seat.is_guide for seat in proposal.members)


def test_the_least_loaded_of_a_discipline_is_proposed(play: Play, tmp_path: Path) -> None:
    submit(play)
    second = expert(
        play.stage.session, "new", play.stage.units["city_mch"], Discipline.INTENSIVE_CARE
    )
    assert "chenyf" in names(proposed(play))
    play.convene(100, Level.COUNTY, meeting=220)  # chenyf sits on this one
    other = begin(play.stage.session, tmp_path, "林夏", "702")
    submit(other)
    proposal = proposed(other, hours=110)
    assert second.username in names(proposal)
    [cover] = [c for c in proposal.coverage if c.discipline == Discipline.INTENSIVE_CARE]
    carried = [(seat.expert.user.username, seat.expert.load) for seat in cover.seats]
    assert carried == [(second.username, 0), ("chenyf", 1)]  # the ninth, to be odd


def test_load_says_nothing_of_who_has_filed(play: Play, tmp_path: Path) -> None:
    """It counts sealed panels, not open steps: the other county would see a step disappear."""
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    other = begin(play.stage.session, tmp_path, "林夏", "702")
    submit(other)
    before = loads(proposed(other, hours=150))
    assert before == dict.fromkeys(EIGHT, 0) | dict.fromkeys(said.COUNTY_PANEL, 1)
    play.opine(120, Level.COUNTY, ("chenyf", "fengjc", "chuys", "lixh"))
    assert loads(proposed(other, hours=150)) == before
    play.opine(140, Level.COUNTY, ("qianqs",))
    assert set(loads(proposed(other, hours=150)).values()) == {0}


def test_a_voided_case_is_no_load(play: Play, tmp_path: Path) -> None:
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    assert play.stage.case is not None
    play.stage.case.state = CaseState.VOIDED
    other = begin(play.stage.session, tmp_path, "林夏", "702")
    submit(other)
    assert set(loads(proposed(other)).values()) == {0}


def test_somebody_from_outside_makes_nine(play: Play) -> None:
    """For the city everybody of the demonstration is at home."""
    submit(play)
    session = play.stage.session
    assert proposed(play, Level.CITY).notes == [
        "专家库里没有本市以外的可聘专家，外部专家须另行商请",
        EVEN,
    ]
    far = Organisation(
        name="云岭省妇产医院",
        short_name="省妇产",
        kind=OrganisationKind.HOSPITAL,
        level=RegionLevel.PROVINCE,
        region_code="990000",
    )
    session.add(far)
    session.flush()
    guest = expert(session, "guest", far, Discipline.OBSTETRICS)
    proposal = proposed(play, Level.CITY)
    assert set(names(proposal)) == EIGHT | {guest.username}
    assert [seat.expert.user for seat in proposal.members if seat.expert.outside] == [guest]
    assert proposal.notes == []


def test_for_a_county_the_citys_people_are_from_outside(play: Play) -> None:
    submit(play)
    local = expert(
        play.stage.session, "local", play.stage.units["qh_commission"], Discipline.SURGERY
    )
    outside = {seat.expert.user.username: seat.expert.outside for seat in proposed(play).members}
    assert outside == dict.fromkeys(EIGHT, True) | {local.username: False}  # a ninth, to be odd


def test_an_expert_whose_appointment_has_ended_is_not_proposed(play: Play) -> None:
    submit(play)
    seat_of(play.stage.session, "chuys").valid_to = date(2026, 11, 1)
    seat_of(play.stage.session, "lixh").user.active = False
    play.stage.session.flush()
    assert set(names(proposed(play))) == EIGHT - {"chuys", "lixh"}


def test_units_that_are_none_of_ours_are_pointed_out(play: Play) -> None:
    submit(play, last_anc_org="邻市第三医院")
    assert proposed(play).notes[-1] == (
        "个案写到的「邻市第三医院」（《死亡个案报送》最后一次产检机构）不在机构库，"
        "其人员是否回避请人工核对"
    )


# Over HTTP

SIX = {"zhougy", "chenyf", "wugs", "shenqm", "guqf", "chenglc"}


@pytest.fixture
def convening(start_walk: StartWalk) -> Walk:
    """The county commission is about to appoint its panel; one expert is of the hospital."""
    walk = start_walk()
    own = expert(
        walk.session,
        "ownexpert",
        walk.session.get_one(Organisation, walk.units["qh_hospital"]),
        Discipline.SURGERY,
    )
    own.name = "江雪晴"
    walk.session.commit()
    walk.play(Play.first_48h, lambda play: play.verify(60))
    walk.at(99)
    return walk


def test_the_page_starts_with_the_proposal_and_may_be_handed_in_as_it_is(convening: Walk) -> None:
    walk = convening
    task = walk.task("fangcf", "convene")
    text = walk.browser("fangcf").get(f"/tasks/{task.id}").text
    assert "专家组建议" in text
    assert EVEN in text
    assert "任职于青禾县人民医院（2021-01-01 起）" in text
    sent = Page.of(text).sent
    proposed_users = {value for name, value in sent if name.endswith(".user") if value}
    assert proposed_users == {str(walk.user(who)) for who in EIGHT}
    whole = said.panel("county", 5)(walk)
    del whole["members"]
    assert walk.hand_in("fangcf", "convene", whole).status_code == 303
    panel = walk.session.scalars(select(Panel)).one()
    assert {member.user.username for member in panel.members} == EIGHT
    assert [member.user.username for member in panel.members if member.is_guide] == ["qianqs"]
    for who in SIX:
        assert walk.browser(who).get(f"/tasks/{task.id}").status_code == 404, who
