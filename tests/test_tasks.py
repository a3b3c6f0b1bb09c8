"""The inbox and one step at a time, over HTTP: seen by whom, handed in once, nothing lost."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from models import Appointment, Case, CaseState, Document, Draft, Task, TaskState
from tests.cases import report, step
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from tests.typed import typed
from webapp import inbox, kept
from workflows.actions import cases as case_actions
from workflows.demo import answers
from workflows.forms import load

ClientFor = Callable[[Appointment], Client]
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # 10:00 in China


@pytest.fixture(autouse=True)
def morning() -> object:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def case(session: Session, world: World) -> Case:
    return report(session, world.by["quality_office"], NOW - timedelta(hours=2))


def receipt(world: World, key: str, **over: str) -> MultiDict[str, str]:
    """What county MCH types when it receives a report."""
    mch = world.by["mch"]
    said = answers.receipt(
        NOW - timedelta(hours=1),
        organisation=mch.organisation_id,
        commission=world.units["commission"].id,
        upper_mch=world.units["city_mch"].id,
        sign={"user": mch.user_id, "name": mch.user.name, "at": ""},
    )
    data = MultiDict(typed(load.load("receipt.v1"), said))
    data["key"] = key
    for name, value in over.items():
        data[name.replace("__", ".")] = value
    return data


def test_the_inbox_groups_by_urgency(client_for: ClientFor, session: Session, world: World) -> None:
    by = world.by["quality_office"]
    for hours, name in ((30, "甲某"), (1, "乙某"), (20, "丙某")):
        report(session, by, NOW - timedelta(hours=hours), name=name)
    page = client_for(by).get("/tasks").text
    late, due, still = page.index("已超时"), page.index("24 小时内到期"), page.index("其余")
    assert late < due < still
    assert page.count("院内死亡病例讨论") >= 3
    assert late < page.index("超时 7 小时") < due
    assert "甲＊" in page
    assert "甲某" not in page
    by_case = client_for(by).get("/tasks?order=case&step=死亡个案报送").text
    assert by_case.count('class="inbox-row"') == 3
    assert client_for(by).get("/tasks?order=nonsense&step=没有").status_code == 200


def test_a_long_inbox_is_turned_page_by_page_and_counted_whole(
    client_for: ClientFor, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "PER_PAGE", 2)
    by = world.by["quality_office"]
    for hours in (30, 1, 20):
        report(session, by, NOW - timedelta(hours=hours))
    browser, found = client_for(by), []
    address: str | None = "/tasks"
    while address is not None:
        page = browser.get(address).text
        found += re.findall(r'inbox-title">\s*<a href="/tasks/(\d+)"', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = following[1] if following else None
    waiting = session.scalars(select(Task.id).where(Task.state == TaskState.OPEN)).all()
    mine = [key for key in waiting if session.get_one(Task, key).lane == "quality_office"]
    assert sorted(map(int, found)) == sorted(mine)
    assert '已超时 <span class="count">1</span>' in browser.get("/tasks").text


def test_an_empty_inbox_says_why(client_for: ClientFor, world: World) -> None:
    assert "现在没有待办" in client_for(world.by["head"]).get("/tasks").text


def test_a_draft_shows_how_far_one_is(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    by = world.by["quality_office"]
    task = step(session, case, "UT_discuss")
    browser = client_for(by)
    saved = {"_percent": "62", "summary": "产后出血"}
    assert browser.post(f"/drafts/task:{task.id}", data=saved).status_code == 200
    assert "继续填写 62%" in browser.get("/tasks").text
    assert "产后出血" in browser.get(f"/tasks/{task.id}").text


@pytest.mark.parametrize("who", ["neighbour", "neighbour_mch", "department", "expert1", "auditor"])
def test_somebody_elses_step_does_not_exist(
    client_for: ClientFor, session: Session, world: World, case: Case, who: str
) -> None:
    task = step(session, case, "UT_receive")
    browser = client_for(world.by[who])
    assert browser.get(f"/tasks/{task.id}").status_code == 404
    reply = browser.post(f"/tasks/{task.id}", data=receipt(world, str(uuid4())))
    assert reply.status_code == 404
    assert session.get_one(Task, task.id).state is TaskState.OPEN


def test_what_a_step_is_about_stands_beside_its_form(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    browser = client_for(world.by["mch"])
    [document] = session.scalars(select(Document).where(Document.form == "report.v1"))
    sheet = f"/cases/{case.id}/documents/{document.id}"
    assert f'href="{sheet}" target="_blank"' in browser.get(f"/tasks/{task.id}").text
    assert browser.get(sheet).status_code == 200


def test_a_unit_with_only_a_step_in_a_case_learns_no_name(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    task.lane, task.organisation_id = "concerned", world.units["neighbour"].id
    session.commit()
    name = case.person.name
    for path in ("/tasks", f"/tasks/{task.id}"):
        page = client_for(world.by["neighbour"]).get(path).text
        assert case.number in page
        assert name not in page
        assert "云江县人民医院" not in page
        assert f'href="/cases/{case.id}' not in page
    assert (
        name
        in client_for(world.by["quality_office"])
        .get(f"/tasks/{step(session, case, 'UT_discuss').id}")
        .text
    )


@pytest.mark.parametrize("database", DATABASES)
def test_a_step_is_handed_in_once(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    browser = client_for(world.by["mch"])
    page = browser.get(f"/tasks/{task.id}").text
    assert case.number in page
    data = receipt(world, str(uuid4()))
    first = browser.post(f"/tasks/{task.id}", data=data)
    second = browser.post(f"/tasks/{task.id}", data=data)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    documents = session.scalars(select(Document).where(Document.task_id == task.id)).all()
    assert len(documents) == 1
    assert documents[0].answers["sign"]["user"] == world.by["mch"].user_id
    sheet = browser.get(first.location).text
    assert "已提交" in sheet
    assert "接下来" in sheet
    assert "2026-11-22 09:00" in sheet  # when it was received


def test_wrong_answers_change_nothing_and_lose_nothing(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    browser = client_for(world.by["mch"])
    data = receipt(world, str(uuid4()), receiver="", remark="来电核对过两次")
    reply = browser.post(f"/tasks/{task.id}", data=data)
    assert reply.status_code == 422
    assert "来电核对过两次" in reply.text
    assert step(session, case, "UT_receive").state is TaskState.OPEN
    reply = browser.post(f"/tasks/{task.id}", data=receipt(world, "", sign__password="wrong"))
    assert reply.status_code == 422
    assert "密码不正确" in reply.text
    assert "wrong" not in reply.text


@pytest.mark.parametrize("database", DATABASES)
def test_two_submits_at_the_same_moment_are_one(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    reporter = world.by["quality_office"]
    said = answers.report(NOW - timedelta(hours=3), organisation=reporter.organisation_id)
    new_case = MultiDict(typed(load.load("report.v1"), said))
    new_case["key"] = str(uuid4())
    posts = (
        (world.by["mch"], f"/tasks/{task.id}", receipt(world, str(uuid4()))),
        (reporter, "/reports/new", new_case),
    )
    for by, path, data in posts:
        windows = [client_for(by), client_for(by)]
        for window in windows:
            window.test_session = None  # a session is no thing for two threads
        session.rollback()
        with ThreadPoolExecutor() as pool:
            replies = list(pool.map(lambda window: window.post(path, data=data), windows))  # noqa: B023
        assert [reply.status_code for reply in replies] == [303, 303]
        assert replies[0].location == replies[1].location
    session.rollback()
    assert len(session.scalars(select(Document).where(Document.task_id == task.id)).all()) == 1
    assert len(session.scalars(select(Case)).all()) == 2


def test_a_stale_page_is_a_conflict_and_shows_what_was_typed(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    browser = client_for(world.by["mch"])
    browser.post(f"/tasks/{task.id}", data=receipt(world, str(uuid4())))
    late = receipt(world, str(uuid4()), remark="另一个窗口里写的")
    reply = browser.post(f"/tasks/{task.id}", data=late)
    assert reply.status_code == 409
    assert "另一个窗口里写的" in reply.text
    assert "已由" in reply.text
    assert len(session.scalars(select(Document).where(Document.task_id == task.id)).all()) == 1


def test_a_step_of_a_voided_case_is_a_conflict(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    by, mch = world.by["quality_office"], world.by["mch"]
    case_actions.request_void(session, case, "与另一例重复登记，申请作废。", by=by, now=NOW)
    case_actions.decide_void(session, case, True, by=mch, now=NOW)
    session.commit()
    browser = client_for(mch)
    reply = browser.post(f"/tasks/{task.id}", data=receipt(world, str(uuid4())))
    assert reply.status_code == 409
    assert "病例已作废" in reply.text
    assert case.state is CaseState.VOIDED
    assert "这一步已取消" in browser.get(f"/tasks/{task.id}").text


def test_what_comes_back_is_shown_and_not_handed_in(
    client_for: ClientFor, session: Session, world: World, case: Case
) -> None:
    task = step(session, case, "UT_receive")
    data = receipt(world, str(uuid4()), remark="登录失效前写的")
    data[kept.RESUMED] = "1"
    reply = client_for(world.by["mch"]).post(f"/tasks/{task.id}", data=data)
    assert reply.status_code == 200
    assert "登录失效前写的" in reply.text
    assert step(session, case, "UT_receive").state is TaskState.OPEN


@pytest.mark.parametrize("database", DATABASES)
def test_reporting_opens_a_case_once(client_for: ClientFor, session: Session, world: World) -> None:
    by = world.by["department"]
    browser = client_for(by)
    said = answers.report(NOW - timedelta(hours=3), organisation=by.organisation_id)
    data = MultiDict(typed(load.load("report.v1"), said))
    data["key"] = str(uuid4())
    assert browser.post("/drafts/report", data=data).status_code == 200
    first = browser.post("/reports/new", data=data)
    assert first.status_code == 303
    assert browser.post("/reports/new", data=data).location == first.location
    [case] = session.scalars(select(Case))
    assert case.reported_at == NOW
    assert first.location == f"/cases/{case.id}"
    assert session.scalars(select(Draft)).all() == []


@pytest.mark.parametrize("who", ["mch", "head", "expert1", "system_admin"])
def test_only_the_reporting_side_reports(
    client_for: ClientFor, session: Session, world: World, who: str
) -> None:
    browser = client_for(world.by[who])
    assert browser.get("/reports/new").status_code == 404
    assert browser.post("/reports/new", data={"name": "某"}).status_code == 404
    assert session.scalars(select(Case)).all() == []


def test_a_report_with_errors_says_what_to_do(
    client_for: ClientFor, session: Session, world: World
) -> None:
    by = world.by["department"]
    said = answers.report(NOW + timedelta(hours=3), organisation=by.organisation_id)
    data = MultiDict(typed(load.load("report.v1"), said))
    reply = client_for(by).post("/reports/new", data=data)
    assert reply.status_code == 422
    assert 'role="alert"' in reply.text
    assert session.scalars(select(Case)).all() == []


def test_finding_a_case(client_for: ClientFor, session: Session, world: World, case: Case) -> None:
    browser = client_for(world.by["mch"])
    name = case.person.name
    assert browser.post("/search", data={"q": case.number}).location == f"/cases/{case.id}"
    assert browser.post("/search", data={"q": name}).location == f"/cases/{case.id}"
    report(session, world.by["quality_office"], NOW)
    page = browser.post("/search", data={"q": "MD-"}).text
    assert page.count("<tr>") == 3
    assert name not in page
    assert (
        "没有找到" in client_for(world.by["neighbour_mch"]).post("/search", data={"q": name}).text
    )
    auditor = client_for(world.by["auditor"])
    assert "没有找到" in auditor.post("/search", data={"q": name}).text
    assert auditor.post("/search", data={"q": " "}).location == "/cases"
