"""The three administrators: who sees which page, and what the security administrator may do."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Appointment, Discipline, Event, Role, User, UserSession
from tests.cases import report
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import PASSWORD, PEOPLE, World
from webapp.words import local
from workflows.actions import accounts, users
from workflows.permissions import Forbidden

ClientFor = Callable[[Appointment], Client]

KEEPERS = {
    "index": {"system_admin", "security_admin", "audit_admin"},
    "people": {"security_admin"},
    "appointments": {"security_admin"},
    "organisations": {"system_admin"},
    "zones": {"system_admin"},
    "rules": {"system_admin"},
    "calendar": {"system_admin"},
    "definitions": {"system_admin", "security_admin"},
    "health": {"system_admin"},
    "operations": {"system_admin"},
    "incidents": {"system_admin"},
    "processes": {"system_admin"},
    "log": {"audit_admin"},
}
FOUND = re.compile(r'one-time-password">([a-z0-9-]+)<')


def today() -> date:
    return local(datetime.now(UTC)).date()


def events(session: Session, *names: str) -> list[Event]:
    return list(session.scalars(select(Event).where(Event.name.in_(names)).order_by(Event.id)))


@pytest.fixture
def admin(client_for: ClientFor, world: World) -> Client:
    """The security administrator's browser."""
    return client_for(world.by["security_admin"])


# Who sees what


@pytest.mark.parametrize("who", [key for key, _, _ in PEOPLE])
def test_every_page_of_the_administration_is_for_its_keeper_only(
    app: Flask, client_for: ClientFor, session: Session, world: World, who: str
) -> None:
    browser, seen = client_for(world.by[who]), set()
    before = session.scalar(select(func.count(Event.id)))
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin."):
            continue
        built = rule.build(dict.fromkeys(rule.arguments, 990100), append_unknown=False)
        assert built is not None
        noun = [*built[1].split("/"), ""][2] or "index"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            status = browser.open(built[1], method=method).status_code
            if who not in KEEPERS[noun]:
                assert status == 404, (method, rule)
            elif status != 404 and method == "GET":
                seen.add(noun)
    mine = {noun for noun, keepers in KEEPERS.items() if who in keepers}
    # those have no page of their own, or one about an appointment that is not there
    assert seen == mine - {"appointments", "processes"}
    written = session.scalar(select(func.count(Event.id))) or 0
    assert written - (before or 0) == (1 if who == "audit_admin" else 0)  # who exported


def test_the_cards_lead_to_what_one_may_keep(client_for: ClientFor, world: World) -> None:
    for who, titles in {
        "security_admin": {"账号与任职", "流程定义"},
        "system_admin": {
            "机构", "片区", "规则", "工作日历", "流程定义", "运行与异常", "运行环境",
        },
        "audit_admin": {"日志"},
    }.items():  # fmt: skip
        page = client_for(world.by[who]).get("/admin").text
        assert set(re.findall(r'admin-card-title">([^<]+)<', page)) == titles


def test_verbs_are_refused_to_all_other_roles(session: Session, world: World) -> None:
    now, target = datetime.now(UTC), world.user("head")
    for key in ("system_admin", "audit_admin", "commission_leader"):
        with pytest.raises(Forbidden):
            accounts.disable_account(session, target, by=world.by[key], now=now)
    session.rollback()


@pytest.mark.parametrize("database", DATABASES)
def test_a_number_that_no_row_can_have_is_no_address(
    admin: Client, client_for: ClientFor, world: World
) -> None:
    for number in (2**31, 2**63, 10**30):
        assert admin.get(f"/admin/people/{number}").status_code == 404
        assert client_for(world.by["head"]).get(f"/cases/{number}").status_code == 404
    assert admin.get(f"/admin/people/{2**31 - 1}").status_code == 404


# Opening an account


