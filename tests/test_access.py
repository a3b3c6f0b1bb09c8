"""Nobody gets in who did not sign in, and a sign-in ends when it should."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Event, Role, UserSession
from tests.pages import Client
from tests.people import PASSWORD, World
from webapp import config, create_app, kept, navigation
from webapp.auth import REFUSED
from workflows.actions import users

PUBLIC = {"static", "auth.sign_in", "auth.sign_in_now", "health.alive", "health.ready"}

ClientFor = Callable[[Appointment], Client]


def sign_in(client: Client, username: str, password: str, **more: str) -> int:
    data = {"username": username, "password": password, **more}
    return client.post("/sign-in", data=data).status_code


def events(session: Session) -> list[str]:
    return list(session.scalars(select(Event.name).order_by(Event.id)))


def test_every_view_is_closed_to_strangers(app: Flask, client: Client) -> None:
    views = app.view_functions.items()
    marked = {endpoint for endpoint, view in views if getattr(view, "is_public", False)}
    assert marked | {"static"} == PUBLIC
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "1"), append_unknown=False)
        assert path is not None
        for method in (rule.methods or set()) - {"HEAD"}:
            reply = client.open(path[1], method=method)
            refused = reply.status_code == 401
            assert refused or (reply.location or "").startswith("/sign-in"), (rule, method)


def test_what_does_not_exist_is_closed_to_strangers_too(client: Client) -> None:
    assert client.get("/nothing/here").location == "/sign-in?next=/nothing/here"
    assert client.get("/nothing", headers={"Accept": "application/json"}).status_code == 401


def test_signing_in_and_out(client: Client, session: Session, world: World) -> None:
    assert sign_in(client, "head", PASSWORD) == 303
    assert client.get("/password").status_code == 200
    [row] = session.scalars(select(UserSession))
    assert row.appointment == world.by["head"]
    with client.session_transaction() as cookie:
        token = cookie["_user_id"]
    assert token not in row.token_hash
    assert users.token_hash(token) == row.token_hash
    reply = client.post("/sign-out")
    assert reply.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get("/password").location.startswith("/sign-in")
    assert events(session) == ["session.started", "session.ended"]


def test_an_old_cookie_is_dead_after_signing_out(client: Client, world: World) -> None:
    sign_in(client, "head", PASSWORD)
    kept_cookie = client.get_cookie("sid")
    assert kept_cookie is not None
    client.post("/sign-out")
    client.set_cookie("sid", kept_cookie.value)
    assert client.get("/password").location.startswith("/sign-in")


def test_signing_in_gives_a_new_token_and_ends_the_old_one(
    client: Client, session: Session, world: World
) -> None:
    sign_in(client, "head", PASSWORD)
    before = client.get_cookie("sid")
    sign_in(client, "head", PASSWORD)
    after = client.get_cookie("sid")
    assert before is not None
    assert after is not None
    first, second = session.scalars(select(UserSession).order_by(UserSession.id))
    assert first.ended_at is not None
    assert second.ended_at is None
    client.set_cookie("sid", before.value)
    assert client.get("/password").status_code == 303
    client.set_cookie("sid", after.value)
    assert client.get("/password").status_code == 200


def test_what_a_stranger_put_into_the_cookie_is_gone_after_signing_in(
    client: Client, world: World
) -> None:
    with client.session_transaction() as cookie:
        cookie["planted"] = "yes"
    sign_in(client, "head", PASSWORD)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie


@pytest.mark.parametrize(
    ("username", "password"),
    [("head", "wrong"), ("nobody", PASSWORD), ("head", "x" * 5000), ("", ""), ("head", "密码\x00")],
)
def test_every_refusal_reads_the_same(
    client: Client, session: Session, world: World, username: str, password: str
) -> None:
    reply = client.post("/sign-in", data={"username": username, "password": password})
    assert reply.status_code == 401
    assert REFUSED in reply.text
    assert events(session) == ["session.refused"]
    assert username not in json.dumps(session.scalars(select(Event)).one().data) or not username


def test_unknown_names_cost_the_same_work(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    users._hash_of_nobody()  # made once, by the real hasher
    hashed: list[str] = []
    verify = users._hasher.verify
    monkeypatch.setattr(
        users,
        "_hasher",
        type(
            "H",
            (),
            {"verify": lambda _self, kept, given: hashed.append(kept) or verify(kept, given)},
        )(),
    )
    now = datetime.now(UTC)
    for name in ("head", "nobody"):
        assert users.sign_in(session, name, "wrong", now=now, address=None) is None
    session.rollback()
    parameters = [kept_hash.split("$")[:4] for kept_hash in hashed]
    assert len(hashed) == 2
    assert parameters[0] == parameters[1]


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(
    app: Flask, client: Client, session: Session, world: World
) -> None:
    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False):
        for _ in range(5):
            assert sign_in(client, "head", "wrong") == 401
        assert events(session) == ["session.refused"] * 5 + ["account.locked"]
        assert sign_in(client, "head", PASSWORD) == 401
        assert sign_in(client, "mch", PASSWORD) == 303  # somebody else's account is not locked
    with time_machine.travel(start + timedelta(minutes=14, seconds=59), tick=False):
        assert sign_in(client, "head", PASSWORD) == 401
    with time_machine.travel(start + timedelta(minutes=15), tick=False):
        assert sign_in(client, "head", PASSWORD) == 303


def test_a_right_password_forgets_the_wrong_ones(
    client: Client, session: Session, world: World
) -> None:
    for _ in range(4):
        sign_in(client, "head", "wrong")
    assert sign_in(client, "head", PASSWORD) == 303
    assert world.user("head").failed_signins == 0


def test_idle_and_absolute_limits(client: Client, world: World) -> None:
    start = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock:
        sign_in(client, "head", PASSWORD)
        clock.move_to(start + timedelta(minutes=31))
        assert client.get("/password").status_code == 303
        sign_in(client, "head", PASSWORD)
        again = start + timedelta(minutes=31)
        for minutes in range(20, 480, 20):  # busy all day
            clock.move_to(again + timedelta(minutes=minutes))
            assert client.get("/password").status_code == 200
        clock.move_to(again + timedelta(minutes=481))
        assert client.get("/password").status_code == 303


def test_a_disabled_account_is_out_at_once(client: Client, session: Session, world: World) -> None:
    sign_in(client, "head", PASSWORD)
    world.user("head").active = False
    session.commit()
    assert client.get("/password").status_code == 303
    assert sign_in(client, "head", PASSWORD) == 401


def test_changing_the_password_ends_other_sign_ins(
    client: Client, client_for: ClientFor, session: Session, world: World
) -> None:
    sign_in(client, "head", PASSWORD)
    elsewhere = client_for(world.by["head"])
    new = "Qinglan-4411-he"
    form = {"password": PASSWORD, "new_password": new, "new_password_again": new}
    assert client.post("/password", data=form).status_code == 303
    assert client.get("/password").status_code == 200
    assert elsewhere.get("/password").status_code == 303
    assert users.verify_password(world.user("head"), new)
    assert "password.changed" in events(session)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"password": "wrong"}, "现在的密码不正确"),
        ({"new_password_again": "Another-123456"}, "两次输入的新密码不一致"),
        ({"new_password": "Ab1-", "new_password_again": "Ab1-"}, "至少 12 位"),
        ({"new_password": "a" * 14, "new_password_again": "a" * 14}, "至少三种"),
        ({"new_password": "Head-8877-aabb", "new_password_again": "Head-8877-aabb"}, "用户名"),
        ({"new_password": PASSWORD, "new_password_again": PASSWORD}, "不能与现在的相同"),
    ],
)
def test_weak_passwords_are_refused(
    client_for: ClientFor, session: Session, world: World, changed: dict[str, str], message: str
) -> None:
    good = {
        "password": PASSWORD,
        "new_password": "Qinglan-4411-he",
        "new_password_again": "Qinglan-4411-he",
    }
    reply = client_for(world.by["head"]).post("/password", data={**good, **changed})
    assert reply.status_code == 422
    assert message in reply.text
    assert users.verify_password(world.user("head"), PASSWORD)


def test_acting_under_another_appointment(client: Client, session: Session, world: World) -> None:
    second = world.appoint("second", "mch", Role.MCH, world.user("head"))
    session.commit()
    sign_in(client, "head", PASSWORD)
    assert client.get("/nowhere").location == "/appointments?next=/nowhere"
    reply = client.post("/appointments", data={"appointment": second.id, "next": "/password"})
    assert reply.location == "/password"
    assert "云江县妇幼保健院" in client.get("/password").text
    others = world.by["commission"].id
    client.post("/appointments", data={"appointment": others})
    assert session.scalars(select(UserSession)).one().appointment == second
    client.post("/sign-out")
    sign_in(client, "head", PASSWORD)  # begins where one left off
    assert session.scalars(select(UserSession)).all()[-1].appointment == second


def test_an_appointment_that_ended_is_not_acted_under(
    client_for: ClientFor, session: Session, world: World
) -> None:
    browser = client_for(world.by["head"])
    assert "云江县人民医院" in browser.get("/password").text
    world.by["head"].valid_to = date(2026, 1, 31)
    session.commit()
    reply = browser.get("/", follow_redirects=True)
    assert "现在没有有效的任职" in reply.text


def test_appointments_follow_the_day_in_china(session: Session, world: World) -> None:
    held = world.by["head"]
    held.valid_from = date(2026, 11, 22)
    user = world.user("head")
    assert users.valid_appointments(user, datetime(2026, 11, 21, 15, 59, tzinfo=UTC)) == []
    assert users.valid_appointments(user, datetime(2026, 11, 21, 16, 0, tzinfo=UTC)) == [held]
    session.rollback()


def test_a_post_without_token_is_refused_and_keeps_what_was_typed(
    client_for: ClientFor, world: World
) -> None:
    browser = client_for(world.by["head"])
    reply = browser.post("/password", data={"story": "写了很久", "password": "x"}, csrf=False)
    assert reply.status_code == 400
    assert 'value="写了很久"' in reply.text
    assert 'value="x"' not in reply.text


def test_a_post_from_another_site_is_refused_and_carries_nothing(
    client_for: ClientFor, world: World
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    reply = client_for(world.by["head"]).post("/sign-out", data={"a": "b"}, headers=headers)
    assert reply.status_code == 400
    assert 'value="b"' not in reply.text


def test_what_was_typed_outlives_a_lost_sign_in(
    client: Client, session: Session, world: World
) -> None:
    typed = {"story": "产后出血 <b>", "rows.0.at": "1", "password": "secret"}
    reply = client.post("/tasks/7", data=typed)
    assert reply.status_code == 401
    assert "产后出血 &lt;b&gt;" in reply.text
    assert "secret" not in reply.text
    carried = {f"{kept.PREFIX}{name}": value for name, value in typed.items()}
    assert sign_in(client, "head", "wrong", next="/tasks/7", **carried) == 401
    reply = client.post(
        "/sign-in",
        data={"username": "head", "password": PASSWORD, "next": "/tasks/7", **carried},
    )
    assert reply.status_code == 200
    assert 'action="/tasks/7"' in reply.text
    assert 'name="rows.0.at" value="1"' in reply.text
    assert f'name="{kept.RESUMED}"' in reply.text


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/\nx", ""]
)
def test_signing_in_leads_to_no_other_site(client: Client, world: World, path: str) -> None:
    data = {"username": "head", "password": PASSWORD, "next": path}
    assert client.post("/sign-in", data=data).location == "/"


MENUS = {
    "department": {
        "我的待办", "登记报告", "病例", "高危专案", "经验与教训", "急救专家组", "培训学习",
    },
    "quality_office": {
        "我的待办", "本单位待办", "登记报告", "病例", "看板", "时限总览", "台账", "通报", "案卷",
        "提醒督导约谈", "经验与教训", "院内质控指标", "危重评审", "急救专家组", "高危专案",
        "培训学习",
    },
    "expert1": {"我的待办", "病例", "经验与教训", "培训学习"},
    "auditor": {"病例", "台账", "通报", "经验与教训", "定期任务", "案卷"},
    "system_admin": {"管理"},
    "security_admin": {"管理"},
    "audit_admin": {"管理"},
}  # fmt: skip


@pytest.mark.parametrize("who", MENUS)
def test_the_menu_holds_what_one_may_use(
    app: Flask, client_for: ClientFor, world: World, who: str
) -> None:
    page = client_for(world.by[who]).get("/password").text
    built = {item.title for item in navigation.ITEMS if item.endpoint in app.view_functions}
    shown = {title for title in built if f"<span>{title}</span>" in page}
    assert shown == MENUS[who] & built


def test_the_secret_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    first = config.from_environment({"YILI_VAR": str(tmp_path / "new")})
    second = config.from_environment({"YILI_VAR": str(tmp_path / "new")})
    key = tmp_path / "new/secret.key"
    assert first["SECRET_KEY"] == second["SECRET_KEY"] == key.read_text("ascii")
    assert len(first["SECRET_KEY"]) >= 43
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700  # the database lies there too


def test_behind_tls_the_cookie_is_for_this_host_only(
    settings: dict[str, object], world: World
) -> None:
    environment = {"YILI_VAR": str(settings["VAR"]), "YILI_HTTPS": "1"}
    environment["DATABASE_URL"] = str(settings["DATABASE_URL"])
    app = create_app(config.from_environment(environment))
    reply = app.test_client().get("/sign-in", base_url="https://yili.example")
    app.extensions["engine"].dispose()
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-sid=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(("proxies", "address"), [("0", "127.0.0.1"), ("1", "203.0.113.9")])
def test_only_a_proxy_of_ours_says_where_a_request_came_from(
    settings: dict[str, object], session: Session, world: World, proxies: str, address: str
) -> None:
    environment = {"YILI_VAR": str(settings["VAR"]), "YILI_PROXIES": proxies}
    environment["DATABASE_URL"] = str(settings["DATABASE_URL"])
    app = create_app({**config.from_environment(environment), "WTF_CSRF_ENABLED": False})
    headers = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
    app.test_client().post("/sign-in", data={"username": "head"}, headers=headers)
    app.extensions["engine"].dispose()
    assert session.scalars(select(Event)).one().data["address"] == address


def test_every_setting_is_in_the_table() -> None:
    source = Path(config.__file__).read_text("utf-8").split('"""', 2)
    table, code = source[1], source[2]
    names = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")}
    read = {part.split('"')[0] for part in code.split('environ.get("')[1:]}
    assert read == names - {"variable"}
