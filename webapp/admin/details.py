"""What an event says beside its name, in words, from a fixed list of keys. Knows no request."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Event, IncidentKind, Organisation, Role, User, ZoneKind
from webapp import labels
from webapp.words import lateness
from workflows import regions

CHANGES = {
    "particulars": "资料",
    "password": "重设密码",
    "disabled": "停用",
    "enabled": "恢复",
    "deactivated": "停用",
    "activated": "恢复",
}
FIELDS = {
    "name": "名称",
    "short_name": "简称",
    "phone": "电话",
    "title": "职称",
    "discipline": "专业",
    "kind": "类别",
    "level": "级别",
    "grade": "等级",
    "region_code": "地区",
    "host_id": "设在机构",
}
REFUSALS = {"unknown": "用户名不存在或账号停用", "locked": "账号锁定中", "password": "密码不对"}


@dataclass(frozen=True, slots=True)
class Names:
    """What ids in events are called: staff, units, areas."""

    people: dict[int, str]
    units: dict[int, str]
    areas: dict[str, str]


def names_in(session: Session, events: Iterable[Event]) -> Names:
    """The names that some events need; three queries, however many events."""
    told = [event.data for event in events]
    people = select(User.id, User.name, User.username).where(User.id.in_(_ids(told, "user")))
    units = select(Organisation.id, Organisation.short_name).where(
        Organisation.id.in_(_ids(told, "organisation"))
    )
    codes = {code for data in told if isinstance(code := data.get("county"), str)}
    return Names(
        people={key: f"{name}（{username}）" for key, name, username in session.execute(people)},
        units=dict(session.execute(units).all()),
        areas=regions.full_names(session, codes) if codes else {},
    )


def _ids(told: list[dict[str, Any]], key: str) -> set[int]:
    return {found for data in told if isinstance(found := data.get(key), int)}


def describe(event: Event, names: Names, case: str = "") -> str:
    """林小满（linxm），安全管理员，市妇幼; empty when there is nothing.

    `case`: the number of its case, which need not be said again.
    """
    parts = (
        say(event.data[key], names)
        for key, say in SAYINGS.items()
        if event.data.get(key) not in (None, "", [], case)
    )
    return "，".join(part for part in parts if part)


def _plain(value: Any, _names: Names) -> str:
    return str(value)[:80]


def _counted(pattern: str) -> Callable[[Any, Names], str]:
    return lambda value, _names: pattern.format(value)


def _coded(codes: dict[str, str], *, strict: bool = False) -> Callable[[Any, Names], str]:
    """`strict`: what is no code of these is not shown."""
    return lambda value, _names: codes.get(str(value), "" if strict else str(value)[:80])


def _listed(value: Any, _names: Names) -> str:
    return "、".join(str(part) for part in value)[:80] if isinstance(value, list) else ""


def _fields(value: Any, _names: Names) -> str:
    return "、".join(FIELDS[name] for name in value if name in FIELDS)


def _late(value: Any, _names: Names) -> str:
    return lateness(float(value))


_roles: dict[str, str] = {role.value: labels.label(role) for role in Role}
_kinds: dict[str, str] = {kind.value: labels.label(kind) for kind in ZoneKind}
# Key of an event's data → how it is said. A key that is not here is not shown.
SAYINGS: dict[str, Callable[[Any, Names], str]] = {
    "user": lambda value, names: names.people.get(value, f"账号 {value}"),
    "role": _coded(_roles),
    "organisation": lambda value, names: names.units.get(value, f"机构 {value}"),
    "county": lambda value, names: names.areas.get(value, str(value)),
    "kind": _coded(_kinds, strict=True),
    "title": _plain,
    "number": _plain,
    "version": _counted("第 {} 版"),
    "before": _counted("原第 {} 版"),
    "level": _coded({"county": "县级", "city": "市级"}, strict=True),
    "what": _coded(CHANGES),
    "fields": _fields,
    "trigger": _plain,
    "unit": _plain,
    "to": _listed,
    "edition": _counted("第 {} 稿"),
    "members": _counted("{} 名专家"),
    "items": _counted("{} 项整改"),
    "recipients": _counted("{} 个单位"),
    "late_seconds": _late,
    "first_day": _counted("自 {} 起"),
    "last_day": _counted("最后一天 {}"),
    "sessions": _counted("结束 {} 处登录"),
    "dossier": _counted("案卷 {}"),
    "attachment": _counted("附件 {}"),
    "job": _plain,
    "attempts": _counted("试过 {} 次"),
    "cause": _coded(REFUSALS),
    "rows": _counted("{} 条"),
    "days": _coded({"off": "放假", "working": "调休上班", "removed": "撤回"}, strict=True),
    "first": _counted("自 {}"),
    "last": _counted("至 {}"),
    "uploads": _counted("没有用到的文件 {} 个"),
    "forgotten": _counted("办完的任务 {} 项"),
    "space": _plain,
    "people": _counted("已告诉 {} 名系统管理员"),
    "incident": _counted("异常 {}"),
    "process": _counted("流程 {}"),
    "fault": _coded({kind.value: labels.label(kind) for kind in IncidentKind}, strict=True),
    "error": _plain,
}
