"""Whoever keeps the machine running sees what waits, what failed and since when, and no case."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    Event,
    Incident,
    IncidentKind,
    Notification,
    Process,
    ProcessState,
    Role,
    Task,
    Timer,
    WorkerBeat,
)
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from webapp import space
from webapp.cli import main, migrate
from workflows import jobs, operations
from workflows.actions import incidents
from workflows.events import EventName
from workflows.failures import Failure, open_incident
from workflows.permissions import Forbidden

ClientFor = Callable[[Appointment], Client]
HOUR = timedelta(hours=1)
NAME = "沈云禾"


@pytest.fixture
def admin(client_for: ClientFor, world: World) -> Client:
    """The system administrator's browser."""
    return client_for(world.by["system_admin"])


def process_of(session: Session, case: Case) -> Process:
    return session.scalars(select(Process).where(Process.case_id == case.id)).one()


def stand_still(session: Session, case: Case, error: str = "ValueError") -> Incident:
    """As the worker leaves a process whose timer has failed for good."""
    process = process_of(session, case)
    process.status = ProcessState.INCIDENT
    row = open_incident(
        session,
        IncidentKind.TIMER,
        Failure(error, "workflows/services.py:77", "workflows/services.py:77 escalate", "BT_x"),
        now=datetime.now(UTC),
        case=case,
        attempts=4,
        process=process,
        definition="maternal_death",
    )
    session.commit()
    return row


def told(session: Session, *names: EventName) -> list[Event]:
    session.rollback()
    return list(session.scalars(select(Event).where(Event.name.in_(names)).order_by(Event.id)))


# What the page says


def test_when_all_is_well_it_says_so(admin: Client, session: Session, world: World) -> None:
    session.add(WorkerBeat(worker="lively", at=datetime.now(UTC)))
    session.commit()
    page = admin.get("/admin/operations").text
    assert "一切正常" in page
    assert "没有等待办理的步骤" in page
    assert "没有异常，没有积压" in admin.get("/admin").text
    assert "没有待处理的异常" in admin.get("/admin/incidents").text


SCARCE = {"SCARCE_BYTES": 2**60, "SCARCE_SHARE": 1}  # whatever is in use is too much
ROOMY = {"SCARCE_BYTES": 0, "SCARCE_SHARE": 0}


def test_a_disk_that_is_nearly_full_is_seen_before_it_is(
    admin: Client, app: Flask, world: World
) -> None:
    app.config.update(ROOMY)
    assert "够用" in admin.get("/admin/health").text
    app.config.update(SCARCE)
    assert "存储空间快用完了" in admin.get("/admin").text
    assert "快用完了" in admin.get("/admin/health").text


# hours from the beginning, disk, workers that look at once → what each administrator is told
FULL, EMPTY = EventName.DISK_FILLED, EventName.DISK_CLEARED
LOOKS = (
    (0, ROOMY, 1, []),
    (1, SCARCE, 2, [FULL]),
    (24, SCARCE, 1, []),
    (25, SCARCE, 2, [FULL]),
    (26, ROOMY, 2, [EMPTY]),
    (27, ROOMY, 1, []),
    (28, SCARCE, 1, [FULL]),
    (-48, SCARCE, 1, [FULL]),  # the clock was put back: better once too often
)


@pytest.mark.parametrize("database", DATABASES)
def test_of_a_disk_that_fills_up_the_administrator_is_told_once_a_day_and_when_it_has_room(
    client_for: ClientFor, app: Flask, session: Session, engine: Engine, world: World
) -> None:
    start = datetime.now(UTC)
    for hours, disk, workers, words in LOOKS:
        now, before = start + hours * HOUR, len(_lines(session))
        watch = space.Watch({**app.config, **disk})
        with Session(engine) as own:
            due = watch.due(own, now)
        for _ in range(workers * len(due)):  # all have seen it before one of them tells it
            with Session(engine) as own, own.begin():
                watch.tell(own, due[0], now)
        assert [row.name for row in _lines(session)[before:]] == words, hours
    lines = _lines(session)
    assert {row.user_id for row in lines} == {world.user("system_admin").id}
    assert len(told(session, FULL)) == 4
    browser = client_for(world.by["system_admin"])
    page = browser.get("/notifications").text
    assert "服务器磁盘快用完了：剩余" in page
    assert "服务器磁盘又有空间了：剩余" in page
    assert browser.post(f"/notifications/{lines[0].id}").location == "/admin/health"


def test_a_disk_at_the_mark_is_not_told_of_all_day() -> None:
    at_the_mark = space.Space(free=110, total=2000, limit=100)
    assert not at_the_mark.scarce
    assert not at_the_mark.roomy


