"""Every page keeps the rules of tests/pages.py, for everybody who may open it; and so do errors."""

import errno
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import Engine, exc, select, text
from sqlalchemy.exc import OperationalError, PendingRollbackError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models import Appointment, Notification
from tests import pages
from tests.pages import BadPage, Client
from tests.people import PEOPLE, World
from webapp import db, headers
from workflows.actions.tasks import TaskClosed
from workflows.events import EventName
from workflows.notifications import tell
from workflows.permissions import Forbidden
from workflows.places import NoUnit

ClientFor = Callable[[Appointment], Client]

GOOD = """<!doctype html><html lang="zh-CN"><head><title>病例 · 一例</title></head>
<body><h1>病例</h1>{}</body></html>"""


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<p>好</p>", None),
        ('<form method="post"><input type="hidden" name="csrf_token" value="1"></form>', None),
        ('<label>姓名 <input name="a"></label>', None),
        ('<label for="a">姓名</label><input id="a" name="a">', None),
        ("<form method=post></form>", "without CSRF"),
        ('<input name="a">', "no label"),
        ('<select name="a"></select>', "no label"),
        ('<label for="b">姓名</label>', "label for nothing"),
        ("<h1>病例</h1>", "not one h1"),
        ('<p style="color:red">', "inline style"),
        ("<style>p{}</style>", "style element"),
        ("<script>1</script>", "inline script"),
        ('<p onclick="1">', "inline onclick"),
        ('<p id="a"></p><p id="a"></p>', "id twice"),
        ("<div></i></div>", "end tags that end nothing"),
        ("<div><p></div>", "never closed: p"),
        ("<p><div></div></p>", "never closed: p"),
        ("<table><tbody><tr><p></p></tr></tbody></table>", "not allowed there: p"),
        ("<table><tr><td></td></tr></table>", "never opened: tbody"),
        ("<p>&nosuch;</p>", "unknown-named-character-reference"),
        ('<p id="a" id="b"></p>', "duplicate-attribute"),
        ("<button></button>", "button without words"),
        ('<input aria-label="姓名" aria-describedby="gone">', "described by nothing"),
    ],
)
def test_the_judge_can_complain(body: str, complaint: str | None) -> None:
    html = GOOD.format(body)
    if complaint is None:
        pages.judge(html)
        return
    with pytest.raises(BadPage, match=complaint):
        pages.judge(html)


@pytest.mark.parametrize(
    "html",
    [
        GOOD.format("").replace("zh-CN", "en"),
        GOOD.format("").replace("<h1>病例", "<h1>台账"),
        GOOD.format("").replace("<!doctype html>", ""),
    ],
)
def test_the_judge_looks_at_the_frame(html: str) -> None:
    with pytest.raises(BadPage):
        pages.judge(html)


@pytest.mark.trial
def test_the_client_notices_what_nobody_committed(client_for: ClientFor, world: World) -> None:
    with pytest.raises(BadPage, match="nobody committed"):
        client_for(world.by["head"]).post("/forgetful")


@pytest.mark.parametrize("who", [key for key, _, _ in PEOPLE])
def test_every_plain_page_for_everybody(
    app: Flask, client_for: ClientFor, world: World, who: str
) -> None:
    """Every GET without parameters answers with a good page, a way on, or not at all."""
    browser = client_for(world.by[who])
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint != "static":
            status = browser.get(rule.rule).status_code
            expected = {200, 303, 404} | ({503} if rule.endpoint == "health.ready" else set())
            assert status in expected, (rule.rule, status)
    assert browser.judged >= 3


def test_gets_change_nothing(
    app: Flask, client_for: ClientFor, engine: Engine, world: World
) -> None:
    browser = client_for(world.by["quality_office"])
    before = _rows(engine)
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            browser.get(rule.rule)
    assert _rows(engine) == before


def _rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        tables = [t for t in db.Base.metadata.tables if t != "event"]  # looking leaves events
        return {t: connection.scalar(text(f'SELECT count(*) FROM "{t}"')) or 0 for t in tables}  # noqa: S608


def of_sqlite(code: int) -> OperationalError:
    """What SQLAlchemy makes of what SQLite says."""
    said = sqlite3.OperationalError("secret inside")
    said.sqlite_errorcode = code
    return OperationalError("secret inside", {}, said)