def opening(browser: Client, username: str = "xiaoli", **more: str) -> dict[str, str]:
    """The fields of the form as its page gives them, filled in."""
    [key] = re.findall(r'name="key" value="([^"]+)"', browser.get("/admin/people/new").text)
    return {"username": username, "name": "李小禾", "phone": "0990-5550123", "key": key, **more}


def test_a_new_person_must_change_the_one_time_password(
    admin: Client, client: Client, session: Session, world: World
) -> None:
    page = admin.post("/admin/people/new", data=opening(admin))
    assert page.status_code == 200
    [password] = FOUND.findall(page.text)
    person = session.scalars(select(User).where(User.username == "xiaoli")).one()
    person_id = person.id
    assert person.must_change_password
    [event] = events(session, "account.created")
    assert (event.user_id, event.data) == (
        world.by["security_admin"].user_id,
        {"user": person_id},
    )
    assert password not in str(page.headers)

    admin.post(
        f"/admin/people/{person_id}/appointments/new",
        data={
            "organisation": world.units["hospital"].id,
            "role": "head",
            "valid_from": today().isoformat(),
        },
    )
    assert client.post("/sign-in", data={"username": "xiaoli", "password": password}).location
    for path in ("/", "/cases", "/tasks", "/appointments", "/admin", "/ledger"):
        assert client.get(path).location == "/password"
    assert "只用一次" in client.get("/password").text
    new = "Qinglan-4411-he"
    form = {"password": password, "new_password": new, "new_password_again": new}
    assert client.post("/password", data=form).status_code == 303
    session.expire_all()
    assert not session.get_one(User, person_id).must_change_password
    assert client.get("/cases").status_code == 200


def test_a_form_sent_twice_opens_one_account_and_shows_the_same_password(
    admin: Client, session: Session
) -> None:
    form = opening(admin)
    first, second = (admin.post("/admin/people/new", data=form) for _ in range(2))
    assert FOUND.findall(first.text) == FOUND.findall(second.text) != []
    assert session.scalars(select(User).where(User.username == "xiaoli")).one()
    assert len(events(session, "account.created")) == 1
    other = admin.post("/admin/people/new", data=opening(admin))
    assert other.status_code == 422
    assert "已经有人用" in other.text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"username": ""}, "填写用户名"),
        ({"username": "李小禾"}, "小写字母开头"),
        ({"username": "1abc"}, "小写字母开头"),
        ({"username": "head"}, "已经有人用"),
        ({"name": " \u3000 "}, "填写姓名"),
        ({"name": "长" * 41}, "不超过 40 个字"),
        ({"discipline": "astrology"}, "从列表中选择一项"),
    ],
)
def test_bad_particulars_are_refused(
    admin: Client, session: Session, changed: dict[str, str], message: str
) -> None:
    before = session.scalar(select(func.count(User.id)))
    reply = admin.post("/admin/people/new", data=opening(admin, **changed))
    assert reply.status_code == 422
    assert message in reply.text
    assert session.scalar(select(func.count(User.id))) == before


def test_one_time_passwords_are_strong_and_differ(app: Flask) -> None:
    from webapp.admin.accounts import _one_time

    nobody = User(username="xiaoli", password_hash="")
    with app.app_context():
        passwords = {_one_time(f"key {number}", "xiaoli") for number in range(50)}
    assert len(passwords) == 50
    for password in passwords:
        users.check_strength(nobody, password)


# Correcting, disabling, unlocking, a new password


def test_correcting_particulars_leaves_the_names_of_the_fields_only(
    admin: Client, session: Session, world: World
) -> None:
    target = world.user("head")
    path = f"/admin/people/{target.id}"
    form = {"name": "白荷", "phone": "0990-5550199", "title": "院长"}
    for _ in range(2):
        assert admin.post(f"{path}/edit", data=form).location == path
    [event] = events(session, "account.changed")
    assert event.data["what"] == "particulars"
    assert set(event.data["fields"]) <= {"name", "phone", "title"}
    assert "5550199" not in str(event.data)
    assert "0990-5550199" in admin.get(path).text


