"""Questions as WTForms fields, one class per shape of answer.

A field holds what was typed and reads it; whether the answer is acceptable is judged by
`workflows.forms.check`. Names on the page are the paths by which answers are called:
`timeline.2.at`, `causes.b.icd10`, `grid.5.evidence`, `inventory.outpatient.pages`.
"""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import current_app
from markupsafe import Markup
from wtforms.fields import Field
from wtforms.form import BaseForm
from wtforms.meta import DefaultMeta
from wtforms.utils import unset_value

from webapp.forms import names, reading
from workflows.forms import spec
from workflows.forms.answers import is_empty, is_shown
from workflows.forms.spec import CAUSE_LINES, INTERVAL_UNITS, INVENTORY_STATES, Choice, Kind

ID = "f-"  # begins the ids of questions, so that none is called like a part of the frame
MOST_RADIOS = 7
MOST_SEVERAL = 200  # more than any question takes: enough to refuse, not enough to show for minutes
BLANK_ROW = "__row__"  # stands for the index in the pattern of a new row
UNITS = tuple(Choice(code=code, label=label) for code, label in INTERVAL_UNITS.items())
STATES = tuple(Choice(code=code, label=label) for code, label in INVENTORY_STATES.items())

Known = Mapping[str, Any]  # answers outside a row, for `when`


class _Meta(DefaultMeta):
    locales = ("zh",)


META = _Meta()


class Partial:
    """A widget that is a template: `forms/kinds/<kind>.html` with the field as `field`."""

    def __call__(self, field: "Question", **_kwargs: Any) -> Markup:
        template = current_app.jinja_env.get_template(f"forms/kinds/{field.spec.kind}.html")
        return Markup(template.render(field=field, names=names))  # noqa: S704 (templates escape)


class Question(Field):
    """One question of the form file, bound to its place on the page.

    `spec` is the question as declared; `messages` and `warnings` are what is said of the answer;
    `source` is where a value that came filled in comes from; `hidden` when `spec.when` is not met.
    """

    widget = Partial()

    def __init__(self, question: spec.Field, **kwargs: Any) -> None:
        super().__init__(label=question.label, **kwargs)
        self.id = f"{ID}{self.name}"
        self.spec = question
        self.messages: list[str] = []
        self.warnings: list[str] = []
        self.source = ""
        self.hidden = False
        self.compact = False  # inside a row, a cell or a line, where room is scarce

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """A read-only question takes its answer from us, whatever the browser sends."""
        super().process(None if self.spec.readonly else formdata, data, extra_filters)
        self.messages = list(self.process_errors)

    def answer(self, known: Known) -> Any:
        """The JSON value, or None. `known` are the answers before this one."""
        return self.data

    def inner(self) -> Iterator["Question"]:
        """The questions inside this one, each followed by its own."""
        return iter(())

    @property
    def input_name(self) -> str:
        """The name under which the browser posts it."""
        return str(self.name)

    @property
    def target(self) -> str:
        """The id of its input: where to jump to."""
        return f"{ID}{self.input_name}"

    @property
    def described_by(self) -> str:
        """Ids of what explains this field, for `aria-describedby`."""
        there = {"error": self.messages, "warning": self.warnings, "help": self.spec.help}
        there["source"] = self.source
        return " ".join(f"{self.id}-{part}" for part, text in there.items() if text)


class Single(Question):
    """One input, one value."""

    raw_data: list[str] | None = None

    def process_formdata(self, valuelist: list[str]) -> None:
        text = reading.tidy(valuelist[0]) if valuelist else ""
        self.data = None
        if text:
            self.data = reading.READERS[self.spec.kind](text)

    @property
    def text(self) -> str:
        """What stands in the field: what was typed, else the answer so far."""
        if self.raw_data is not None:
            return self.raw_data[0] if self.raw_data else ""
        return reading.shown(self.spec.kind, self.data)

    @property
    def as_radios(self) -> bool:
        """Few codes stand side by side; many, or those inside a row, in a drop-down."""
        return not self.compact and len(self.spec.choices) <= MOST_RADIOS

    @property
    def is_stacked(self) -> bool:
        """Radio buttons one below the other: they are explained, or long."""
        labels = [choice.label for choice in self.spec.choices]
        return any(choice.help for choice in self.spec.choices) or max(map(len, labels)) > 16

    @property
    def words(self) -> str:
        """The label of the code chosen, for a question that cannot be changed."""
        labels = {choice.code: choice.label for choice in self.spec.choices}
        return ({"true": "是", "false": "否"} | labels).get(self.text, self.text)


class Several(Question):
    """Any number of codes or attachment tokens under one name."""

    def process_formdata(self, valuelist: list[str]) -> None:
        several = dict.fromkeys(text.strip() for text in valuelist[:MOST_SEVERAL] if text.strip())
        self.data = list(several)

    @property
    def values(self) -> list[str]:
        return list(self.data or [])


