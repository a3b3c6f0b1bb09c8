"""Who of a desk has a step in hand: taken on by one, given on, given out and back, many at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import Engine, select
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    Clock,
    Document,
    Draft,
    Event,
    Notification,
    Role,
    Task,
    TaskState,
)
from tests.cases import report, step
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from tests.test_tasks import receipt
from workflows.actions import claims, delegation, drafts
from workflows.actions.tasks import InvalidAnswers, TaskClosed, TaskHeld, complete_task
from workflows.demo import answers
from workflows.desks import led_lanes
from workflows.events import EventName
from workflows.permissions import Forbidden, inbox, may_complete
from workflows.readers import Reader

ClientFor = Callable[[Appointment], Client]
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LEFT = "调离，所办事项移交"


@pytest.fixture(autouse=True)
def morning() -> object:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def pair(session: Session, world: World) -> World:
    """A second person at two desks."""
    world.appoint("office2", "hospital", Role.QUALITY_OFFICE)
    world.appoint("mch2", "mch", Role.MCH)
    session.commit()
    return world


@pytest.fixture
def case(session: Session, pair: World) -> Case:
    return report(session, pair.by["quality_office"], NOW - timedelta(hours=2))


@pytest.fixture
def task(session: Session, case: Case) -> Task:
    """County MCH receives: short to fill in."""
    return step(session, case, "UT_receive")


def events(session: Session, name: EventName) -> list[Event]:
    return list(session.scalars(select(Event).where(Event.name == name).order_by(Event.id)))


def told(session: Session, name: EventName) -> set[int]:
    return set(session.scalars(select(Notification.user_id).where(Notification.name == name)))


def fill(world: World, who: str) -> dict[str, object]:
    mch = world.by[who]
    return answers.receipt(
        NOW - timedelta(hours=1),
        organisation=mch.organisation_id,
        commission=world.units["commission"].id,
        upper_mch=world.units["city_mch"].id,
        sign=answers.signature(mch.user_id, mch.user.name, NOW),
    )


# Taking on


def test_a_step_taken_on_is_done_by_its_holder_only(
    session: Session, pair: World, task: Task
) -> None:
    one, two = pair.by["mch"], pair.by["mch2"]
    assert may_complete(one, task)
    assert may_complete(two, task)
    claims.claim(session, task, by=one, now=NOW)
    claims.claim(session, task, by=one, now=NOW)  # twice is once
    assert may_complete(one, task)
    assert not may_complete(two, task)
    with pytest.raises(TaskHeld):
        claims.claim(session, task, by=two, now=NOW)
    with pytest.raises(TaskHeld):
        complete_task(session, task, fill(pair, "mch2"), key="2", by=two, now=NOW)
    with pytest.raises(TaskHeld):
        claims.release(session, task, by=two, now=NOW)
    [event] = events(session, EventName.TASK_CLAIMED)
    assert (event.user_id, event.data["task"]) == (one.user_id, task.id)
    claims.release(session, task, by=one, now=NOW)
    assert may_complete(two, task)
    complete_task(session, task, fill(pair, "mch2"), key="2", by=two, now=NOW)
    with pytest.raises(TaskClosed):
        claims.claim(session, task, by=one, now=NOW)
    session.rollback()


@pytest.mark.parametrize("database", DATABASES)
def test_of_two_who_take_it_on_at_once_one_wins_and_the_other_is_told(
    client_for: ClientFor, session: Session, pair: World, task: Task
) -> None:
    browsers = [client_for(pair.by[who]) for who in ("mch", "mch2")]
    for browser in browsers:
        browser.test_session = None  # it is not for two threads
    key = task.id
    session.rollback()
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda b: b.post(f"/desk/{key}/claim"), browsers))
    assert sorted(reply.status_code for reply in replies) == [303, 409]
    session.expire_all()
    session.rollback()
    holder = session.get_one(Task, key).holder
    loser = next(reply for reply in replies if reply.status_code == 409)
    assert holder is not None
    assert f"这一步已由{holder.name}在办" in loser.text
    assert len(events(session, EventName.TASK_CLAIMED)) == 1


def test_a_limit_runs_on_whoever_has_it(session: Session, pair: World, case: Case) -> None:
    task = step(session, case, "UT_discuss")
    clock = session.get_one(Clock, task.clock_id)
    before = (clock.started_at, clock.due_at, clock.next_reminder_at)
    claims.claim(session, task, by=pair.by["quality_office"], now=NOW)
    claims.reassign(session, task, pair.user("office2").id, LEFT, by=pair.by["head"], now=NOW)
    session.refresh(clock)
    assert (clock.started_at, clock.due_at, clock.next_reminder_at) == before
    session.rollback()


def test_nobody_takes_on_what_is_not_of_their_desk(
    session: Session, pair: World, task: Task
) -> None:
    for who in ("head", "quality_office", "commission", "neighbour_mch", "city_mch", "auditor"):
        with pytest.raises(Forbidden):
            claims.claim(session, task, by=pair.by[who], now=NOW)


def test_pages_say_who_has_it(client_for: ClientFor, pair: World, task: Task) -> None:
    one, two = client_for(pair.by["mch"]), client_for(pair.by["mch2"])
    name = pair.user("mch").name
    assert "我来办" in one.get(f"/tasks/{task.id}").text
    assert one.post(f"/desk/{task.id}/claim").status_code == 303
    assert "我在办" in one.get("/tasks").text
    assert f"{name}在办" in two.get("/tasks").text
    page = two.get(f"/tasks/{task.id}").text
    assert f"{name}在办这一步" in page
    assert "data-task-form" not in page
    reply = two.post(f"/tasks/{task.id}", data=receipt(pair, str(uuid4())))
    assert reply.status_code == 409
    assert f"已由 {name} 在办" in reply.text
    assert one.post(f"/desk/{task.id}/release").status_code == 303
    assert "data-task-form" in two.get(f"/tasks/{task.id}").text


def test_a_neighbour_has_no_such_step(
    client_for: ClientFor, session: Session, pair: World, task: Task
) -> None:
    browser = client_for(pair.by["neighbour_mch"])
    assert browser.get(f"/desk/{task.id}").status_code == 404
    for verb in ("claim", "release", "return", "recall", "delegate", "reassign"):
        assert browser.post(f"/desk/{task.id}/{verb}").status_code == 404
    for who in ("expert1", "secretary", "auditor", "department", "system_admin"):
        assert client_for(pair.by[who]).get("/desk").status_code == 404


# Giving to another


def test_who_leads_a_desk(session: Session, pair: World) -> None:
    led = {who: led_lanes(session, pair.by[who], NOW) for who in pair.by}
    assert "quality_office" in led["head"]
    assert "quality_office" not in led["quality_office"]  # the head does
    assert "reporter" in led["quality_office"]
    assert led["commission"] == set()
    assert {"commission", "commission_leader"} <= led["commission_leader"]
    assert "county_mch" in led["mch"]  # nobody leads it in this unit: it does so itself
    assert not led["expert1"] | led["secretary"] | led["auditor"] | led["system_admin"]
    assert not {lane for lanes in led.values() for lane in lanes} & {"expert", "chair", "secretary"}


def test_the_lead_gives_it_to_another_and_says_why(
    session: Session, pair: World, case: Case
) -> None:
    task = step(session, case, "UT_discuss")
    one, two, head = pair.by["quality_office"], pair.by["office2"], pair.by["head"]
    claims.claim(session, task, by=one, now=NOW)
    with pytest.raises(Forbidden):
        claims.reassign(session, task, two.user_id, LEFT, by=two, now=NOW)
    with pytest.raises(InvalidAnswers) as refused:
        claims.reassign(session, task, two.user_id, "", by=head, now=NOW)
    assert refused.value.errors.keys() == {"reason"}
    for nobody in (head.user_id, pair.by["mch"].user_id, 999_999):
        with pytest.raises(InvalidAnswers) as refused:
            claims.reassign(session, task, nobody, LEFT, by=head, now=NOW)
        assert refused.value.errors.keys() == {"user"}
    claims.reassign(session, task, two.user_id, LEFT, by=head, now=NOW)
    assert (may_complete(one, task), may_complete(two, task)) == (False, True)
    [event] = events(session, EventName.TASK_REASSIGNED)
    assert event.data | {"old": one.user_id, "new": two.user_id, "reason": LEFT} == event.data
    assert told(session, EventName.TASK_REASSIGNED) == {one.user_id, two.user_id}
    claims.reassign(session, task, None, LEFT, by=head, now=NOW)
    assert may_complete(one, task)
    session.rollback()


def test_who_has_left_is_nobody_to_give_it_to(session: Session, pair: World, case: Case) -> None:
    task = step(session, case, "UT_discuss")
    pair.by["office2"].valid_to = date(2026, 11, 21)
    session.flush()
    with pytest.raises(InvalidAnswers):
        claims.reassign(session, task, pair.user("office2").id, "", by=pair.by["head"], now=NOW)
    session.rollback()


@pytest.mark.parametrize("database", DATABASES)
def test_all_steps_of_somebody_who_leaves_go_to_another(
    client_for: ClientFor, session: Session, pair: World
) -> None:
    office, head = pair.by["quality_office"], pair.by["head"]
    for name in ("甲某", "乙某"):
        case = report(session, office, NOW - timedelta(hours=1), name=name)
        for bpmn_id in ("UT_discuss", "UT_submit"):
            claims.claim(session, step(session, case, bpmn_id), by=office, now=NOW)
    session.commit()
    browser, colleague = client_for(head), pair.user("office2")
    page = browser.get(f"/desk?who={office.user_id}").text
    assert page.count('name="task"') == 4
    tasks = [
        str(key) for key in session.scalars(select(Task.id).where(Task.holder_id.is_not(None)))
    ]
    chosen = {"task": tasks, "user": str(colleague.id), "reason": ""}
    assert browser.post("/desk", data=chosen).status_code == 422
    assert browser.post("/desk", data={**chosen, "reason": LEFT}).status_code == 303
    session.expire_all()
    held = session.scalars(select(Task.holder_id).where(Task.id.in_(map(int, tasks)))).all()
    assert held == [colleague.id] * 4
    assert len(events(session, EventName.TASK_REASSIGNED)) == 4
    again = browser.get("/desk").text
    assert again.count(f"{colleague.name}在办") == 4


def test_many_at_once_are_of_ones_own_desk(
    client_for: ClientFor, session: Session, pair: World, task: Task
) -> None:
    chosen = {"task": str(task.id), "user": "", "reason": LEFT}
    for who in ("head", "neighbour_mch", "commission_leader"):
        assert client_for(pair.by[who]).post("/desk", data=chosen).status_code == 422
    assert client_for(pair.by["auditor"]).post("/desk", data=chosen).status_code == 404
    assert events(session, EventName.TASK_REASSIGNED) == []


def test_the_list_costs_the_same_however_long(
    client_for: ClientFor, session: Session, pair: World, engine: Engine
) -> None:
    browser, counts = client_for(pair.by["head"]), [0]

    def count(*_: object) -> None:
        counts[-1] += 1

    sqlalchemy_event.listen(engine, "before_cursor_execute", count)
    for number in range(3):
        report(session, pair.by["quality_office"], NOW - timedelta(hours=1), name=f"甲{number}某")
        counts.append(0)
        assert browser.get("/desk").status_code == 200
    sqlalchemy_event.remove(engine, "before_cursor_execute", count)
    assert counts[-2] >= counts[-1] > 0


# Asking a colleague


def test_what_is_given_out_comes_back_to_be_looked_over(
    session: Session, pair: World, task: Task
) -> None:
    one, two = pair.by["mch"], pair.by["mch2"]
    place = f"task:{task.id}"
    drafts.save_draft(session, place, [("note", "一")], 10, by=one, now=NOW)
    delegation.delegate(session, task, two.user_id, "先填", confirms=True, by=one, now=NOW)
    draft = drafts.find_draft(session, place, by=two)
    assert draft is not None
    assert drafts.typed_in(draft) == [("note", "一")]
    for by in (one, two):
        assert not may_complete(by, task)
        with pytest.raises(TaskHeld):
            complete_task(session, task, fill(pair, "mch"), key="1", by=by, now=NOW)
    drafts.save_draft(session, place, [("note", "二")], 60, by=two, now=NOW)
    delegation.hand_back(session, task, by=two, now=NOW)
    [kept] = session.scalars(select(Draft))
    assert (kept.user_id, drafts.typed_in(kept)) == (one.user_id, [("note", "二")])
    complete_task(session, task, fill(pair, "mch"), key="1", by=one, now=NOW)
    data = [each.data for each in events(session, EventName.TASK_DELEGATED)]
    assert data[0] | {"new": two.user_id, "confirms": True, "note": "先填"} == data[0]
    assert events(session, EventName.TASK_HANDED_BACK)[0].user_id == two.user_id
    assert told(session, EventName.TASK_HANDED_BACK) == {one.user_id}
    session.rollback()


def test_what_is_given_out_to_be_handed_in_says_for_whom(
    session: Session, pair: World, task: Task
) -> None:
    one, two = pair.by["mch"], pair.by["mch2"]
    delegation.delegate(session, task, two.user_id, "", confirms=False, by=one, now=NOW)
    assert (may_complete(one, task), may_complete(two, task)) == (False, True)
    complete_task(session, task, fill(pair, "mch2"), key="1", by=two, now=NOW)
    [done] = [e for e in events(session, EventName.TASK_COMPLETED) if e.data["task"] == task.id]
    assert (done.user_id, done.data["owner"]) == (two.user_id, one.user_id)
    assert told(session, EventName.TASK_COMPLETED) == {one.user_id}
    session.rollback()


def test_it_can_be_called_back_and_is_given_out_once(
    session: Session, pair: World, task: Task
) -> None:
    one, two = pair.by["mch"], pair.by["mch2"]
    for wrong in (None, one.user_id, pair.by["head"].user_id):
        with pytest.raises(InvalidAnswers):
            delegation.delegate(session, task, wrong, "", confirms=True, by=one, now=NOW)
    delegation.delegate(session, task, two.user_id, "", confirms=True, by=one, now=NOW)
    with pytest.raises(TaskHeld):
        delegation.delegate(session, task, one.user_id, "", confirms=True, by=two, now=NOW)
    with pytest.raises(TaskHeld):
        delegation.recall(session, task, by=two, now=NOW)
    with pytest.raises(TaskHeld):
        delegation.hand_back(session, task, by=one, now=NOW)
    delegation.recall(session, task, by=one, now=NOW)
    assert (task.holder_id, task.owner_id) == (one.user_id, None)
    assert may_complete(one, task)
    session.rollback()


def test_the_lead_ends_what_was_given_out(session: Session, pair: World, task: Task) -> None:
    one, two = pair.by["mch"], pair.by["mch2"]
    third = pair.appoint("mch3", "mch", Role.MCH)
    session.flush()
    delegation.delegate(session, task, two.user_id, "", confirms=True, by=one, now=NOW)
    claims.reassign(session, task, third.user_id, LEFT, by=third, now=NOW)
    assert [may_complete(by, task) for by in (one, two, third)] == [False, False, True]
    assert told(session, EventName.TASK_REASSIGNED) == {one.user_id, two.user_id}
    session.rollback()


def test_giving_out_and_handing_back_in_the_browser(
    client_for: ClientFor, session: Session, pair: World, task: Task
) -> None:
    one, two = client_for(pair.by["mch"]), client_for(pair.by["mch2"])
    assert "委托同事办" in one.get(f"/desk/{task.id}").text
    assert one.post(f"/desk/{task.id}/delegate", data={"delegate": ""}).status_code == 422
    asked = {"delegate": str(pair.user("mch2").id), "confirms": "yes", "note": "先填"}
    assert one.post(f"/desk/{task.id}/delegate", data=asked).status_code == 303
    assert f"{pair.user('mch2').name}受托" in one.get(f"/tasks/{task.id}").text
    page = two.get(f"/tasks/{task.id}").text
    assert f"填好后交回{pair.user('mch').name}过目提交" in page
    assert ">交回</button>" in page
    typed = receipt(pair, str(uuid4()))
    assert two.post(f"/tasks/{task.id}", data=typed).status_code == 303
    assert session.scalars(select(Document).where(Document.task_id == task.id)).all() == []
    assert "已载入" in one.get(f"/tasks/{task.id}").text
    assert one.post(f"/tasks/{task.id}", data=typed).status_code == 303
    assert session.get_one(Task, task.id).state is TaskState.DONE
    case = one.get(f"/cases/{task.case_id}").text
    assert (
        f"委托{pair.user('mch2').name}办理「接报签收与逐级转报」，填好后交回，嘱咐「先填」" in case
    )


def test_how_a_desk_shares_its_work_is_its_units_matter(
    session: Session, pair: World, case: Case
) -> None:
    task = step(session, case, "UT_discuss")
    claims.claim(session, task, by=pair.by["quality_office"], now=NOW)
    [event] = events(session, EventName.TASK_CLAIMED)
    reads = {"quality_office": True, "head": True, "mch": False, "commission": False}
    for who, may in reads.items():
        assert Reader(session, case, pair.by[who]).reads_event(event, ()) is may, who
    session.rollback()


def test_opinions_and_signatures_are_nobody_elses(
    session: Session, pair: World, case: Case
) -> None:
    task, expert = step(session, case, "UT_receive"), pair.by["expert1"]
    task.lane, task.user_id = "expert", expert.user_id
    session.flush()
    assert session.scalars(inbox(expert)).all() == [task]
    for verb in (claims.claim, claims.release, delegation.hand_back, delegation.recall):
        with pytest.raises(Forbidden):
            verb(session, task, by=expert, now=NOW)
    with pytest.raises(Forbidden):
        delegation.delegate(
            session, task, pair.user("expert2").id, "", confirms=False, by=expert, now=NOW
        )
    for lead in ("mch", "mch2", "commission_leader", "head"):
        with pytest.raises(Forbidden):
            claims.reassign(session, task, pair.user("expert2").id, LEFT, by=pair.by[lead], now=NOW)
    session.rollback()