@pytest.mark.parametrize("database", DATABASES)
def test_a_disabled_person_is_out_with_the_next_request(
    admin: Client, client_for: ClientFor, client: Client, session: Session, world: World
) -> None:
    victim, target = client_for(world.by["head"]), world.by["head"].user_id
    assert victim.get("/cases").status_code == 200
    for _ in range(2):
        assert admin.post(f"/admin/people/{target}/disable").status_code == 303
    assert victim.get("/cases").location.startswith("/sign-in")
    assert client.post("/sign-in", data={"username": "head", "password": PASSWORD}).status_code == (
        401
    )
    [event] = events(session, "account.changed")
    assert event.data == {"user": target, "what": "disabled", "sessions": 1}
    assert "已停用" in admin.get(f"/admin/people/{target}").text

    admin.post(f"/admin/people/{target}/enable")
    assert victim.get("/cases").location.startswith("/sign-in")  # ended is ended
    assert client.post("/sign-in", data={"username": "head", "password": PASSWORD}).status_code == (
        303
    )


def test_a_lock_is_lifted(admin: Client, client: Client, session: Session, world: World) -> None:
    target = world.by["head"].user_id
    for _ in range(users.ATTEMPTS):
        client.post("/sign-in", data={"username": "head", "password": "wrong"})
    assert "锁定中" in admin.get("/admin/people?state=locked").text
    admin.post(f"/admin/people/{target}/unlock")
    admin.post(f"/admin/people/{target}/unlock")
    assert client.post("/sign-in", data={"username": "head", "password": PASSWORD}).status_code == (
        303
    )
    assert [event.data for event in events(session, "account.unlocked")] == [{"user": target}]


def test_a_forgotten_password_is_replaced_by_one_for_one_use(
    admin: Client, client_for: ClientFor, client: Client, session: Session, world: World
) -> None:
    target, elsewhere = world.by["head"].user_id, client_for(world.by["head"])
    path = f"/admin/people/{target}/password"
    [key] = re.findall(r'name="key" value="([^"]+)"', admin.get(path).text)
    first, second = (admin.post(path, data={"key": key}) for _ in range(2))
    [password] = FOUND.findall(first.text)
    assert FOUND.findall(second.text) == [password]
    assert len(events(session, "account.changed")) == 1
    assert elsewhere.get("/cases").location.startswith("/sign-in")
    assert client.post("/sign-in", data={"username": "head", "password": PASSWORD}).status_code == (
        401
    )
    client.post("/sign-in", data={"username": "head", "password": password})
    assert client.get("/cases").location == "/password"


def test_sessions_are_listed_and_ended(
    admin: Client, client_for: ClientFor, session: Session, world: World
) -> None:
    here, there = client_for(world.by["head"]), client_for(world.by["head"])
    other = client_for(world.by["mch"])
    target = world.by["head"].user_id
    rows = session.scalars(select(UserSession).where(UserSession.user_id == target)).all()
    path = f"/admin/people/{target}/sessions/end"
    assert admin.get(f"/admin/people/{target}").text.count('name="session"') == 2
    strange = session.scalars(
        select(UserSession.id).where(UserSession.user_id == world.by["mch"].user_id)
    ).one()
    assert admin.post(path, data={"session": strange}).status_code == 404
    admin.post(path, data={"session": rows[0].id})
    assert here.get("/cases").status_code == 303
    assert there.get("/cases").status_code == 200
    admin.post(path)
    admin.post(path)
    assert there.get("/cases").status_code == 303
    assert other.get("/cases").status_code == 200
    assert [event.data["sessions"] for event in events(session, "session.ended")] == [1, 1]


# Nobody does it to himself


