"""Which rules hold where, from when, by which clause. A rule is a row of a jurisdiction's file.

Files lie in `jurisdictions/<code>.toml`. A child takes every key it does not state itself from its
parent; 000000 is the root and holds what is our own decision. Nothing about a place is in Python,
and nothing here knows a case, a clock row or the database.
"""

import enum
import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

JURISDICTIONS = Path(__file__).parent / "jurisdictions"
UNCONFIRMED = "本地口径待确认"
_ZONE = ZoneInfo("Asia/Shanghai")
_KEY = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)?")


class UnknownRule(KeyError):
    """No rule of this key is in force in this rule set."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownJurisdiction(LookupError):
    """Neither the place nor any area above it has a rule file."""


class BadRuleFile(ValueError):
    """A rule file is wrong. The message names file, key, and what to do."""


class Status(enum.StrEnum):
    QUOTED = "quoted"  # the document states it
    UNDEFINED = "undefined"  # ordered without a number (及时), or nowhere stated: never guessed
    CONFIRMED = "confirmed"  # a local authority has told us the value
    PRODUCT = "product"  # our own decision, no law


class Unit(enum.StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTH = "month"  # every n months
    QUARTER = "quarter"  # every n quarters
    MONTHS = "months"  # so many months from a day
    DAY_OF_MONTH = "day_of_month"  # by that day of the following month
    COUNT = "count"
    TIMES = "times"
    TEXT = "text"
    LIST = "list"  # stable codes; `labels` says them in Chinese
    FRACTIONS = "fractions"  # of a limit, each above 0, rising
    BOOL = "bool"


_WHOLE = {
    Unit.HOURS: "{} 小时",
    Unit.DAYS: "{} 天",
    Unit.WORKING_DAYS: "{} 个工作日",
    Unit.MONTH: "每 {} 个月",
    Unit.QUARTER: "每 {} 个季度",
    Unit.MONTHS: "{} 个月",
    Unit.DAY_OF_MONTH: "次月 {} 日前",
    Unit.COUNT: "{} 项",
    Unit.TIMES: "{} 次",
}
_EVERY_ONE = {Unit.MONTH: "每月", Unit.QUARTER: "每季度"}
_LIMITS = {Unit.HOURS, Unit.DAYS}
_COUNTED = {*_LIMITS, Unit.WORKING_DAYS}

Value = bool | int | float | str | tuple[str | int | float, ...]
_Struct = TypeVar("_Struct", bound=Struct)


class Strict(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A misspelt key is an error, not a rule that silently never holds.

    Cases keep these as JSON for years: fields may be added with a default, never renamed.
    """


