"""Lists of cases and clocks and the board: what they hold, find, count, and what they cost."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from lxml import html
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models import Appointment, Case, CaseState, CaseUnit, Clock, UnitPart
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from webapp.cases.listing import PERIODS, period
from webapp.clocks import seconds_between
from webapp.words import SHANGHAI
from workflows.actions import places
from workflows.permissions import case_ids

ClientFor = Callable[[Appointment], Client]
NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
NAMES = ("沈云禾", "江映雪", "陆小满", "沈秋实", "顾青", "阮星河", "温竹", "叶知秋")


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def cases(session: Session, world: World) -> list[Case]:
    """Eight cases of the hospital, reported an hour after death, the newest first: the oldest has
    the lowest number and was reported 70 hours ago."""
    found = [
        report(
            session,
            world.by["department" if number % 2 else "quality_office"],
            NOW - timedelta(hours=10 * number),
            name=name,
        )
        for number, name in reversed(list(enumerate(NAMES)))
    ]
    return found[::-1]


def column(reply_text: str, label: str) -> list[str]:
    """The cells of one column of the page's first list."""
    page = html.document_fromstring(reply_text)
    cells = page.xpath(f'//tbody//td[@data-label="{label}"]')
    return [" ".join(cell.text_content().split()) for cell in cells]


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that go to the database meanwhile."""
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


# The list of cases


def test_who_lists_which_cases(client_for: ClientFor, world: World, cases: list[Case]) -> None:
    everyone = {"quality_office": 8, "head": 8, "mch": 8, "department": 4, "neighbour": 0,
                "neighbour_mch": 0, "commission": 0, "expert1": 0, "auditor": 0}  # fmt: skip
    for who, count in everyone.items():
        reply = client_for(world.by[who]).get("/cases")
        assert len(column(reply.text, "编号")) == count, who
        assert f"共 {count} 例" in reply.text


def test_an_empty_list_says_why(client_for: ClientFor, world: World, cases: list[Case]) -> None:
    assert "还没有病例" in client_for(world.by["neighbour"]).get("/cases").text
    assert "聘为评审专家组成员" in client_for(world.by["expert1"]).get("/cases").text
    nothing = client_for(world.by["mch"]).get("/cases?state=closed").text
    assert "没有符合条件的病例" in nothing
    assert "清除条件" in nothing


@pytest.mark.parametrize("database", DATABASES)
def test_filters_and_orders(
    client_for: ClientFor, session: Session, world: World, cases: list[Case]
) -> None:
    for number, state in ((1, CaseState.RETURNED), (2, CaseState.CLOSED), (3, CaseState.VOIDED)):
        cases[number].state = state
    cases[4].late_report = cases[5].incomplete_record = cases[3].late_report = True
    clock = session.scalars(
        select(Clock).where(Clock.case_id == cases[1].id, Clock.title == "院内死亡病例讨论")
    ).one()
    clock.due_at, clock.met_at = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    session.commit()
    numbers = [case.number for case in cases]
    client = client_for(world.by["mch"])

    def listed(query: str) -> list[int]:
        return [numbers.index(n) for n in column(client.get(f"/cases?{query}").text, "编号")]

    assert listed("") == list(range(8))
    assert listed("state=returned") == [1]
    assert listed("state=open") == [0, 1, 4, 5, 6, 7]
    assert listed("state=live") == [0, 1, 2, 4, 5, 6, 7]
    assert listed("late=report") == [4]
    assert listed("late=record") == [5]
    assert listed("late=now") == [4, 5, 6, 7]  # more than 24 hours without a discussion
    assert listed("late=ever") == [1, 4, 5, 6, 7]
    assert listed("gap=report") == [0, 1, 2, 4, 5, 6, 7]
    assert listed("period=30d") == list(range(8))
    assert listed("period=last_year") == []
    assert listed("order=due") == [7, 6, 5, 4, 0, 1]  # without those that have ended
    assert listed("order=number") == list(range(8))[::-1]  # reported in this order
    assert listed("number=0003") == [5]
    assert listed("number=md-990121") == list(range(8))
    assert listed("number=2026-0003") == [5]
    assert listed("number=2026-03") == []
    assert listed(f"unit={world.units['hospital'].id}") == list(range(8))
    assert listed(f"unit={world.units['neighbour'].id}") == []
    assert listed("state=nonsense&late=x&order=y&period=z&gap=w&unit=q") == list(range(8))


@pytest.mark.parametrize("code", PERIODS)
def test_periods_go_by_the_calendar_in_china(code: str) -> None:
    new_year = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)  # 00:30 of 2027-01-01 in China
    since, until = period(code, new_year)
    assert since < until
    if code == "year":
        assert since == datetime(2027, 1, 1, tzinfo=SHANGHAI)
    if code == "last_year":
        assert since == datetime(2026, 1, 1, tzinfo=SHANGHAI)
        assert until == datetime(2027, 1, 1, tzinfo=SHANGHAI)


def test_a_name_is_found_but_never_stands_in_an_address(
    client_for: ClientFor, world: World, cases: list[Case]
) -> None:
    office = client_for(world.by["quality_office"])
    reply = office.post("/cases", data={"q": "沈", "order": "event"})
    assert reply.status_code == 200
    assert column(reply.text, "姓名") == ["沈云禾", "沈秋实"]
    page = html.document_fromstring(reply.text)
    assert not [a for a in page.xpath("//main//@href") if "沈" in a or "%E6" in a.upper()]
    assert office.post("/cases", data={"q": "0002"}).location == "/cases?number=0002"
    assert office.post("/cases", data={"q": " "}).location == "/cases"


def test_who_is_blind_finds_nothing_by_name(
    client_for: ClientFor, session: Session, world: World, cases: list[Case]
) -> None:
    secretary = client_for(world.by["secretary"])
    reply = secretary.post("/cases", data={"q": "沈云禾"})
    assert reply.status_code == 200
    assert column(reply.text, "编号") == []
    assert 'placeholder="病例编号"' in reply.text


def test_pages_of_the_list(
    client_for: ClientFor,
    session: Session,
    world: World,
    cases: list[Case],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.cases.listing.PER_PAGE", 3)
    mch = world.units["mch"]  # has two parts in some of the cases
    for case in cases[3:5]:
        session.add(CaseUnit(case=case, organisation=mch, part=UnitPart.UPPER_MCH, since=NOW))
    session.commit()
    client = client_for(world.by["mch"])
    of_all = [column(client.get(f"/cases?page={n}").text, "编号") for n in (1, 2, 3, 4)]
    assert [len(page) for page in of_all] == [3, 3, 2, 2]
    assert of_all[3] == of_all[2], "there is no fourth"
    found = [column(client.get(f"/cases?page={n}&state=open").text, "编号") for n in (1, 2, 3)]
    assert [len(page) for page in found] == [3, 3, 2]
    assert len({number for page in found for number in page}) == 8
    assert column(client.get("/cases?page=99&state=open").text, "编号") == found[-1]
    assert column(client.get("/cases?page=-1&state=open").text, "编号") == found[0]
    middle = client.get("/cases?page=2&state=open").text
    assert "第 2 页，共 3 页" in middle
    assert re.findall(r'href="(/cases\?[^"]+)" rel', middle) == [
        "/cases?state=open&amp;page=1",
        "/cases?state=open&amp;page=3",
    ]


@pytest.mark.parametrize("address", ["/cases", "/clocks?state=all", "/board"])
def test_no_query_for_each_row(
    client_for: ClientFor,
    session: Session,
    engine: Engine,
    world: World,
    address: str,
) -> None:
    client = client_for(world.by["mch"])
    costs = []
    for number in range(6):
        report(session, world.by["quality_office"], NOW - timedelta(hours=number))
        if number in (1, 5):
            with counted(engine) as statements:
                assert client.get(address).status_code == 200
            costs.append(len(statements))
    assert costs[0] == costs[1] <= 20


def test_nothing_is_looked_for_among_all_there_ever_was(
    client_for: ClientFor, session: Session, engine: Engine, world: World, cases: list[Case]
) -> None:
    """Parts in cases, limits and panels, each by an index that holds little more than what is
    asked for. SQLite says how it finds them, as long as it has counted nothing."""
    client, asked = client_for(world.by["commission"]), []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_: object):
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    for address in ("/tasks", "/board", "/clocks?state=all", "/statistics/review-county"):
        assert client.get(address).status_code == 200
    elsewhere = world.units["neighbour"]
    assert not places.is_used(session, elsewhere)
    event.remove(engine, "before_cursor_execute", note)
    connection = session.connection()
    for statement, values in [one for one in asked if one[0].startswith("SELECT")]:
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
            all_of_them = re.match(
                r"SCAN (case_unit|clock|panel|task)( USING INDEX (\w+))?$", row[3]
            )
            assert not all_of_them or all_of_them[3] in FEW, (row[3], statement)
            assert "task.user_id" not in statement or not BY_STATE.search(row[3]), statement
    for part in (UnitPart.CONCERNED, UnitPart.GUIDE):
        told = CaseUnit(case=cases[0], organisation=elsewhere, part=part, since=NOW)
        session.add(told)
        assert places.is_used(session, elsewhere)
        session.delete(told)
        session.flush()


BY_STATE = re.compile(r"ix_task_\w+ \(state=\?\)$")
FEW = {"ix_clock_waiting", "ix_clock_running", "ix_clock_met_late_due", "ix_panel_opened"}


@pytest.mark.parametrize("database", DATABASES)
def test_what_a_unit_sees_is_found_by_the_index_of_that_alone(
    session: Session, world: World, cases: list[Case]
) -> None:
    connection = session.connection()
    query = case_ids(world.by["mch"])
    told = query.compile(connection, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN"
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # of eight rows
        explain = "EXPLAIN"
    plan = str(connection.exec_driver_sql(f"{explain} {told}").all())
    assert "ix_case_unit_scope" in plan
    assert set(session.scalars(query)) == {case.id for case in cases}


# Clocks


@pytest.mark.parametrize("database", DATABASES)
def test_clocks_by_state_and_order(
    client_for: ClientFor, session: Session, world: World, cases: list[Case]
) -> None:
    client = client_for(world.by["mch"])

    def listed(query: str) -> list[str]:
        text = client.get(f"/clocks?{query}").text
        assert f"{len(column(text, '时限'))} 项" in text
        return [
            f"{what} {case.split()[0][-4:]}"
            for what, case in zip(column(text, "时限"), column(text, "病例或事项"), strict=True)
        ]

    assert len(listed("state=running")) == 16  # discussion and submission of eight cases
    assert len(listed("state=late")) == 5 + 3  # older than 24 hours; older than 48
    assert listed("state=6h") == [f"院内死亡病例讨论 {cases[2].number[-4:]}"]
    assert len(listed("state=24h")) == 3 + 2
    assert len(listed("state=48h")) == 3 + 5
    assert len(listed("state=met")) == 8  # the first reports
    assert listed("state=met_late") == []
    assert listed("state=unnumbered") == []
    oldest = session.scalars(
        select(Clock).where(Clock.case_id == cases[7].id, Clock.title == "院内死亡病例讨论")
    ).one()
    assert oldest.due_at is not None
    oldest.met_at = oldest.due_at + timedelta(hours=1)
    cases[6].state = CaseState.VOIDED
    session.commit()
    assert len(listed("state=met_late")) == 1
    assert len(listed("state=late")) == 8 - 1 - 2
    by_lateness = listed("state=all&order=late")
    assert by_lateness[0].startswith("院内死亡病例讨论")
    assert [line for line in by_lateness if cases[6].number[-4:] in line] == []
    found = session.execute(
        select(seconds_between(Clock.due_at, NOW))
        .where(Clock.due_at <= NOW, Clock.met_at.is_(None), Clock.case_id != cases[6].id)
        .order_by(seconds_between(Clock.due_at, NOW).desc())
    ).scalars()
    assert [round(seconds / 3600) for seconds in found] == [27, 23, 17, 7, 3]
    assert by_lateness[0] == f"院内死亡病例讨论 {cases[5].number[-4:]}"
    assert by_lateness[1] == f"死亡个案信息报送 {cases[7].number[-4:]}"


def test_clocks_of_one_unit(client_for: ClientFor, world: World, cases: list[Case]) -> None:
    client = client_for(world.by["mch"])
    hospital, own = world.units["hospital"].id, world.units["mch"].id
    assert len(column(client.get(f"/clocks?unit={hospital}").text, "时限")) == 16
    assert column(client.get(f"/clocks?unit={own}").text, "时限") == []
    assert "没有符合条件的时限" in client.get(f"/clocks?unit={own}").text


def test_who_has_no_clocks_gets_none(client_for: ClientFor, world: World) -> None:
    for who in ("department", "expert1", "secretary", "auditor", "system_admin"):
        for address in ("/clocks", "/board"):
            assert client_for(world.by[who]).get(address).status_code == 404


# The board


def numbers_and_links(text: str) -> Iterator[tuple[int, str]]:
    """Every number on the board that leads somewhere."""
    page = html.document_fromstring(text)
    for link in page.xpath(
        "//main//a[starts-with(@href, '/cases') or starts-with(@href, '/clocks')]"
    ):
        words = " ".join(part.strip() for part in link.itertext())
        found = re.search(r"\d+", words)
        assert found, words
        yield int(found[0]), link.get("href")


@pytest.mark.clause("A01", "D01")
@pytest.mark.parametrize("database", DATABASES)
def test_every_number_on_the_board_is_that_of_its_list(
    client_for: ClientFor, session: Session, world: World, cases: list[Case]
) -> None:
    cases[1].state = CaseState.RETURNED
    cases[2].state, cases[2].late_report = CaseState.VOIDED, True
    cases[3].late_report = cases[4].late_report = cases[4].incomplete_record = True
    session.commit()
    client = client_for(world.by["mch"])
    text = client.get("/board").text
    checked = 0
    for number, address in numbers_and_links(text):
        listed = client.get(address).text
        stated = re.search(r"(\d+) [例项]", listed[listed.index("page-head-side") :])
        assert stated
        assert int(stated[1]) == number, address
        checked += 1
    assert checked >= 15
    assert "迟报 2 例" in text
    assert "评审病历不完整 1 例" in text
    assert "待报送 7 例" in text
    assert "待评审 7 例" in text


def test_a_board_without_cases_says_so(client_for: ClientFor, world: World) -> None:
    assert "还没有可以统计的病例" in client_for(world.by["mch"]).get("/board").text