@pytest.mark.parametrize("path", ["disable", "unlock", "password", "appointments/new"])
def test_nobody_administers_himself(
    admin: Client, session: Session, world: World, path: str
) -> None:
    me = world.by["security_admin"]
    me.user.failed_signins = 2
    session.commit()
    form = {
        "organisation": world.units["mch"].id,
        "role": "mch",
        "valid_from": today().isoformat(),
        "key": "x" * 22,
    }
    reply = admin.post(f"/admin/people/{me.user_id}/{path}", data=form)
    assert reply.status_code == 422
    assert "自己" in reply.text
    assert admin.get("/admin").status_code == 200  # still signed in, still appointed
    session.expire_all()
    assert me.user.active
    assert (me.user.failed_signins, len(me.user.appointments)) == (2, 1)
    assert users.verify_password(me.user, PASSWORD)
    assert events(session, "account.changed", "account.unlocked", "appointment.added") == []


def test_nobody_ends_his_own_appointment(admin: Client, session: Session, world: World) -> None:
    me = world.by["security_admin"]
    reply = admin.post(
        f"/admin/appointments/{me.id}/end", data={"last_day": today().isoformat(), "at_once": "1"}
    )
    assert reply.status_code == 422
    session.expire_all()
    assert me.valid_to is None


# Appointments


def seat(world: World, **changed: object) -> dict[str, object]:
    return {
        "organisation": world.units["commission"].id,
        "role": "commission",
        "department": "妇幼健康股",
        "valid_from": today().isoformat(),
        **changed,
    }


@pytest.mark.parametrize("database", DATABASES)
def test_an_appointment_is_made_once_and_can_be_acted_under(
    admin: Client, client_for: ClientFor, session: Session, world: World
) -> None:
    target = world.by["head"].user_id
    for _ in range(2):
        reply = admin.post(f"/admin/people/{target}/appointments/new", data=seat(world))
        assert reply.location == f"/admin/people/{target}"
    _, held = session.scalars(
        select(Appointment).where(Appointment.user_id == target).order_by(Appointment.id)
    )
    [event] = events(session, "appointment.added")
    assert event.data == {
        "user": target,
        "appointment": held.id,
        "role": "commission",
        "organisation": world.units["commission"].id,
    }
    assert client_for(held).get("/board").status_code == 200


def test_an_organisation_may_be_given_by_its_name(
    admin: Client, session: Session, world: World
) -> None:
    target = world.by["head"].user_id
    path = f"/admin/people/{target}/appointments/new"
    assert admin.post(path, data=seat(world, organisation="云江县卫生健康委")).status_code == 303
    reply = admin.post(path, data=seat(world, organisation="云江县"))
    assert reply.status_code == 422
    assert "没有找到这个机构" in reply.text


@pytest.mark.parametrize(
    ("who", "changed", "message"),
    [
        ("head", {"role": "mch"}, "这类机构没有这个角色"),
        ("head", {"role": "expert"}, "先在账号资料里登记专业"),
        ("head", {"role": ""}, "选择角色"),
        ("head", {"role": "emperor"}, "从列表中选择一项"),
        ("head", {"valid_from": "明天"}, "日期写成"),
        ("head", {"valid_from": "2026-11-22", "valid_to": "2026-11-21"}, "不能早于开始日期"),
        ("head", {"role": "audit_admin"}, "管理员不兼任其他角色"),
        ("system_admin", {}, "管理员不兼任其他角色"),
        ("system_admin", {"role": "audit_admin"}, "管理员不兼任其他角色"),
        ("audit_admin", {"role": "security_admin"}, "管理员不兼任其他角色"),
        ("commission", {}, "已有同一机构、同一角色的任职"),
    ],
)
def test_unfit_appointments_are_refused(
    admin: Client,
    session: Session,
    world: World,
    who: str,
    changed: dict[str, str],
    message: str,
) -> None:
    target = world.by[who].user_id
    reply = admin.post(f"/admin/people/{target}/appointments/new", data=seat(world, **changed))
    assert reply.status_code == 422
    assert message in reply.text
    assert events(session, "appointment.added") == []


