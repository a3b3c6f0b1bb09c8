"""The event log: found, paged, exported; never an answer, never a patient."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models import Appointment, Event
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from webapp import labels
from webapp.admin import log
from webapp.admin.details import SAYINGS, Names, describe
from workflows.events import EventName, record

ClientFor = Callable[[Appointment], Client]
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # 12:00 in China


@pytest.fixture
def admin(client_for: ClientFor, world: World) -> Client:
    """The audit administrator's browser."""
    return client_for(world.by["audit_admin"])


def write(
    session: Session, name: EventName, by: Appointment | None, at: datetime, **data: object
) -> None:
    record(session, name, by=by, now=at, **data)
    session.commit()


def words(page: str) -> list[str]:
    """The third column of the list, in order."""
    return re.findall(r'data-label="事项"><span title="([\w.]+)"', page)


def rows(reply_data: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(reply_data.decode("utf-8-sig"))))


# Finding


def test_who_when_for_whom_what_from_where(admin: Client, session: Session, world: World) -> None:
    head = world.by["head"]
    write(session, EventName.SESSION_REFUSED, head, NOON, address="10.0.0.7", cause="locked")
    page = admin.get("/admin/log?event=session.refused").text
    for told in ("2026-03-02 12:00:00", head.user.name, "云江县人民医院", "机构负责人", "10.0.0.7"):
        assert told in page
    assert "账号锁定中" in page


@pytest.mark.parametrize("database", DATABASES)
def test_filters(admin: Client, session: Session, world: World) -> None:
    head, mch = world.by["head"], world.by["mch"]
    write(session, EventName.PASSWORD_CHANGED, head, NOON)
    write(session, EventName.SESSION_ENDED, mch, NOON + timedelta(days=2))
    write(session, EventName.ACCOUNT_CHANGED, mch, NOON + timedelta(days=3), user=head.user_id)

    def found(query: str) -> list[str]:
        page = admin.get(f"/admin/log?{query}").text
        return [name for name in words(page) if name != "session.started"]

    assert found("who=head") == ["account.changed", "password.changed"]  # by him and about him
    assert found(f"who={mch.user.name}") == ["account.changed", "session.ended"]
    assert found("who=nobody") == []
    assert found("event=session.ended") == ["session.ended"]
    assert found("since=2026-03-04&until=2026-03-04") == ["session.ended"]
    assert found("until=2026-03-02") == ["password.changed"]
    assert found("since=%2B&event=x") == ["account.changed", "session.ended", "password.changed"]


def test_a_day_is_a_day_in_china(admin: Client, session: Session, world: World) -> None:
    head = world.by["head"]
    write(session, EventName.PASSWORD_CHANGED, head, datetime(2026, 3, 1, 15, 59, tzinfo=UTC))
    write(session, EventName.SESSION_ENDED, head, datetime(2026, 3, 1, 16, 0, tzinfo=UTC))
    page = admin.get("/admin/log?since=2026-03-02&until=2026-03-02").text
    assert words(page) == ["session.ended"]


def test_by_case_number(admin: Client, session: Session, world: World) -> None:
    first = report(session, world.by["department"], datetime.now(UTC))
    second = report(session, world.by["neighbour"], datetime.now(UTC))
    page = admin.get(f"/admin/log?case={first.number.lower()}").text
    assert "case.reported" in words(page)
    assert first.number in page
    assert second.number not in page
    assert words(admin.get("/admin/log?case=%25").text) == []


def test_nothing_but_listed_keys_is_told(admin: Client, session: Session, world: World) -> None:
    case = report(session, world.by["department"], datetime.now(UTC))
    record(
        session,
        EventName.CASE_RETURNED,
        case=case,
        by=world.by["mch"],
        now=NOON,
        reason="沈云禾的病历缺页",
        answers={"name": "沈云禾"},
        edition=2,
    )
    session.commit()
    page = admin.get("/admin/log").text
    assert "第 2 稿" in page
    assert "沈云禾" not in page
    exported = admin.post("/admin/log/export").data.decode()
    assert "第 2 稿" in exported
    assert "沈云禾" not in exported
    assert not set(SAYINGS) & {"reason", "answers", "name", "text", "person"}


