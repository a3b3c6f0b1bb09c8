"""Where an administrator begins: a card for each thing he may keep, with how it stands."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import abort, current_app, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, or_, select

from models import (
    Definition,
    DefinitionState,
    Event,
    Incident,
    Organisation,
    Process,
    ProcessState,
    User,
    Zone,
)
from webapp import db, pdf, space
from webapp.access import current
from webapp.admin.blueprint import LOG, PEOPLE, SYSTEM, bp
from webapp.admin.organisations import gaps
from webapp.words import local
from workflows import calendar, operations, rules
from workflows.actions.definitions import DECIDE


@dataclass(frozen=True, slots=True)
class Card:
    """`state` says in a few words how it stands; `tone` other than still asks for attention."""

    endpoint: str
    permission: str
    title: str
    icon: str
    text: str
    state: Callable[[], tuple[str, str]]


def _people() -> tuple[str, str]:
    users = select(func.count(User.id))
    locked = db.session.scalar(users.where(User.locked_until > current.now)) or 0
    inactive = db.session.scalar(users.where(User.active.is_(False))) or 0
    parts = [f"{db.session.scalar(users)} 人"]
    parts += [f"停用 {inactive}"] if inactive else []
    parts += [f"锁定 {locked}"] if locked else []
    return "，".join(parts), "due" if locked else "still"


def _organisations() -> tuple[str, str]:
    active = select(func.count(Organisation.id)).where(Organisation.active)
    if missing := len(list(gaps())):
        return f"{db.session.scalar(active)} 个在用，{missing} 处缺口", "due"
    return f"{db.session.scalar(active)} 个在用", "still"


def _zones() -> tuple[str, str]:
    today = local(current.now).date()
    running = select(func.count(Zone.id)).where(
        Zone.valid_from <= today, or_(Zone.valid_to.is_(None), Zone.valid_to >= today)
    )
    return f"{db.session.scalar(running)} 项对应关系在用", "still"


def _rules() -> tuple[str, str]:
    files = len(list(rules.JURISDICTIONS.glob("*.toml")))
    return f"{files} 份规则文件", "still"


def _calendar() -> tuple[str, str]:
    year = local(current.now).year
    if year not in calendar.load(db.session).years:
        return f"{year} 年未录入，按周一至周五", "due"
    return f"{year} 年已录入", "still"


def _definitions() -> tuple[str, str]:
    waits = Definition.status == DefinitionState.PROPOSED
    if waiting := db.session.scalar(select(func.count(Definition.id)).where(waits)):
        return f"{waiting} 个新版本待批准", "due"
    running = select(func.count(Process.id)).where(Process.status == ProcessState.RUNNING)
    return f"{db.session.scalar(running)} 个流程在办", "still"


def _operations() -> tuple[str, str]:
    open_ones = select(func.count(Incident.id)).where(Incident.solved_at.is_(None))
    if count := db.session.scalar(open_ones):
        return f"{count} 项异常待处理", "late"
    queues = operations.queues(db.session, current.now)
    if late := sum(queue.due for queue in queues if queue.is_late(current.now)):
        return f"{late} 项到时未办", "late"
    return "没有异常，没有积压", "done"


def _health() -> tuple[str, str]:
    if space.left(current_app.config).scarce:
        return "存储空间快用完了", "late"
    return "不能生成 PDF" if pdf.missing() else "齐备", "late" if pdf.missing() else "still"


def _log() -> tuple[str, str]:
    last = db.session.scalar(select(func.max(Event.id))) or 0
    return f"已记录 {last} 条", "still"


CARDS = (
    Card("admin.people", PEOPLE, "账号与任职", "people", "开通、停用、解锁、登记任职", _people),
    Card(
        "admin.organisations",
        SYSTEM,
        "机构",
        "buildings",
        "医院、妇幼、卫健委、救治中心",
        _organisations,
    ),
    Card("admin.zones", SYSTEM, "片区", "map", "哪个救治中心对口哪个县（区）", _zones),
    Card(
        "admin.calendar",
        SYSTEM,
        "工作日历",
        "calendar3",
        "放假与调休，用于以工作日计的时限",
        _calendar,
    ),
    Card("admin.rules", SYSTEM, "规则", "journal-check", "各地现行规定值与依据条款", _rules),
    Card(
        "admin.definitions",
        DECIDE,
        "流程定义",
        "diagram-3",
        "各版本、改动对比、批准与换版",
        _definitions,
    ),
    Card(
        "admin.operations",
        SYSTEM,
        "运行与异常",
        "heart-pulse",
        "异常与重试、积压、后台进程、久等的步骤",
        _operations,
    ),
    Card("admin.health", SYSTEM, "运行环境", "layers", "数据库、PDF、各部件版本", _health),
    Card("admin.log", LOG, "日志", "clock-history", "谁在什么时候做了什么，可导出", _log),
)


@bp.get("")
def index() -> ResponseReturnValue:
    cards = [card for card in CARDS if current.may(card.permission)]
    if not cards:
        abort(404)
    return render_template("admin/index.html", cards=cards)