class Signature(Question):
    """The password, typed again. Looked at once; never kept, never shown.

    `TaskForm` verifies it and puts the signature into `data`.
    """

    password = ""

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        super().process(None, None)
        typed = formdata.getlist(self.input_name) if formdata is not None else []
        self.password = typed[0] if typed else ""

    @property
    def input_name(self) -> str:
        return f"{self.name}.password"

    def refuse(self, message: str) -> None:
        """Say why there is no signature."""
        self.process_errors = [message]
        self.messages = [message]


class Note(Question):
    """Text shown in place; no answer."""

    def answer(self, known: Known) -> Any:
        return None


class Composite(Question):
    """A question made of named questions, one answer made of theirs."""

    form: BaseForm

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        self.process_errors: list[str] = []
        self.messages = []
        self.form = BaseForm(self.parts(), prefix=f"{self.name}.", meta=META)
        for part in self.form:
            part.compact = True
        typed = None if self.spec.readonly else formdata
        self.form.process(typed, data=data if isinstance(data, dict) else {})

    def parts(self) -> list[tuple[str, Any]]:
        """Names and fields, not yet bound."""
        return unbound(self.spec.fields)

    def __iter__(self) -> Iterator[Question]:
        return iter(self.form)

    def __getitem__(self, name: str) -> Question:
        part: Question = self.form[name]
        return part

    def answer(self, known: Known) -> Any:
        return gather(self, known) or None

    def inner(self) -> Iterator[Question]:
        return within(self)


class CauseLine(Composite):
    """One line of the chain: what, and how long before death it began."""

    def parts(self) -> list[tuple[str, Any]]:
        return unbound(
            (
                spec.Field(name="icd10", kind=Kind.ICD10, label="ICD-10 编码"),
                spec.Field(name="text", kind=Kind.TEXT, label="诊断名称"),
                spec.Field(name="value", kind=Kind.INTEGER, label="发病到死亡的间隔"),
                spec.Field(name="unit", kind=Kind.CHOICE, label="间隔单位", choices=UNITS),
            )
        )


class CauseChain(Composite):
    """(a) to (d): each line caused the one above it."""

    def parts(self) -> list[tuple[str, Any]]:
        lines = [
            spec.Field(name=line, kind=Kind.CAUSE_CHAIN, label=f"({line})") for line in CAUSE_LINES
        ]
        return [(line.name, CauseLine(line)) for line in lines]


class Cell(Composite):
    """One of the twelve cells: ticked or not, and what is said of it when ticked."""

    ticked = False

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        super().process(formdata, data, extra_filters)
        self.ticked = isinstance(data, dict)
        if formdata is not None:
            self.ticked = bool(formdata.getlist(self.input_name))

    @property
    def input_name(self) -> str:
        return f"{self.name}.ticked"

    def answer(self, known: Known) -> Any:
        return gather(self, known) if self.ticked else None

    def inner(self) -> Iterator[Question]:
        return within(self) if self.ticked else iter(())


class Grid12(Composite):
    """Three links × four questions; `spec.choices` are the cells, row by row."""

    def parts(self) -> list[tuple[str, Any]]:
        return [
            (code.code, Cell(spec.Field(name=code.code, kind=Kind.GRID12, label=code.label,
                                        help=code.help, fields=self.spec.fields)))
            for code in self.spec.choices
        ]  # fmt: skip

    @property
    def columns(self) -> list[str]:
        """The four questions, from the cells' labels (5 医疗保健·态度)."""
        return [_parts_of(code)[1] for code in self.spec.choices[:4]]

    @property
    def lines(self) -> list[tuple[str, list[Question]]]:
        """The three links, each with its four cells."""
        cells = list(self)
        firsts = range(0, len(cells), 4)
        return [(_parts_of(self.spec.choices[at])[0], cells[at : at + 4]) for at in firsts]


def _parts_of(cell: Choice) -> tuple[str, str]:
    link, _, question = cell.label.removeprefix(cell.code).strip().partition("·")
    return link, question


class InventoryLine(Composite):
    """One kind of record: there or not, how many pages, which files."""

    def parts(self) -> list[tuple[str, Any]]:
        return unbound(
            (
                spec.Field(name="state", kind=Kind.CHOICE, label="有无", choices=STATES),
                spec.Field(name="pages", kind=Kind.INTEGER, label="页数", unit="页"),
                spec.Field(name="files", kind=Kind.FILES, label="附件"),
            )
        )


class Inventory(Composite):
    """The records that should be there; `spec.choices` are the kinds of record."""

    def parts(self) -> list[tuple[str, Any]]:
        lines = [
            spec.Field(name=line.code, kind=Kind.INVENTORY, label=line.label, help=line.help)
            for line in self.spec.choices
        ]
        return [(line.name, InventoryLine(line)) for line in lines]