def test_ids_are_told_as_names(session: Session, world: World) -> None:
    names = Names({7: "林小满（linxm）"}, {3: "市妇幼"}, {})
    told = Event(
        name="appointment.ended",
        at=NOON,
        data={"user": 7, "role": "mch", "organisation": 3, "last_day": "2026-03-02", "x": "y"},
    )
    assert describe(told, names) == "林小满（linxm），妇幼保健机构，市妇幼，最后一天 2026-03-02"
    assert describe(Event(name="x", at=NOON, data={"user": 8, "number": "A1"}), names, "A1") == (
        "账号 8"
    )


def test_pages_cost_the_same_whatever_stands_on_them(
    admin: Client, engine: Engine, session: Session, world: World
) -> None:
    def cost(path: str) -> int:
        said: list[str] = []

        def note(_c: object, _k: object, statement: str, *_more: object) -> None:
            said.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        admin.get(path)
        event.remove(engine, "before_cursor_execute", note)
        return len([line for line in said if line.startswith("SELECT")])

    write(session, EventName.ACCOUNT_CHANGED, world.by["head"], NOON, user=world.by["mch"].user_id)
    few = cost("/admin/log?event=account.changed")
    for by in world.by.values():
        for day in range(3):
            at = NOON + timedelta(days=day)
            record(session, EventName.ACCOUNT_CHANGED, by=by, now=at, user=by.user_id)
    session.commit()
    page = admin.get("/admin/log?event=account.changed&page=2").text
    assert "第 2 页，共 2 页" in page
    assert "event=account.changed&amp;page=1" in page
    assert cost("/admin/log?event=account.changed") <= few


# Exporting


@pytest.mark.parametrize("sign", [*log.FORMULA, " ="])
def test_no_cell_is_taken_for_a_formula(sign: str) -> None:
    assert log.as_text(f"{sign}cmd|' /C calc'!A0").startswith("'")


def test_plain_cells_stay_as_they_are() -> None:
    for cell in ("", "林小满", "2026-03-02 12:00:00", "a=b", "10.0.0.7"):
        assert log.as_text(cell) == cell


@pytest.mark.parametrize("database", DATABASES)
def test_the_export_is_safe_complete_and_on_record(
    admin: Client, session: Session, world: World
) -> None:
    evil = '=HYPERLINK("http://x.example","看"),1'
    world.user("head").name = evil
    world.units["hospital"].name = "@云江县人民医院"
    session.commit()
    for day in range(60):  # more than a page
        record(
            session,
            EventName.SESSION_STARTED,
            by=world.by["head"],
            now=NOON + timedelta(days=day),
            address="10.0.0.7",
        )
    session.commit()
    reply = admin.post("/admin/log/export", data={"who": "head", "since": "2026-03-03"})
    assert reply.mimetype == "text/csv"
    assert "attachment" in reply.headers["Content-Disposition"]
    head, *told = rows(reply.data)
    assert tuple(head) == log.HEADS
    assert len(told) == 59
    at, who, role, unit = (head.index(name) for name in ("时间", "人员", "角色", "单位"))
    assert told[0][at] == "2026-03-03 12:00:00"
    assert (told[0][who], told[0][unit]) == (f"'{evil}", "'@云江县人民医院")
    assert told[0][role] == "机构负责人"
    [row] = session.scalars(select(Event).where(Event.name == "log.exported"))
    assert row.appointment_id == world.by["audit_admin"].id
    assert row.data["rows"] == 59
    assert row.data["filters"] == {"who": "✓", "since": "2026-03-03"}
    assert "导出日志" in admin.get("/admin/log").text


def test_too_much_is_not_exported_at_once(
    admin: Client, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MOST_EXPORTED", 2)
    for _ in range(3):
        write(session, EventName.PASSWORD_CHANGED, world.by["head"], NOON)
    reply = admin.post("/admin/log/export", data={"event": "password.changed"})
    assert reply.status_code == 422
    assert "先缩小时间范围" in reply.text
    assert session.scalars(select(Event).where(Event.name == "log.exported")).all() == []


def test_every_event_of_the_administration_has_its_words() -> None:
    for name in EventName:
        assert labels.event(name) != name.value