def test_one_kind_of_administrator_may_follow_another(
    admin: Client, session: Session, world: World
) -> None:
    before = world.by["system_admin"]
    before.valid_to = today() - timedelta(days=1)
    session.commit()
    form = seat(world, role="audit_admin")
    path = f"/admin/people/{before.user_id}/appointments/new"
    assert admin.post(path, data=form).status_code == 303


def test_an_expert_keeps_a_discipline(admin: Client, session: Session, world: World) -> None:
    target = world.user("expert1")
    reply = admin.post(f"/admin/people/{target.id}/edit", data={"name": "方竹", "discipline": ""})
    assert reply.status_code == 422
    assert "任评审专家期间要有专业" in reply.text
    session.expire_all()
    assert target.discipline is Discipline.OBSTETRICS


def test_an_appointment_ended_now_is_not_acted_under_any_more(
    admin: Client, client_for: ClientFor, session: Session, world: World
) -> None:
    held = world.by["head"]
    browser = client_for(held)
    path, form = f"/admin/appointments/{held.id}/end", {"last_day": today().isoformat()}
    assert admin.post(path, data=form).status_code == 303
    assert browser.get("/cases").status_code == 200  # to the end of the day
    assert admin.post(path, data={**form, "at_once": "1"}).status_code == 303
    assert browser.get("/cases").location.startswith("/appointments")
    longer = admin.post(path, data=form)
    assert longer.status_code == 422
    assert "要延长就另外登记一项" in longer.text
    days = [event.data["last_day"] for event in events(session, "appointment.ended")]
    assert days == [today().isoformat(), (today() - timedelta(days=1)).isoformat()]


def test_the_past_is_not_changed(admin: Client, session: Session, world: World) -> None:
    held = world.by["head"]
    day = (today() - timedelta(days=2)).isoformat()
    reply = admin.post(f"/admin/appointments/{held.id}/end", data={"last_day": day})
    assert reply.status_code == 422
    assert "已经过去的日子不能改" in reply.text


# Finding people


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=system_admin", {"system_admin"}),
        ("role=head", {"head"}),
        ("q=%25", set()),
        ("state=disabled", {"mch"}),
        ("role=nonsense&unit=x&state=y&q=audit_", {"audit_admin"}),
    ],
)
@pytest.mark.parametrize("database", DATABASES)
def test_people_are_found(
    admin: Client, session: Session, world: World, query: str, found: set[str]
) -> None:
    world.user("mch").active = False
    session.commit()
    page = admin.get(f"/admin/people?{query}").text
    assert set(re.findall(r"<code>([^<]+)</code>", page)) == found


def test_people_of_one_organisation(admin: Client, world: World) -> None:
    unit = world.units["commission"].id
    page = admin.get(f"/admin/people?unit={unit}").text
    assert set(re.findall(r"<code>([^<]+)</code>", page)) == {"commission", "commission_leader"}


def test_no_page_of_the_administration_names_a_patient(
    app: Flask, client_for: ClientFor, session: Session, world: World
) -> None:
    case = report(session, world.by["department"], datetime.now(UTC))
    name, number = case.person.name, case.number
    for who in ("system_admin", "security_admin", "audit_admin"):
        browser = client_for(world.by[who])
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith("admin.") and "GET" in (rule.methods or ()):
                path = rule.build(dict.fromkeys(rule.arguments, case.id), append_unknown=False)
                assert path is not None
                assert name not in browser.get(path[1]).text
        for path in ("/cases", f"/cases/{case.id}", "/ledger", "/notices", "/dossiers/", "/board"):
            assert browser.get(path).status_code == 404, (who, path)
    assert number in client_for(world.by["audit_admin"]).get("/admin/log").text


def test_roles_and_seats_fit_the_demonstration() -> None:
    from workflows.demo.people import PEOPLE as SOMEBODIES
    from workflows.demo.people import UNITS

    kinds = {unit.key: unit.kind for unit in UNITS}
    for person in SOMEBODIES:
        assert kinds[person.unit] in accounts.SEATS.get(person.role, {kinds[person.unit]})
    assert set(accounts.SEATS) <= set(Role)