class Row(Composite):
    """One row of a group; its `spec` is the group's."""

    def answer(self, known: Known) -> Any:
        return gather(self, known)


class Rows(Question):
    """Any number of rows. What was typed is numbered from 0 without gaps (`webapp.forms.typed`)."""

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        self.process_errors: list[str] = []
        self.messages = []
        self.places: list[int] = []
        typed = None if self.spec.readonly else formdata
        known = data if isinstance(data, list) and typed is None else []
        # One row too many is enough to refuse them; no page of ours offers more, nor shows more.
        most = self.spec.max_rows + 1
        self.count = len(known) if typed is None else min(rows_in(typed, self.name), most)
        self.entries = [
            self._row(index, typed, known[index] if known else None) for index in range(self.count)
        ]
        missing = 0 if self.spec.readonly else max(self.spec.min_rows, 1) - self.count
        self.entries += [self._row(self.count + more, None, None) for more in range(missing)]

    def _row(self, index: int | str, formdata: Any, data: Any) -> Row:
        row: Row = Row(self.spec).bind(
            form=None, name=str(index), prefix=f"{self.name}.", _meta=META
        )
        row.process(formdata, row_defaults(self.spec) if data is None else data)
        return row

    @property
    def row_title(self) -> str:
        """What one row is called."""
        return self.spec.row_title or self.spec.label

    @property
    def is_flat(self) -> bool:
        """Whether a row fits on a line: few short questions that are always asked."""
        parts = self.spec.fields
        return len(parts) <= 4 and all(part.kind in SHORT and not part.when for part in parts)

    @property
    def given(self) -> dict[str, str]:
        """The text that stands in a new row from the start, by question: alone it says nothing."""
        kinds = {field.name: field.kind for field in self.spec.fields}
        defaults = row_defaults(self.spec)
        return {name: reading.shown(kinds[name], value) for name, value in defaults.items()}

    @property
    def pattern(self) -> Row:
        """A new row, with BLANK_ROW for its index."""
        return self._row(BLANK_ROW, None, None)

    def answer(self, known: Known) -> Any:
        """A row of which nothing could be read gives no answer; `places` keeps the count right."""
        rows = {place: row.answer(known) for place, row in enumerate(self.entries[: self.count])}
        self.places = [place for place, row in rows.items() if row]
        return [rows[place] for place in self.places] or None

    def inner(self) -> Iterator[Question]:
        return within(self.entries[: self.count])


SHORT = frozenset(Kind) - {
    Kind.LONG_TEXT, Kind.FILES, Kind.CHOICES, Kind.GROUP, Kind.GRID12, Kind.INVENTORY,
    Kind.CAUSE_CHAIN, Kind.SIGNATURE, Kind.REGION, Kind.NOTE,
}  # fmt: skip
CLASSES: dict[Kind, type[Question]] = {
    Kind.CHOICES: Several,
    Kind.FILES: Several,
    Kind.SIGNATURE: Signature,
    Kind.NOTE: Note,
    Kind.CAUSE_CHAIN: CauseChain,
    Kind.GRID12: Grid12,
    Kind.INVENTORY: Inventory,
    Kind.GROUP: Rows,
}


def unbound(questions: Iterable[spec.Field]) -> list[tuple[str, Any]]:
    """Names and fields as WTForms wants them before they have a place on a page."""
    return [(field.name, CLASSES.get(field.kind, Single)(field)) for field in questions]


def within(fields: Iterable[Question]) -> Iterator[Question]:
    """Every field, each followed by those inside it; hidden ones and what is in them left out."""
    for field in fields:
        if not field.hidden:
            yield field
            yield from field.inner()


def gather(fields: Iterable[Question], known: Known) -> dict[str, Any]:
    """Name → answer of the fields that are shown and answered; marks those that are not shown."""
    answers: dict[str, Any] = {}
    for field in fields:
        field.hidden = not is_shown(field.spec, answers, known)
        answer = None if field.hidden else field.answer(ChainMap(answers, dict(known)))
        if not is_empty(answer) or (isinstance(field, Cell) and answer is not None):
            answers[str(field.short_name)] = answer
    return answers


def rows_in(formdata: Any, name: str) -> int:
    """How many rows of a group were typed."""
    start = f"{name}."
    indices = {key[len(start) :].split(".", 1)[0] for key in formdata if key.startswith(start)}
    return sum(index.isdecimal() for index in indices)


def row_defaults(group: spec.Field) -> dict[str, Any]:
    """What stands in a new row from the start: answers that the form file writes out ("=code")."""
    return {
        field.name: reading.READERS[field.kind](field.default.removeprefix("="))
        for field in group.fields
        if field.default.startswith("=")
    }
