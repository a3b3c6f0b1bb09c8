"""The frame around every page: the menu of what one may use, the bell, the inbox count."""

from dataclasses import dataclass
from functools import cache

from flask import g, request
from sqlalchemy import Select, bindparam, func, select

from models import Appointment, Notification, Role, Task
from webapp import db
from webapp.access import current
from workflows import permissions
from workflows.anybody import for_anybody


@dataclass(frozen=True, slots=True)
class Item:
    endpoint: str
    title: str
    icon: str
    permissions: tuple[str, ...]  # one of them is enough; none: whoever has a lane


ITEMS = (
    Item("tasks.inbox", "我的待办", "inbox", ()),
    Item("desk.index", "本单位待办", "people", ("desk:view",)),
    Item("reports.new", "登记报告", "file-earmark-plus", ("case:report",)),
    Item("cases.index", "病例", "folder2-open", ("case:list",)),
    Item("register.index", "高危专案", "person-lines-fill", ("register:view",)),
    Item("board.index", "看板", "speedometer2", ("board:view",)),
    Item("clocks.index", "时限总览", "stopwatch", ("clock:view",)),
    Item("statistics.index", "统计", "bar-chart", ("statistics:view",)),
    Item("ledger.index", "台账", "list-check", ("ledger:view",)),
    Item("notices.index", "通报", "megaphone", ("notice:view",)),
    Item("lessons.index", "经验与教训", "journal-text", ("lesson:view",)),
    Item("indicators.index", "院内质控指标", "clipboard2-pulse", ("indicator:view",)),
    Item("gatherings.index", "危重评审", "heart-pulse", ("gathering:view",)),
    Item("trainings.index", "培训学习", "journal-check", ("training:view",)),
    Item("duties.index", "定期任务", "calendar-check", ("duty:view",)),
    Item("motions.index", "提醒督导约谈", "exclamation-diamond", ("motion:view",)),
    Item("measures.index", "提醒督导约谈", "exclamation-diamond", ("measure:receive",)),
    Item("experts.index", "专家库", "person-vcard", ("expert:view",)),
    Item("expert_groups.index", "急救专家组", "people", ("group:view",)),
    Item("dossiers.index", "案卷", "archive", ("dossier:request",)),
    Item("admin.index", "管理", "gear", ("system:view", "user:administer", "log:view")),
)


def menu() -> tuple[Item, ...]:
    """What the person may use under the present appointment."""
    return _usable(current.appointment.role) if current.may_act else ()


@cache
def _usable(role: Role) -> tuple[Item, ...]:
    """Roles never change while the program runs, and every page shows a menu."""
    lanes = permissions.lanes_of(role)
    allowed = permissions.PERMISSIONS
    return tuple(
        item
        for item in ITEMS
        if (any(role in allowed[one] for one in item.permissions) if item.permissions else lanes)
    )


def is_here(item: Item) -> bool:
    """Whether the page shown belongs to this item."""
    return (request.endpoint or "").split(".")[0] == item.endpoint.split(".")[0]


def note_open(count: int) -> None:
    """The page shown has found out how many steps wait: nobody needs to ask again."""
    g.open_steps = count


def open_count() -> int:
    """How many steps wait for this person."""
    if "open_steps" in g:
        return int(g.open_steps)
    return db.session.scalar(*_open(current.appointment)) or 0


@for_anybody
def _open(by: Appointment) -> Select[int]:
    return permissions.inbox(by).with_only_columns(func.count(Task.id))


def unread_count() -> int:
    """How many lines the bell holds that were not read."""
    return db.session.scalar(_UNREAD, {"me": current.user.id}) or 0


_UNREAD = select(func.count(Notification.id)).where(
    Notification.user_id == bindparam("me"), Notification.read_at.is_(None)
)


def start_page() -> str:
    """The endpoint of the first page after signing in."""
    items = menu()
    return items[0].endpoint if items else "auth.appointments"