class Rule(Strict, frozen=True):
    """One dated statement of one key.

    `wording`: what the document says instead of a number, such as 及时. `start` of a clock: "event"
    (the time of death), "task" (when the step opens) or "duty" (the same, of no case).
    `responsible`: a lane code. Of a trigger, whose value lists the measures its clause names:
    `code` as people know it (R1, T3); `facts`, the facts of the process that meet it, none where
    only a person can judge; `objects`, where its clause names fewer than its measure allows.
    `requirements`: ids of the requirement list.
    `jurisdiction`: the file it came from.
    """

    key: str
    title: str
    status: Status
    unit: Unit
    value: Value | None = None
    labels: dict[str, str] = {}
    wording: str = ""
    document: str = ""
    clause: str = ""
    quote: str = ""
    requirements: tuple[str, ...] = ()
    start: Literal["event", "task", "duty"] | None = None
    responsible: str = ""
    note: str = ""
    code: str = ""
    objects: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    effective_from: date | None = None
    effective_to: date | None = None
    jurisdiction: str = ""

    def limit(self) -> timedelta | None:
        """How long may it take, or None when the rule gives no number or the deadline is set
        elsewhere. ValueError for a rule that is no length of time: a list, or working days, whose
        length depends on the calendar."""
        if self.value is None or (self.is_clock and self.unit is Unit.TEXT):
            return None
        if self.unit not in _LIMITS or not isinstance(self.value, int):
            raise ValueError(f"{self.key} is in {self.unit.value}, which is no length of time")
        return timedelta(**{self.unit.value: self.value})

    def working_days(self) -> int | None:
        """How many working days it may take; None when the rule does not count in them."""
        if self.unit is Unit.WORKING_DAYS and isinstance(self.value, int):
            return self.value
        return None

    @property
    def has_number(self) -> bool:
        """Whether the rule itself says how long it may take."""
        return self.value is not None and self.unit in _COUNTED

    def describe(self) -> str:
        """The value as people read it: 24 小时, 每季度, 本地口径待确认."""
        if self.value is None:
            return UNCONFIRMED
        text = self._describe_value(self.value)
        return f"{text}（产品约定）" if self.status is Status.PRODUCT else text

    def _describe_value(self, value: Value) -> str:
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, tuple):
            return "、".join(self._describe_item(item) for item in value)
        if value == 1 and self.unit in _EVERY_ONE:
            return _EVERY_ONE[self.unit]
        return _WHOLE.get(self.unit, "{}").format(value)

    def _describe_item(self, item: str | int | float) -> str:
        if self.unit is Unit.FRACTIONS:
            return f"{float(item):.0%}"
        return self.labels.get(str(item), str(item))

    def basis(self) -> str:
        """Where it stands: 汴卫〔2022〕38号 母婴(四)1; 产品约定; empty when nowhere."""
        if self.status is Status.PRODUCT:
            return "产品约定，非政策规定"
        return f"{self.document} {self.clause}".strip()

    @property
    def is_clock(self) -> bool:
        return self.key.startswith("clock.")

    @property
    def is_trigger(self) -> bool:
        """Whether it names an occasion for 提醒、督导、约谈 or 通报."""
        return self.key.startswith("trigger.")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of a list, none for any other rule."""
        return tuple(map(str, self.value)) if isinstance(self.value, tuple) else ()

    def in_force(self, day: date) -> bool:
        return (self.effective_from is None or self.effective_from <= day) and (
            self.effective_to is None or day <= self.effective_to
        )


class RuleSet(Strict, frozen=True):
    """What holds at one place on one day. A case keeps the one of its event for ever."""

    code: str
    title: str
    at: date
    rules: dict[str, Rule]
    warnings: tuple[str, ...] = ()

    def get(self, key: str) -> Rule:
        """The rule of this key. UnknownRule when none is in force."""
        try:
            return self.rules[key]
        except KeyError:
            raise UnknownRule(f"{self.title} has no rule {key} on {self.at}") from None

    def find(self, key: str) -> Rule | None:
        """The rule of this key, or None when none is in force."""
        return self.rules.get(key)

    def clocks(self) -> list[Rule]:
        """The rules with a clock, in the order of the process."""
        return [rule for rule in self.rules.values() if rule.is_clock]

    def triggers(self) -> list[Rule]:
        """The occasions for 提醒、督导、约谈 and 通报, in the order of the file."""
        return [rule for rule in self.rules.values() if rule.is_trigger]

    def to_json(self) -> dict[str, Any]:
        """As JSON values, to be kept with a case."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """What `to_json` gave. msgspec.ValidationError when it is something else."""
        return msgspec.convert(kept, cls)


class Source(Strict, frozen=True):
    """A document that rules quote. `plan_until`: the last day of the plan it is. Where the text at
    hand has no number, its title stands for it; without `printed` its rules have no first day."""

    number: str
    title: str
    issuer: str
    printed: date | None = None
    plan_until: date | None = None
    note: str = ""


class Jurisdiction(Strict, frozen=True):
    """One file, read and checked."""

    code: str
    title: str
    parent: str = ""
    warnings: tuple[str, ...] = ()
    documents: tuple[Source, ...] = ()
    rules: tuple[Rule, ...] = ()


def rule_set(code: str, at: date | datetime, folder: Path = JURISDICTIONS) -> RuleSet:
    """The rules in force at a place (GB/T 2260 code, six or nine digits) on a day in China.

    A place without a file of its own is under the nearest area above it that has one. Raises
    UnknownJurisdiction when there is none, ValueError for a naive datetime, BadRuleFile.
    """
    return _in_force(code, day_of(at), folder)


@lru_cache(maxsize=512)
def _in_force(code: str, day: date, folder: Path) -> RuleSet:
    line = list(_line(_nearest(code, folder), folder))
    rules: dict[str, Rule] = {}
    for jurisdiction in reversed(line):
        rules.update((rule.key, rule) for rule in jurisdiction.rules if rule.in_force(day))
    return RuleSet(
        code=line[0].code,
        title=line[0].title,
        at=day,
        warnings=tuple(_warnings(line, rules, day)),
        rules=rules,
    )


def day_of(at: date | datetime) -> date:
    """The day in China. ValueError for a naive datetime."""
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise ValueError("a naive datetime is no moment; give it a time zone")
    return at.astimezone(_ZONE).date()


def _nearest(code: str, folder: Path) -> str:
    for candidate in (code, code[:6], f"{code[:4]}00", f"{code[:2]}0000"):
        if (folder / f"{candidate}.toml").is_file():
            return candidate
    raise UnknownJurisdiction(
        f"no rule file for {code} nor for an area above it; add jurisdictions/{code}.toml"
    )


def _line(code: str, folder: Path) -> Iterator[Jurisdiction]:
    """The jurisdiction, its parent, and so on up to the root."""
    seen: set[str] = set()
    while code:
        if code in seen:
            raise BadRuleFile(f"jurisdictions/{code}.toml: is its own ancestor; correct `parent`")
        seen.add(code)
        jurisdiction = load(code, folder)
        yield jurisdiction
        code = jurisdiction.parent


def _warnings(line: list[Jurisdiction], rules: dict[str, Rule], day: date) -> Iterator[str]:
    for jurisdiction in line:
        yield from jurisdiction.warnings
    quoted = {rule.document for rule in rules.values() if rule.document}
    documents = [source for jurisdiction in line for source in jurisdiction.documents]
    for source in documents:
        if source.number in quoted and source.plan_until and source.plan_until < day:
            yield (
                f"《{source.title}》（{source.number}）的计划期至 {source.plan_until} 已满，"
                "在新文件替代前继续沿用，请核对当地现行规定。"
            )
    if documents and not quoted:
        yield f"{day} 早于现有文件的印发日期，当日各项时限均为{UNCONFIRMED}。"


@lru_cache
def load(code: str, folder: Path = JURISDICTIONS) -> Jurisdiction:
    """One jurisdiction's file. BadRuleFile says which file, which key, and what to do."""
    path = folder / f"{code}.toml"
    where = f"{folder.name}/{path.name}"
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadRuleFile(f"{where}: missing; add it or correct the `parent` naming it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadRuleFile(f"{where}: no valid TOML: {wrong}") from wrong
    rows = content.pop("rules", [])
    head = _convert(content, Jurisdiction, f"{where}, head")
    if head.code != code:
        raise BadRuleFile(f"{where}: `code` is {head.code}; make it equal to the file's name")
    printed = {source.number: source.printed for source in head.documents}
    rules = tuple(_rule(row, code, printed, where) for row in rows)
    _refuse_overlaps(rules, where)
    return msgspec.structs.replace(head, rules=rules)


def _convert(row: object, into: type[_Struct], where: str) -> _Struct:
    try:
        return msgspec.convert(row, into)
    except msgspec.ValidationError as wrong:
        raise BadRuleFile(f"{where}: {wrong}; correct it or take it out") from None


def _rule(row: dict[str, Any], code: str, printed: dict[str, date | None], where: str) -> Rule:
    where = f"{where}, {row.get('key', 'a rule without key')}"
    rule = _convert(row, Rule, where)
    for wrong in (*_wrong_statement(rule, printed), *_wrong_value(rule)):
        raise BadRuleFile(f"{where}: {wrong}")
    since = rule.effective_from or printed.get(rule.document)
    return msgspec.structs.replace(rule, effective_from=since, jurisdiction=code)


def _wrong_statement(rule: Rule, printed: dict[str, date | None]) -> Iterator[str]:
    """What does not fit together in a rule, apart from its value."""
    law = (rule.document, rule.clause, rule.quote)
    if not _KEY.fullmatch(rule.key):
        yield "write the key as noun.name in small letters"
    if rule.status is Status.QUOTED and not all(law):
        yield "a quoted rule needs document, clause and quote; give them or call it product"
    if rule.status is Status.PRODUCT and any(law):
        yield "a product rule is no law; take out document, clause and quote"
    if rule.document and rule.document not in printed:
        yield f"the document {rule.document} is not among [[documents]]; add it there"
    if (rule.value is None) != (rule.status is Status.UNDEFINED):
        yield "exactly the undefined rules have no value; change the status or the value"
    if rule.is_trigger and rule.unit is not Unit.LIST:
        yield "a trigger lists the measures that its clause names"
    if rule.is_clock and not (rule.start and rule.responsible):
        yield "a clock needs start and responsible"


def _wrong_value(rule: Rule) -> Iterator[str]:
    unit, value = rule.unit, rule.value
    if rule.is_clock and unit not in {*_COUNTED, Unit.TEXT}:
        yield "a clock is in hours or days, or text when its deadline is set elsewhere"
    if value is not None and not _fits(unit, value):
        yield f"the value {value!r} is not in {unit.value}; correct value or unit"
    if isinstance(value, tuple) and rule.labels and set(rule.labels) != set(map(str, value)):
        yield "every code of the list needs one label, and every label a code"


def _fits(unit: Unit, value: Value) -> bool:
    if unit in _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if unit is Unit.FRACTIONS:
        return isinstance(value, tuple) and _rising(value)
    kind = {Unit.TEXT: str, Unit.LIST: tuple, Unit.BOOL: bool}[unit]
    return isinstance(value, kind)


def _rising(values: tuple[str | int | float, ...]) -> bool:
    numbers = [value for value in values if not isinstance(value, str)]
    rising = sorted(set(numbers)) == numbers
    return len(numbers) == len(values) > 0 and numbers[0] > 0 and rising


def _refuse_overlaps(rules: tuple[Rule, ...], where: str) -> None:
    latest: dict[str, Rule] = {}
    for rule in sorted(rules, key=lambda rule: (rule.key, rule.effective_from or date.min)):
        before = latest.get(rule.key)
        since = rule.effective_from or date.min
        if rule.effective_to is not None and rule.effective_to < since:
            raise BadRuleFile(f"{where}, {rule.key}: ends before it begins; correct the dates")
        if before and since <= (before.effective_to or date.max):
            raise BadRuleFile(
                f"{where}, {rule.key}: two versions hold on {since}; "
                "give the older one an effective_to before that day"
            )
        latest[rule.key] = rule
