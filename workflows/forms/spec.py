"""The form file format: what a question is. One JSON file per form and version.

A form is data. The same file renders the page, the readable sheet, the PDF and the export, and
says which answers hold personal data. This module knows the format only: judging answers is
`workflows.forms.check`, drawing them is the web's.
"""

import enum
from typing import Any

from msgspec import Struct

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
    CAUSE_CHAIN = "cause_chain"  # {"a": {"icd10": …, "text": …, "value": 3, "unit": "hour"}, "b": …}
    GRID12 = "grid12"  # {"1": {"factor": …, "evidence": …, …}, …}: only ticked cells
    INVENTORY = "inventory"  # {"outpatient": {"state": "have", "pages": 3, "files": [token]}, …}
    GROUP = "group"  # list of {field name: answer}
    FILES = "files"  # list of attachment tokens
    SIGNATURE = "signature"  # {"user": 3, "name": …, "at": …}: the password was typed again
    NOTE = "note"  # no answer: text shown in place


class Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A misspelt key is an error, not a question that silently never appears."""


class Choice(Strict):
    code: str
    label: str
    help: str = ""


class Field(Strict):
    """One question.

    `when`: shown, and required, only if every named answer of the same row (or of the form) is one
    of the codes given, as {"field": ["code", …]}; booleans are written "true" / "false".
    `default`: "now", "today", "me", "my_organisation", or a dotted path into the prefill values that
    the step supplies, such as "case.event_at".
    `route`: the name under which the answer reaches the diagram (ids, flags and counts only).
    `among`: for organisations kinds ("hospital"), for users roles ("expert"), for codes a list name.
    """

    name: str
    kind: Kind
    label: str = ""
    required: bool = False
    choices: tuple[Choice, ...] = ()
    when: dict[str, list[str]] = {}
    min: float | None = None
    max: float | None = None
    max_length: int | None = None
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


class Section(Strict):
    title: str
    help: str = ""
    fields: tuple[Field, ...]
    part: str = ""  # set while loading: the form this section was included from


class Form(Strict):
    """A form. `parts` names other forms whose sections come first, in order (one step, several
    sheets). `checks` names cross-field checks registered in `workflows.forms.check`."""

    name: str = ""  # set while loading: file name without .json, such as report.v1
    title: str
    intro: str = ""
    submit: str = "提交"
    confirm: str = ""  # said before an act that cannot be undone
    parts: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    checks: tuple[str, ...] = ()
    prefill: str = ""  # name without version of the form whose newest answers of the case come filled in

    def fields(self) -> tuple[Field, ...]:
        """Every top-level field, in order."""
        return tuple(field for section in self.sections for field in section.fields)


Answers = dict[str, Any]