def _lines(session: Session) -> list[Notification]:
    session.rollback()
    return list(session.scalars(select(Notification).order_by(Notification.id)))


def test_without_a_worker_nothing_is_well(admin: Client, session: Session, world: World) -> None:
    page = admin.get("/admin/operations").text
    assert "一切正常" not in page
    assert "没有后台进程" in page


def test_workers_that_live_and_that_do_not(admin: Client, session: Session, world: World) -> None:
    now = datetime.now(UTC)
    session.add(WorkerBeat(worker="lively", at=now))
    session.add(WorkerBeat(worker="silent", at=now - timedelta(minutes=5)))
    session.commit()
    page = admin.get("/admin/operations").text
    assert page.index("lively") < page.index("在运行", page.index("lively")) < page.index("silent")
    assert page.index("silent") < page.index("没有回音")


@pytest.mark.parametrize("database", DATABASES)
def test_incidents_are_shown_by_cause_without_what_they_were_about(
    admin: Client, session: Session, world: World
) -> None:
    cases = [report(session, world.by["department"], datetime.now(UTC), name=NAME) for _ in "12"]
    for case in cases:
        stand_still(session, case)
    stand_still(session, report(session, world.by["department"], datetime.now(UTC)), "KeyError")
    overview, listed = admin.get("/admin/operations").text, admin.get("/admin/incidents").text
    alike = admin.get("/admin/incidents?error=ValueError&kind=timer").text
    assert "3 项待处理" in overview
    assert overview.count("全部重试") == 2
    assert overview.index("ValueError") < overview.index("KeyError")  # the most frequent first
    assert (listed.count(">重试</button>"), alike.count(">重试</button>")) == (3, 2)
    assert "共 2 项" in alike
    assert "3 项异常待处理" in admin.get("/admin").text
    for page in (overview, listed, alike):
        assert "workflows/services.py:77" in page
        assert not [case.number for case in cases if case.number in page]
        for secret in (NAME, cases[0].organisation.name, cases[0].organisation.short_name):
            assert secret not in page


@pytest.mark.parametrize("database", DATABASES)
def test_what_is_due_and_not_done_is_counted_with_how_long_it_waits(
    admin: Client, session: Session, database_url: str, world: World
) -> None:
    migrate(database_url)
    now = datetime.now(UTC)
    report(session, world.by["department"], now - 30 * HOUR)
    jobs.enqueue(session, "render_dossier", "one", 1)
    jobs.enqueue(session, "render_dossier", "two", 2, due=now + HOUR)
    failing = session.scalars(select(Timer).order_by(Timer.due_at.desc())).first()
    assert failing is not None
    failing.attempts, failing.due_at = 2, now + HOUR
    session.commit()
    timer, reminder, job = operations.queues(session, now)
    assert (timer.due, timer.retrying, timer.waiting) == (1, 1, 1)
    assert 6 * 3600 < timer.lag(now) < 8 * 3600
    assert timer.is_late(now)
    assert reminder.due > 0
    assert (job.due, job.waiting, job.running) == (1, 1, 0)
    assert job.oldest is not None
    page = admin.get("/admin/operations").text
    row = page[page.index('data-label="事项">定时流转') :]
    assert "chip-late" in row[: row.index("</tr>")]
    assert "项到时未办" in admin.get("/admin").text


def test_the_steps_that_have_waited_longest_come_first_with_technical_numbers(
    admin: Client, session: Session, world: World
) -> None:
    old = report(session, world.by["department"], datetime.now(UTC) - 200 * HOUR, name=NAME)
    report(session, world.by["department"], datetime.now(UTC))
    page = admin.get("/admin/operations").text
    steps = page[page.index("等得最久的步骤") : page.index("各流程版本")]
    first = process_of(session, old).id
    assert steps.index(f'<span class="number">{first}</span>') < steps.index("接报签收")
    for hidden in (NAME, old.number, old.organisation.short_name):
        assert hidden not in page


def test_versions_are_counted_by_how_their_cases_stand(
    admin: Client, session: Session, world: World
) -> None:
    cases = [report(session, world.by["department"], datetime.now(UTC)) for _ in "123"]
    stand_still(session, cases[0])
    process_of(session, cases[1]).status = ProcessState.DONE
    session.commit()
    [usage] = operations.usage(session)
    assert (usage.definition.name, usage.running, usage.incident, usage.ended) == (
        "maternal_death",
        *(1, 1, 1),
    )
    assert '<td data-label="停住">' in admin.get("/admin/operations").text


