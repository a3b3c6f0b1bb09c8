"""A form handed in, as people read it: labels and values as text, for the page and for paper.

Pure: names behind ids and codes come from `lookup`. Knows no HTML and no database.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from models.base import DataClass
from workflows.forms.answers import is_empty, is_shown
from workflows.forms.derived import (
    card_hour,
    days_postpartum,
    inventory_percent,
    key_intervals,
    lived,
    lived_words,
    newborn_class,
)
from workflows.forms.moment import moment_in
from workflows.forms.spec import (
    CAUSE_LINES,
    INTERVAL_UNITS,
    INVENTORY_STATES,
    Answers,
    Field,
    Form,
    Kind,
)

MISSING = "未填"
HIDDEN = "已隐去"
YELLOW_STAR = 3  # this many yellow factors make 黄☆ (汴卫〔2022〕38号 二(一)2)
WIDE = {
    Kind.LONG_TEXT,
    Kind.CAUSE_CHAIN,
    Kind.GRID12,
    Kind.INVENTORY,
    Kind.GROUP,
    Kind.FILES,
    Kind.NOTE,
}
CAUSE_LABELS = {
    "a": "(a) 直接死因",
    "b": "(b) 引起 (a) 的疾病",
    "c": "(c) 引起 (b) 的疾病",
    "d": "(d) 引起 (c) 的疾病",
}


class Lookup(Protocol):
    """Names of what answers refer to, words even when the row is gone. `icd10`: code and title.

    `moment`: a day or moment as an answer holds it, in words. `hidden`: what stands for an answer
    that is kept back.
    """

    def organisation(self, key: int) -> str: ...
    def user(self, key: int) -> str: ...
    def region(self, code: str) -> str: ...
    def icd10(self, code: str) -> str: ...
    def attachment(self, token: str) -> str: ...
    def moment(self, value: str) -> str: ...
    def hidden(self, question: Field, value: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One question. `table`: the rows of a group, a grid, an inventory or a cause chain, each a
    list of cells with the same labels in the same order; `value` then says how many."""

    label: str
    value: str
    wide: bool
    name: str
    table: list[list["SheetRow"]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SheetSection:
    """`part`: name of the form this section was included from, empty for the form's own."""

    title: str
    part: str
    rows: list[SheetRow]


@dataclass(frozen=True, slots=True)
class _Reader:
    answers: Answers
    lookup: Lookup
    hide: frozenset[DataClass]


def sheet(
    form: Form,
    answers: Mapping[str, Any],
    lookup: Lookup,
    hide: frozenset[DataClass] = frozenset(),
) -> list[SheetSection]:
    """Every question shown that is answered or required; `hide` names the classes kept back."""
    reader = _Reader(dict(answers), lookup, hide)
    sections = []
    for section in form.sections:
        rows = list(_rows(section.fields, reader.answers, reader))
        if rows:
            sections.append(SheetSection(section.title, section.part, rows))
    return sections


def _rows(fields: Sequence[Field], row: Answers, reader: _Reader) -> Iterator[SheetRow]:
    for question in fields:
        if is_shown(question, row, reader.answers) and not _denied(question, row):
            yield from _row(question, row.get(question.name), reader)
            yield from _computed(question, reader)


def _denied(question: Field, row: Answers) -> bool:
    """「没有发现问题：否」 puzzles whoever reads it: what was found stands right below."""
    return question.name.endswith("_none") and row.get(question.name) is False


def _row(question: Field, value: Any, reader: _Reader) -> Iterator[SheetRow]:
    wide = question.wide or question.kind in WIDE
    if question.kind is Kind.NOTE:
        yield SheetRow(question.label, question.help, wide, question.name)
    elif is_empty(value):
        if question.required:
            yield SheetRow(question.label, MISSING, wide, question.name)
    elif question.data_class in reader.hide:
        said = reader.lookup.hidden(question, value)
        yield SheetRow(question.label, said, wide, question.name)
    elif question.kind in TABLES:
        table = TABLES[question.kind](question, value, reader)
        yield SheetRow(question.label, f"共 {len(table)} 项", True, question.name, table)
    else:
        yield SheetRow(question.label, text_of(question, value, reader.lookup), wide, question.name)


def _computed(question: Field, reader: _Reader) -> Iterator[SheetRow]:
    """Rows that nobody filled in, after the question they follow from."""
    if question.data_class in reader.hide:
        return
    for label, value in COMPUTED.get(question.name, _nothing)(reader.answers, reader.lookup):
        yield SheetRow(label, value, False, "")


def _nothing(answers: Answers, lookup: Lookup) -> Iterator[tuple[str, str]]:
    return iter(())


def _death(answers: Answers, lookup: Lookup) -> Iterator[tuple[str, str]]:
    death = moment_in(answers, "death_dt")
    if death:
        at = card_hour(death)
        yield "报告卡死亡时间", f"{lookup.moment(at.date().isoformat())} {at.hour} 时"
    days = days_postpartum(answers)
    if days is not None and days >= 0:
        yield "产后天数", f"{days} 天"
    yield from _lived(answers, lookup)


def _lived(answers: Answers, lookup: Lookup) -> Iterator[tuple[str, str]]:
    age = lived(answers)
    if age is not None and age >= timedelta():
        yield "死亡日龄", lived_words(age)
        yield "分期", newborn_class(age)


def _star(answers: Answers, lookup: Lookup) -> Iterator[tuple[str, str]]:
    if answers.get("yellow_factors", 0) >= YELLOW_STAR:
        yield "黄☆", f"是（黄色风险因素 {YELLOW_STAR} 个及以上）"


def _intervals(answers: Answers, lookup: Lookup) -> Iterator[tuple[str, str]]:
    for name, minutes in key_intervals(answers):
        if minutes >= 0:
            hours, rest = divmod(minutes, 60)
            yield name, f"{hours} 小时 {rest} 分" if hours else f"{rest} 分"


def _inventory_share(answers: Answers, lookup: Lookup) -> Iterator[tuple[str, str]]:
    percent = inventory_percent(answers.get("record_inventory", {}))
    if percent is not None:
        yield "完整率", f"{percent}%"


COMPUTED: dict[str, Callable[[Answers, Lookup], Iterator[tuple[str, str]]]] = {
    "death_dt": _death,
    "event_dt": _lived,
    "yellow_factors": _star,
    "incision_dt": _intervals,
    "record_inventory": _inventory_share,
}


def _group(question: Field, rows: Any, reader: _Reader) -> list[list[SheetRow]]:
    return [_line(question.fields, _without_hour(row), reader) for row in rows]


def _without_hour(row: Answers) -> Answers:
    """A time line entry that knows only its day shows no hour."""
    if row.get("only_date") and row.get("at"):
        return {**row, "at": row["at"][:10]}
    return row


def _grid(question: Field, cells: Any, reader: _Reader) -> list[list[SheetRow]]:
    return [
        [
            SheetRow("格", choice.label, False, choice.code),
            *_line(question.fields, cells[choice.code], reader),
        ]
        for choice in question.choices
        if choice.code in cells
    ]


def _line(fields: Sequence[Field], row: Answers, reader: _Reader) -> list[SheetRow]:
    """One cell per question, so that the lines of a table agree; a dash where nothing was asked."""
    cells = []
    for question in fields:
        if question.kind is Kind.NOTE:
            continue
        found = list(_row(question, row.get(question.name), reader))
        if not is_shown(question, row, reader.answers):
            found = []
        cells += found or [SheetRow(question.label, "—", False, question.name)]
    return cells


def _inventory(question: Field, entries: Any, reader: _Reader) -> list[list[SheetRow]]:
    return [
        [
            SheetRow("资料", choice.label, False, choice.code),
            SheetRow("有无", INVENTORY_STATES.get(entry.get("state"), MISSING), False, "state"),
            SheetRow("页数", str(entry.get("pages") or "—"), False, "pages"),
            SheetRow("文件", _files(entry.get("files") or [], reader.lookup) or "—", True, "files"),
        ]
        for choice in question.choices
        if (entry := entries.get(choice.code))
    ]


def _causes(question: Field, chain: Any, reader: _Reader) -> list[list[SheetRow]]:
    return [
        [
            SheetRow("死因", CAUSE_LABELS[name], False, name),
            SheetRow("编码", line.get("icd10", MISSING), False, "icd10"),
            SheetRow("诊断", _diagnosis(line, reader.lookup), True, "text"),
            SheetRow("间隔", interval_of(line), False, "interval"),
        ]
        for name in CAUSE_LINES
        if (line := chain.get(name))
    ]


def _diagnosis(line: Mapping[str, Any], lookup: Lookup) -> str:
    code = line.get("icd10", "")
    return line.get("text") or lookup.icd10(code).removeprefix(code).strip() or MISSING


def interval_of(line: Mapping[str, Any]) -> str:
    """How long before death a cause began: 3 小时."""
    unit = INTERVAL_UNITS.get(line.get("unit", ""), "—")
    return unit if line.get("value") is None else f"{line['value']} {unit}"


TABLES: dict[Kind, Callable[[Field, Any, _Reader], list[list[SheetRow]]]] = {
    Kind.GROUP: _group,
    Kind.GRID12: _grid,
    Kind.INVENTORY: _inventory,
    Kind.CAUSE_CHAIN: _causes,
}


def text_of(question: Field, value: Any, lookup: Lookup) -> str:
    """One answer that is no table, as people read it."""
    return TEXTS.get(question.kind, _plain)(question, value, lookup)


def _plain(question: Field, value: Any, lookup: Lookup) -> str:
    return f"{value} {question.unit}" if question.unit else str(value)


def _choice(question: Field, value: Any, lookup: Lookup) -> str:
    labels = {choice.code: choice.label for choice in question.choices}
    codes: list[str] = value if isinstance(value, list) else [value]
    return "、".join(labels.get(code, code) for code in codes)


def _bool(question: Field, value: Any, lookup: Lookup) -> str:
    return "是" if value else "否"


def _moment(question: Field, value: Any, lookup: Lookup) -> str:
    return lookup.moment(value)


def _organisation(question: Field, value: Any, lookup: Lookup) -> str:
    return lookup.organisation(value)


def _user(question: Field, value: Any, lookup: Lookup) -> str:
    return lookup.user(value)


def _region(question: Field, value: Any, lookup: Lookup) -> str:
    return lookup.region(value)


def _icd10(question: Field, value: Any, lookup: Lookup) -> str:
    return lookup.icd10(value)


def _file_names(question: Field, value: Any, lookup: Lookup) -> str:
    return _files(value, lookup)


def _files(tokens: Sequence[str], lookup: Lookup) -> str:
    return "、".join(lookup.attachment(token) for token in tokens)


def _signature(question: Field, value: Any, lookup: Lookup) -> str:
    return f"{value['name']}　{lookup.moment(value['at'])}"


TEXTS: dict[Kind, Callable[[Field, Any, Lookup], str]] = {
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choice,
    Kind.BOOL: _bool,
    Kind.DATE: _moment,
    Kind.DATETIME: _moment,
    Kind.ORGANISATION: _organisation,
    Kind.USER: _user,
    Kind.REGION: _region,
    Kind.ICD10: _icd10,
    Kind.FILES: _file_names,
    Kind.SIGNATURE: _signature,
}
