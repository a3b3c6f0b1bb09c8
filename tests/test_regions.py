"""Administrative areas: complete, each below its own, found by name, code and pinyin initials."""

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.orm import Session

from models import Base, Region, RegionLevel
from workflows import regions
from workflows.rules import JURISDICTIONS

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module", params=BOTH)
def filled(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database with all areas, foreign keys watched; the tests only read it."""
    url = "sqlite://"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").create_database("regions")
    engine = create_engine(url)
    if request.param == "sqlite":
        event.listen(
            engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON")
        )
    Base.metadata.create_all(engine, tables=[Region.__table__])
    with Session(engine) as session:
        regions.load(session)
        regions.load_demo(session)
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def session(filled: Engine) -> Iterator[Session]:
    with Session(filled) as session:
        yield session


def found(session: Session, text: str, **keep: object) -> list[str]:
    rows = regions.search(session, text, **keep)  # type: ignore[arg-type]
    names = regions.full_names(session, [row.code for row in rows])
    return [names[row.code] for row in rows]


def test_all_areas_are_there(session: Session) -> None:
    rows = session.scalars(select(Region)).all()
    national = Counter(row.level for row in rows if not row.code.startswith("99"))
    assert national == {
        RegionLevel.PROVINCE: 34,
        RegionLevel.CITY: 342,
        RegionLevel.COUNTY: 2975,
        RegionLevel.TOWNSHIP: 82,
    }
    for row in rows:
        assert row.name, row.code
        assert row.initials, row.code
        assert row.parent_code == regions.parent_of(row.code)
        assert row.level is regions.level_of(row.code)


def test_filling_again_adds_nothing_and_keeps_what_was_changed(session: Session) -> None:
    area = regions.get(session, "990121")
    assert area is not None
    area.name = "新名县"
    assert (regions.load(session), regions.load_demo(session)) == (0, 0)
    session.expire(area)
    assert area.name == "新名县"
    session.rollback()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("410221", "河南省开封市杞县"),
        ("110101", "北京市东城区"),
        ("500230", "重庆市丰都县"),
        ("419001", "河南省济源市"),
        ("441900003", "广东省东莞市东城街道"),
        ("620201100", "甘肃省嘉峪关市新城镇"),
        ("330114", "浙江省杭州市钱塘区"),
        ("990121101", "示例省云江市青禾县柳湾镇"),
        ("710000", "台湾省"),
        ("000001", ""),
    ],
)
def test_full_names_leave_out_steps_without_a_name(session: Session, code: str, name: str) -> None:
    assert regions.full_name(session, code) == name


def test_full_names_of_many_in_one_query(session: Session, filled: Engine) -> None:
    asked: list[str] = []
    event.listen(filled, "before_cursor_execute", lambda *args: asked.append(args[2]))
    codes = list(session.scalars(select(Region.code).where(Region.parent_code == "410200")))
    asked.clear()
    names = regions.full_names(session, [*codes, "000001"])
    assert len(asked) == 1
    assert set(names) == set(codes)


def test_the_demonstration_city(session: Session) -> None:
    counties = regions.children(session, "990100")
    assert [(row.code, row.name) for row in counties] == [
        ("990121", "青禾县"),
        ("990122", "白鹭县"),
    ]
    for county in counties:
        towns = regions.children(session, county.code)
        assert len(towns) == 3
        assert {town.level for town in towns} == {RegionLevel.TOWNSHIP}


def test_children_of_nothing_are_the_provinces(session: Session) -> None:
    provinces = regions.children(session)
    assert len(provinces) == 35
    assert {row.level for row in provinces} == {RegionLevel.PROVINCE}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("kf", "河南省开封市"),
        ("KFS", "河南省开封市"),
        ("开封", "河南省开封市"),
        ("410221", "河南省开封市杞县"),
        ("4102", "河南省开封市"),
        ("开封 鼓楼", "河南省开封市鼓楼区"),
        ("hn kf", "河南省开封市"),
        ("czs", "河北省沧州市"),
        ("cqs", "重庆市"),
        ("lhs", "河南省漯河市"),
        ("yjs", "广东省阳江市"),
        ("云江", "示例省云江市"),
        ("qhx", "河北省邢台市清河县"),
    ],
)
def test_what_is_meant_comes_first(session: Session, text: str, first: str) -> None:
    assert found(session, text)[0] == first


@pytest.mark.parametrize(
    "text", ["", "  ", "%", "_", "市辖区", "省直辖县级行政区划", "没有这个地方"]
)
def test_nothing_is_found(session: Session, text: str) -> None:
    assert found(session, text) == []


def test_larger_areas_come_first_and_the_limit_holds(session: Session) -> None:
    levels = [row.level for row in regions.search(session, "s", limit=300)]
    order = list(RegionLevel)
    assert [order.index(level) for level in levels] == sorted(
        order.index(level) for level in levels
    )
    assert len(set(levels)) >= 3
    assert len(regions.search(session, "s", limit=5)) == 5


def test_searching_below_an_area_and_in_one_level(session: Session) -> None:
    assert found(session, "镇", within="990121") == [
        "示例省云江市青禾县禾场镇",
        "示例省云江市青禾县柳湾镇",
    ]
    assert found(session, "县", within="990100", levels=[RegionLevel.COUNTY]) == [
        "示例省云江市青禾县",
        "示例省云江市白鹭县",
    ]
    assert found(session, "青禾", within="410000") == []


def test_every_rule_file_is_of_a_known_area(session: Session) -> None:
    codes = {path.stem for path in JURISDICTIONS.glob("*.toml")} - {"000000"}
    assert set(regions.full_names(session, codes)) == codes