def test_the_page_costs_the_same_however_much_stands_on_it(
    admin: Client, session: Session, engine: Engine, world: World
) -> None:
    def cost(path: str) -> int:
        said: list[str] = []

        def note(_c: object, _k: object, statement: str, *_more: object) -> None:
            said.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        admin.get(path)
        event.remove(engine, "before_cursor_execute", note)
        return len([line for line in said if line.startswith("SELECT")])

    stand_still(session, report(session, world.by["department"], datetime.now(UTC)))
    few = cost("/admin/operations"), cost("/admin/incidents")
    for number in range(6):
        case = report(session, world.by["department"], datetime.now(UTC))
        stand_still(session, case, f"Error{number}")
    assert (cost("/admin/operations"), cost("/admin/incidents")) <= few


# What it does


@pytest.mark.parametrize("database", DATABASES)
def test_one_and_all_alike_are_retried_and_who_did_is_on_record(
    admin: Client, session: Session, world: World
) -> None:
    cases = [report(session, world.by["department"], datetime.now(UTC)) for _ in "1234"]
    first, *others = [stand_still(session, case) for case in cases]
    others[-1].error = "KeyError"
    session.commit()
    assert admin.post(f"/admin/incidents/{first.id}/retry").status_code == 303
    assert [row.data["incident"] for row in told(session, EventName.INCIDENT_RETRIED)] == [first.id]
    reply = admin.post("/admin/incidents/retry", data={"error": "ValueError", "kind": "timer"})
    assert "已安排 2 项再试一次" in admin.get(reply.headers["Location"]).text
    rows = told(session, EventName.INCIDENT_RETRIED)
    assert [row.data["incident"] for row in rows] == [row.id for row in (first, *others[:2])]
    assert {row.appointment_id for row in rows} == {world.by["system_admin"].id}
    states = [process_of(session, case).status for case in cases]
    assert states == [*[ProcessState.RUNNING] * 3, ProcessState.INCIDENT]
    assert (
        "已经处理过"
        in admin.get(admin.post(f"/admin/incidents/{first.id}/retry").headers["Location"]).text
    )
    assert len(told(session, EventName.INCIDENT_RETRIED)) == 3


def test_a_step_is_marked_as_seen_to_and_has_nothing_to_retry(
    admin: Client, session: Session, world: World
) -> None:
    row = open_incident(
        session, IncidentKind.STEP, Failure("NoUnit", step="UT_plan"), now=datetime.now(UTC)
    )
    session.commit()
    page = admin.get("/admin/incidents").text
    assert ">重试</button>" not in page
    assert admin.post(f"/admin/incidents/{row.id}/retry").status_code == 404
    assert admin.post(f"/admin/incidents/{row.id}/dismiss").status_code == 303
    assert [e.user_id for e in told(session, EventName.INCIDENT_DISMISSED)] == [
        world.by["system_admin"].user_id
    ]
    assert "没有待处理的异常" in admin.get("/admin/incidents").text


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM_ADMIN])
def test_for_everybody_else_none_of_it_exists(
    client_for: ClientFor, session: Session, world: World, role: Role
) -> None:
    held = next(by for by in world.by.values() if by.role is role)
    row = open_incident(session, IncidentKind.TIMER, Failure("ValueError"), now=datetime.now(UTC))
    session.commit()
    browser = client_for(held)
    for path in ("/admin/operations", "/admin/incidents"):
        assert browser.get(path).status_code == 404
    for path in (
        f"/admin/incidents/{row.id}/retry",
        f"/admin/incidents/{row.id}/dismiss",
        "/admin/incidents/retry",
        "/admin/processes/state",
    ):
        assert browser.post(path, data={"process": "1"}).status_code == 404
    with pytest.raises(Forbidden):
        operations.export_state(session, 1, by=held, now=datetime.now(UTC))
    assert told(session, EventName.INCIDENT_RETRIED, EventName.STATE_EXPORTED) == []


# The technical state


@pytest.mark.parametrize("database", DATABASES)
def test_an_exported_state_is_spiffworkflows_own_and_tells_of_nobody(
    admin: Client, session: Session, world: World
) -> None:
    case = report(session, world.by["department"], datetime.now(UTC), name=NAME)
    process = process_of(session, case)
    reply = admin.post("/admin/processes/state", data={"process": str(process.id)})
    assert reply.mimetype == "application/json"
    assert "attachment" in reply.headers["Content-Disposition"]
    state = json.loads(reply.data)
    assert {row["bpmn_id"] for row in state["tasks"]} >= {"UT_report", "UT_receive", "UT_discuss"}
    assert len(state["timers"]) == len(process.timers) > 0
    reads = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    workflow = reads.from_dict(state["engine"])
    waiting = {task.task_spec.bpmn_id for task in workflow.get_tasks() if task.task_spec.manual}
    assert {row["bpmn_id"] for row in state["tasks"] if row["state"] == "open"} <= waiting
    people = [held.user.name for held in world.by.values()]
    units = [unit.name for unit in world.units.values()]
    said = reply.data.decode()
    assert [secret for secret in (NAME, case.number, *people, *units) if secret in said] == []
    [row] = told(session, EventName.STATE_EXPORTED)
    assert (row.data["process"], row.user_id) == (process.id, world.by["system_admin"].user_id)