ERRORS: list[tuple[Exception | int, int, str]] = [
    (400, 400, "请求无法识别"),
    (403, 404, "没有找到"),
    (404, 404, "没有找到"),
    (Forbidden(), 404, "没有找到"),
    (405, 405, "请求无法识别"),
    (409, 409, "内容已有变化"),
    (StaleDataError(), 409, "内容已有变化"),
    (TaskClosed(), 409, "内容已有变化"),
    (NoUnit(), 409, "机构或规则尚未配置完整"),
    (OperationalError("secret inside", {}, Exception()), 503, "数据库暂时连不上"),
    (PendingRollbackError("secret inside"), 503, "数据库暂时连不上"),
    (of_sqlite(sqlite3.SQLITE_CANTOPEN), 503, "数据库暂时连不上"),
    (of_sqlite(sqlite3.SQLITE_BUSY), 503, "系统繁忙"),
    (exc.TimeoutError("secret inside"), 503, "系统繁忙"),
    (of_sqlite(sqlite3.SQLITE_FULL), 503, "服务器存储空间不足"),
    (of_sqlite(sqlite3.SQLITE_IOERR), 503, "服务器磁盘写入失败"),
    (OSError(errno.EIO, "Input/output error"), 503, "服务器磁盘写入失败"),
    (OSError(errno.ENOSPC, "secret inside"), 503, "服务器存储空间不足"),
    (OSError(errno.EACCES, "secret inside"), 500, "系统出错"),
    (413, 413, "文件或内容太大"),
    (422, 422, "内容需要修改"),
    (RuntimeError("secret inside"), 500, "系统出错"),
    (503, 503, "系统繁忙"),
]


@pytest.mark.trial
@pytest.mark.parametrize(("error", "status", "title"), ERRORS)
@pytest.mark.parametrize("stranger", [False, True])
def test_errors_are_pages(
    app: Flask,
    client: Client,
    client_for: ClientFor,
    world: World,
    error: Exception | int,
    status: int,
    title: str,
    stranger: bool,
) -> None:
    app.config["BROKEN"] = error
    app.testing = False  # as in life: what fails is logged and becomes a page
    app.config["PROPAGATE_EXCEPTIONS"] = False
    browser = client if stranger else client_for(world.by["head"])
    reply = browser.get("/broken")
    assert reply.status_code == status
    assert title in reply.text
    assert reply.headers["X-Request-Id"] in reply.text
    assert "secret inside" not in reply.text
    assert browser.judged == 1
    reply = browser.get("/broken", headers={"Accept": "application/json"})
    assert title in "".join(reply.get_json().values())
    if status in (409, 500, 503):
        reply = browser.post("/broken", data={"story": "写了很久", "a.password": "secret"})
        assert 'name="story" value="写了很久"' in reply.text
        assert "secret" not in reply.text


def test_too_much_is_refused_before_it_is_read(client: Client) -> None:
    assert client.post("/sign-in", data={"username": "x" * 5_000_000}).status_code == 413


def test_the_policy_allows_nothing_inline_and_nothing_foreign() -> None:
    policy = dict(part.strip().split(" ", 1) for part in headers.POLICY.split(";"))
    assert policy["default-src"] == "'self'"
    assert "unsafe" not in headers.POLICY
    assert "http" not in headers.POLICY
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"


def test_static_files_are_kept_as_long_as_they_are_the_same(client: Client) -> None:
    page = client.get("/sign-in").text
    [sheet] = re.findall(r'href="(/static/css/yili.css\?v=\w+)"', page)
    assert "immutable" in client.get(sheet).headers["Cache-Control"]
    assert client.get("/static/css/yili.css").headers["Cache-Control"] == "no-cache"
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"


def test_health(client: Client, engine: Engine) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ok"}
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    assert client.get("/readyz").status_code == 503


def test_the_bell(client_for: ClientFor, session: Session, world: World) -> None:
    head = world.by["head"]
    now = datetime.now(UTC)
    for user_id in (head.user_id, world.by["mch"].user_id):
        tell(session, EventName.CLOCK_REMINDED, user_id, case=None, now=now, title="院内讨论")
    session.commit()
    browser = client_for(head)
    page = browser.get("/notifications").text
    assert "时限提醒：院内讨论" in page
    assert "消息，1 条未读" in page
    mine, others = session.scalars(select(Notification).order_by(Notification.id))
    assert browser.post(f"/notifications/{others.id}").status_code == 404
    assert browser.post(f"/notifications/{mine.id}").location == "/notifications"
    assert "消息，0 条未读" in browser.get("/notifications").text
    browser.post("/notifications/read")
    assert mine.read_at is not None
    assert others.read_at is None


def test_sqlite_is_opened_as_it_should_be(engine: Engine) -> None:
    with engine.connect() as connection:
        pragmas = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


def test_a_get_does_not_wait_for_a_writer(
    client_for: ClientFor, engine: Engine, world: World
) -> None:
    browser = client_for(world.by["head"])
    with engine.begin() as writer:
        writer.execute(text("UPDATE user SET title = 'x'"))
        assert browser.get("/password").status_code == 200
