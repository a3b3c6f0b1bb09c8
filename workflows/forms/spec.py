"""The form file format: what a question is. One JSON file per form and version.

A form is data. The same file renders the page, the readable sheet, the PDF and the export, and
says which answers hold personal data. This module knows the format only: judging answers is
`workflows.forms.check`, drawing them is the web's.
"""

import enum
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from models.base import DataClass


class Kind(enum.StrEnum):
    """What an answer looks like in JSON is said after each."""

    TEXT = "text"  # str
    LONG_TEXT = "long_text"  # str
    INTEGER = "integer"  # int
    DECIMAL = "decimal"  # str of digits, exact
    DATE = "date"  # "2026-11-21"
    DATETIME = "datetime"  # "2026-11-21T03:40+08:00", to the minute, Asia/Shanghai
    CHOICE = "choice"  # code
    CHOICES = "choices"  # list of codes
    BOOL = "bool"  # true / false
    PHONE = "phone"  # str
    ID_NUMBER = "id_number"  # str, 18 characters
    ICD10 = "icd10"  # code such as "O72.1"
    REGION = "region"  # code of GB/T 2260 (6 or 9 digits)
    ORGANISATION = "organisation"  # id (int) of an organisation
    USER = "user"  # id (int) of a user; `among` says who may be picked
    CAUSE_CHAIN = (
        "cause_chain"  # {"a": {"icd10": …, "text": …, "value": 3, "unit": "hour"}, "b": …}
    )
    GRID12 = "grid12"  # {"1": {"factor": …, "evidence": …, …}, …}: only ticked cells
    INVENTORY = "inventory"  # {"outpatient": {"state": "have", "pages": 3, "files": [token]}, …}
    GROUP = "group"  # list of {field name: answer}
    FILES = "files"  # list of attachment tokens
    SIGNATURE = "signature"  # {"user": 3, "name": …, "at": …}: the password was typed again
    NOTE = "note"  # no answer: text shown in place


CAUSE_LINES = ("a", "b", "c", "d")  # (a) the direct cause, the last filled line the underlying one
INTERVAL_UNITS = {
    "minute": "分钟",
    "hour": "小时",
    "day": "天",
    "week": "周",
    "month": "个月",
    "year": "年",
    "unknown": "不详",  # then `value` is left out
}
CIRCUMSTANCES = {"lower"}  # facts of the case: the level below has concluded
INVENTORY_STATES = {"have": "有", "none": "无", "na": "不适用"}


class Strict(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A misspelt key is an error, not a question that silently never appears."""


class Choice(Strict, frozen=True, kw_only=True):
    code: str
    label: str
    help: str = ""


class Field(Strict, frozen=True, kw_only=True):
    """One question.

    `when`: shown, and required, only if every named answer of the same row (or of the form) is one
    of the codes given, as {"field": ["code", …]}; booleans are written "true" / "false"; of several
    codes ticked one is enough.
    `default`: "now", "today", "me", "my_organisation", a dotted path into the prefill values that
    the step supplies, such as "case.event_at", or "=code", the answer itself.
    `route`: the name under which the answer reaches the diagram (ids, flags and counts only).
    `among`: for organisations kinds ("hospital"), for users roles ("expert"), for codes the name of
    a list in codes.json, which loading copies into `choices`.
    `min`, `max`: of a number; of a list of codes or files, how many.
    `past`: a day or moment later than now is refused. `future`: one that is not later is refused.
    A grid's `choices` are its twelve cells and its `fields` what is said of a ticked one; an
    inventory's `choices` are the kinds of record.
    """

    name: str
    kind: Kind
    label: str = ""
    required: bool = False
    choices: tuple[Choice, ...] = ()
    when: dict[str, list[str]] = {}
    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    past: bool = False
    future: bool = False
    unit: str = ""
    help: str = ""
    placeholder: str = ""
    why: str = ""  # why it is asked, with the clause where there is one
    data_class: DataClass = DataClass.INTERNAL
    default: str = ""
    readonly: bool = False
    route: str = ""
    among: tuple[str, ...] = ()
    fields: tuple["Field", ...] = ()  # of a group
    min_rows: int = 0
    max_rows: int = 60
    row_title: str = ""  # what a row is called, such as 时间轴条目
    wide: bool = False


class Section(Strict, frozen=True, kw_only=True):
    """`only`: asked only in circumstances of that name, one of `CIRCUMSTANCES`."""

    title: str
    help: str = ""
    only: str = ""
    fields: tuple[Field, ...]
    part: str = ""  # set while loading: the form this section was included from


class Form(Strict, frozen=True, kw_only=True):
    """A form. `parts` names other forms whose sections and checks come first, in order (one step,
    several sheets). `checks` names cross-field checks registered in `workflows.forms.checks`."""

    name: str = ""  # set while loading: file name without .json, such as report.v1
    title: str
    intro: str = ""
    submit: str = "提交"
    confirm: str = ""  # said before an act that cannot be undone
    parts: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    checks: tuple[str, ...] = ()
    prefill: str = (
        ""  # name without version of the form whose newest answers of the case come filled in
    )

    def fields(self) -> tuple[Field, ...]:
        """Every top-level field, in order."""
        return tuple(field for section in self.sections for field in section.fields)

    @property
    def depends(self) -> bool:
        """Whether the circumstances say what is asked."""
        return any(section.only for section in self.sections)

    def asked_in(self, facts: Mapping[str, Any]) -> "Form":
        """The form without the sections that the case's facts give no cause to ask."""
        if not self.depends:
            return self
        sections = tuple(each for each in self.sections if not each.only or facts.get(each.only))
        return replace(self, sections=sections)


Answers = dict[str, Any]
