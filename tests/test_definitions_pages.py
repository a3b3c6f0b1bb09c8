"""Versions of a process in the browser: brought, judged, compared, approved, cases moved."""

import io
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Definition, DefinitionState, Process, Transfer
from tests.pages import Client
from tests.played import IN_REVIEW, Cast
from tests.versions import MAIN, RENAMED, changed, handed
from workflows.engine import definitions

ClientFor = Callable[[Appointment], Client]
NEW = "/admin/definitions/new"
CAMUNDA = b"""<?xml version="1.0"?><bpmn:definitions
 xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="x">
 <bpmn:process id="maternal_death"><bpmn:startEvent id="StartEvent_1"/>
 <bpmn:userTask id="Activity_1" camunda:assignee="demo"/></bpmn:process></bpmn:definitions>"""


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


@pytest.fixture
def keeper(cast: Cast, client_for: ClientFor) -> Client:
    """The system administrator's browser."""
    return client_for(cast.seat("xitong"))


@pytest.fixture
def second(cast: Cast, client_for: ClientFor) -> Client:
    """The security administrator's."""
    return client_for(cast.seat("anquan"))


def hand_in(browser: Client, *files: bytes, comment: str = "统一名称", **more: str):  # type: ignore[no-untyped-def]
    fields = {
        "process_name": MAIN,
        "comment": comment,
        "files": [(io.BytesIO(raw), "process.bpmn") for raw in files],
        **more,
    }
    return browser.post(NEW, data=fields, content_type="multipart/form-data")


def newest(session: Session) -> Definition:
    session.rollback()
    query = select(Definition).where(Definition.name == MAIN).order_by(Definition.number.desc())
    return session.scalars(query.limit(1)).one()


def test_one_brings_another_approves_and_it_is_in_force(
    keeper: Client, second: Client, session: Session
) -> None:
    both = changed("review", ('name="组织评审、聘定专家"', 'name="组织评审"'))
    reply = hand_in(keeper, RENAMED["process.bpmn"], both)
    assert reply.status_code == 303, reply.text
    row = newest(session)
    page = f"/admin/definitions/{row.id}"
    assert reply.location.endswith(page)
    mine = keeper.get(page).text
    assert "提交人自己不能批准" in mine
    assert 'name="approve"' not in mine
    seen = second.get(page).text
    for words in ("核实与质控", "组织评审", "统一名称", "UT_verify", "UT_convene"):
        assert words in seen, words
    data = second.get(f"{page}/diagrams/review").get_json()
    assert data["changes"]["UT_convene"]["how"] == "changed"
    assert "聘定专家" in data["old"]
    assert "聘定专家" not in data["new"].split("UT_convene")[1][:60]
    against = definitions.in_force(session, MAIN)
    session.rollback()
    for browser, status in ((keeper, 404), (second, 303)):
        fields = {"comment": "同意", "approve": "1", "against": str(against.id)}
        assert browser.post(f"{page}/decide", data=fields).status_code == status
    session.rollback()
    assert definitions.in_force(session, MAIN).id == row.id
    assert row.decided_by.username == "anquan"
    assert "可以撤销" not in keeper.get("/admin/definitions").text


def test_what_is_wrong_is_listed_and_nothing_is_kept(keeper: Client, session: Session) -> None:
    reply = hand_in(keeper, CAMUNDA)
    assert reply.status_code == 422
    for words in ("Activity_1", "Camunda", "L1：", "G3："):
        assert words in reply.text, words
    assert newest(session).number == 1
    assert "选择要改的文件" in hand_in(keeper).text
    assert "为什么改" in hand_in(keeper, RENAMED["process.bpmn"], comment="").text
    assert hand_in(keeper, changed(MAIN)).status_code == 422
    checked = hand_in(keeper, RENAMED["process.bpmn"], comment="", check="1")
    assert checked.status_code == 200
    assert "核实与质控" in checked.text
    assert newest(session).number == 1


def test_a_second_person_may_refuse_and_the_author_may_take_it_back(
    keeper: Client, second: Client, session: Session
) -> None:
    hand_in(keeper, RENAMED["process.bpmn"])
    row = newest(session)
    page = f"/admin/definitions/{row.id}"
    assert second.post(f"{page}/decide", data={"comment": ""}).status_code == 422
    assert second.post(f"{page}/withdraw", data={}).status_code == 404
    assert second.post(f"{page}/decide", data={"comment": "名称不妥"}).status_code == 303
    assert "名称不妥" in keeper.get(page).text
    assert newest(session).status is DefinitionState.REJECTED
    hand_in(keeper, RENAMED["process.bpmn"])
    row = newest(session)
    assert row.number == 3
    assert keeper.post(f"/admin/definitions/{row.id}/withdraw", data={}).status_code == 303
    assert newest(session).status is DefinitionState.WITHDRAWN
    assert "撤回" in second.get("/admin/definitions").text


def test_cases_are_tried_on_copies_moved_and_moved_back(
    keeper: Client, second: Client, session: Session, cast: Cast
) -> None:
    hand_in(keeper, handed("review", ('name="个人评审意见"', 'name="专家意见"'))["process.bpmn"])
    row = newest(session)
    cases = f"/admin/definitions/{row.id}/cases"
    tried = second.get(cases).text
    assert "个人评审意见" in tried
    assert "专家意见" in tried
    assert 'name="process"' not in keeper.get(cases).text  # not approved yet
    against = definitions.in_force(session, MAIN).id
    session.rollback()
    fields = {"comment": "同意", "approve": "1", "against": str(against)}
    second.post(f"/admin/definitions/{row.id}/decide", data=fields)
    assert 'name="process"' not in second.get(cases).text  # not hers to do
    case = cast.case(IN_REVIEW)
    process = session.scalars(select(Process.id).where(Process.case_id == case.id)).one()
    session.rollback()
    fields = {"process": str(process), "comment": "统一名称"}
    assert keeper.post(cases, data={"comment": "统一"}).status_code == 422
    assert keeper.post(cases, data=fields).status_code == 303
    listed = keeper.get("/admin/definitions").text
    assert "撤销换版" in listed
    transfer = session.scalars(select(Transfer.id)).one()
    session.rollback()
    undo = f"/admin/definitions/transfers/{transfer}/undo"
    assert second.post(undo, data={}).status_code == 404
    assert keeper.post(undo, data={}).status_code == 303
    assert "可以撤销的换版" not in keeper.get("/admin/definitions").text
    assert keeper.post(undo, data={}).status_code == 303
    assert "不能撤销了" in keeper.get("/admin/definitions").text
    assert session.get_one(Process, process).definition_id == against


def test_an_earlier_version_comes_back_as_a_new_one(
    keeper: Client, second: Client, session: Session
) -> None:
    hand_in(keeper, RENAMED["process.bpmn"])
    row = newest(session)
    first = definitions.in_force(session, MAIN).id
    session.rollback()
    fields = {"comment": "同意", "approve": "1", "against": str(first)}
    second.post(f"/admin/definitions/{row.id}/decide", data=fields)
    assert "重新启用" in keeper.get(f"/admin/definitions/{first}").text
    assert keeper.post(f"/admin/definitions/{first}/again", data={}).status_code == 422
    reply = keeper.post(f"/admin/definitions/{first}/again", data={"comment": "退回原样"})
    assert reply.status_code == 303
    assert newest(session).number == 3