def test_a_state_that_cannot_be_read_is_exported_as_it_is(
    admin: Client, session: Session, world: World
) -> None:
    case = report(session, world.by["department"], datetime.now(UTC))
    key = process_of(session, case).id
    session.execute(text("UPDATE process SET state = :state"), {"state": b"?"})
    session.commit()
    state = json.loads(admin.post("/admin/processes/state", data={"process": key}).data)
    assert state["unreadable"] == "ZstdError"
    assert state["state"] == "Pw=="
    assert state["tasks"]


@pytest.mark.parametrize("asked", ["", "0", "9999", "x", "１", "9" * 40, "-1"])
def test_what_is_no_process_is_said(admin: Client, world: World, asked: str) -> None:
    reply = admin.post("/admin/processes/state", data={"process": asked})
    assert reply.status_code == 303
    assert "没有这个编号的流程" in admin.get("/admin/operations").text


# The same by command


@pytest.fixture
def run(tmp_path: Path, database_url: str) -> Callable[..., Result]:
    """Types a command."""
    environment = {"YILI_VAR": str(tmp_path), "DATABASE_URL": database_url}
    return lambda *words: CliRunner().invoke(main, list(words), env=environment)


def last_line(result: Result) -> Any:
    return json.loads(result.output.splitlines()[-1])


@pytest.mark.parametrize("database", DATABASES)
def test_the_commands_say_and_do_the_same(
    run: Callable[..., Result], session: Session, database_url: str, world: World
) -> None:
    migrate(database_url)
    assert last_line(run("operations"))["well"] is False  # nobody works
    session.add(WorkerBeat(worker="lively", at=datetime.now(UTC)))
    session.commit()
    well = run("operations")
    assert (well.exit_code, last_line(well)["incidents"]) == (0, 0)
    with pytest.MonkeyPatch.context() as change:
        change.setenv("YILI_SCARCE_MB", str(2**40))
        change.setenv("YILI_SCARCE_PERCENT", "100")
        short = run("operations")
    assert (short.exit_code, "快用完了" in short.output) == (1, True)
    case = report(session, world.by["department"], datetime.now(UTC), name=NAME)
    row = stand_still(session, case)
    ill = run("operations")
    assert ill.exit_code == 1
    assert last_line(ill)["definitions"] == {
        "maternal_death 1": {"running": 0, "incident": 1, "ended": 0}
    }
    assert last_line(ill)["queues"]["timer"]["incidents"] == 1
    listed = run("incidents", "list")
    assert f"{row.id}  定时流转" in listed.output
    assert last_line(listed) == {"incidents": 1}
    assert NAME not in ill.output + listed.output
    assert case.number not in ill.output + listed.output
    assert run("incidents", "retry").exit_code == 2
    assert run("incidents", "retry", "999").exit_code == 1
    assert last_line(run("incidents", "retry", "--error", "KeyError")) == {"retried": 0}
    assert last_line(run("incidents", "retry", str(row.id))) == {"retried": 1}
    assert last_line(run("incidents", "retry", "--all")) == {"retried": 0}
    [event] = told(session, EventName.INCIDENT_RETRIED)
    assert event.user_id is None
    assert list(session.scalars(incidents.open_ones())) == []


def test_a_state_is_exported_by_command(
    run: Callable[..., Result], session: Session, world: World, tmp_path: Path
) -> None:
    case = report(session, world.by["department"], datetime.now(UTC), name=NAME)
    key = process_of(session, case).id
    tasks = len(session.scalars(select(Task)).all())
    session.rollback()
    said = json.loads(run("cases", "export-state", str(key)).output)
    assert len(said["tasks"]) == tasks
    assert run("cases", "export-state", str(key), "--output", str(tmp_path / "x")).exit_code == 0
    assert json.loads((tmp_path / "x").read_text("utf-8"))["process"] == key
    assert NAME not in json.dumps(said, ensure_ascii=False)
    assert len(told(session, EventName.STATE_EXPORTED)) == 2
    gone = run("cases", "export-state", "999")
    assert (gone.exit_code, "没有编号 999 的流程" in gone.output) == (1, True)
