"""A declared form as a WTForms class, for one request: filled in, parsed, and told what is wrong.

Knows the request (through Flask-WTF) and the format of forms; knows no case, no database.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField
from wtforms.form import BaseForm

from webapp import kept
from webapp.forms.fields import META, Question, Rows, Signature, gather, unbound, within
from webapp.forms.reading import CHINA
from webapp.forms.sources import source_of
from webapp.forms.typed import OURS, Pairs, compact, worth_keeping
from workflows.forms import check, load
from workflows.forms.answers import is_empty, tidy
from workflows.forms.spec import Answers, Form

NOT_SIGNED = "密码不正确，签名没有完成，重新输入登录密码"
SIGN_AGAIN = "改好其他内容后，重新输入登录密码"


@dataclass(frozen=True)
class Signing:
    """Who would sign, when, and how the password is verified. `at` is aware."""

    user: int
    name: str
    at: datetime
    verify: Callable[[str], bool]


@dataclass(frozen=True)
class Fault:
    """One line of the error summary: the id to jump to and what to do."""

    target: str
    message: str


@dataclass(frozen=True)
class Kept:
    """A draft found for the form: what had been typed, and when it was saved."""

    typed: Pairs
    saved_at: datetime


@dataclass(frozen=True)
class BoundSection:
    """A section with its questions as fields. `number` counts over the whole page, from 1."""

    number: int
    title: str
    help: str
    fields: list[Question]


@dataclass(frozen=True)
class Part:
    """The sections of one sheet; the title is empty for a form of one sheet."""

    title: str
    sections: list[BoundSection]


class TaskForm(FlaskForm):
    """The form of one step on one page. Make subclasses with `build`.

        form = forms.build(spec)(prefill, place=f"task:{task.id}", draft=…, signing=…)
        if form.parse():
            try: …complete_task(…, form.answers, key=form.token)…
            except InvalidAnswers as invalid: form.show_errors(invalid.errors)
        return render_template("….html", form=form), form.status

    `place` names the draft and is empty where nothing is kept.
    """

    spec: Form

    class Meta:
        locales = ("zh",)

    key = HiddenField()

    def __init__(
        self,
        prefill: Answers | None = None,
        *,
        place: str = "",
        draft: Kept | None = None,
        signing: Signing | None = None,
    ) -> None:
        super().__init__()
        self.place = place
        self.signing = signing
        self.prefill = prefill or {}
        self.general: list[str] = []  # messages about the form as a whole
        self.key.data = _token(self.key.data)
        self.posted = bool(request) and request.method == "POST"
        self.draft = None if self.posted else draft
        pairs = self._pairs()
        self.typed: Pairs = worth_keeping(pairs)
        self.questions = BaseForm(unbound(self.spec.fields()), meta=META)
        formdata = MultiDict(pairs) if self.posted or self.draft else None
        self.questions.process(formdata, data=self.prefill)
        for field in self.questions:
            field.source = source_of(field.spec) if self._is_prefilled(field) else ""
        gather(self.questions, {})  # which are not asked, given the other answers

    def _pairs(self) -> Pairs:
        if self.posted:
            return compact(self.spec, request.form.items(multi=True))
        return compact(self.spec, self.draft.typed) if self.draft else []

    def _is_prefilled(self, field: Question) -> bool:
        given = self.prefill.get(str(field.short_name))
        return bool(field.spec.default) and not is_empty(given) and field.answer({}) == given

    # ---- what came in ----

    @property
    def resumed(self) -> bool:
        """What was typed comes back after a lost sign-in or a conflict: show it, do not act."""
        return self.posted and kept.is_resumed()

    def parse(self) -> bool:
        """Whether this is a submission of which everything typed could be read.

        Otherwise the form is to be shown again; what could not be read says how to write it, and
        the rest is judged as far as that is possible without knowing the case.
        """
        if not self.posted or self.resumed:
            self._forget_errors()
            return False
        if not self.validate():
            self.general += [text for texts in self.errors.values() for text in texts]
            return False
        self._sign()
        if any(field.process_errors for field in self._shown()):
            now = self.signing.at if self.signing else datetime.now(CHINA)
            self.show_errors(check.check(self.spec, self.answers, now=now))
            return False
        return True

    def _forget_errors(self) -> None:
        for field in within(self.questions):
            field.messages = []

    def _sign(self) -> None:
        for field in self._shown():
            if not isinstance(field, Signature) or not field.password or self.signing is None:
                continue
            if self.signing.verify(field.password):
                at = self.signing.at.astimezone(CHINA).isoformat(timespec="minutes")
                field.data = {"user": self.signing.user, "name": self.signing.name, "at": at}
            else:
                field.refuse(NOT_SIGNED)
            field.password = ""

    def _shown(self) -> list[Question]:
        gather(self.questions, {})
        return list(within(self.questions))

    @property
    def answers(self) -> Answers:
        """What was answered, in the JSON shapes of `spec.Kind`; what is not asked is left out."""
        return tidy(self.spec, gather(self.questions, {}))

    @property
    def token(self) -> str:
        """The idempotency key of this page: the same for every time it is handed in."""
        return str(self.key.data)

    # ---- what is said of it ----

    def show_errors(self, errors: Mapping[str, str | Iterable[str]]) -> None:
        """Put messages to the fields that they name by path; what names none heads the form."""
        gather(self.questions, {})
        by_path = self._by_path()
        for path, messages in errors.items():
            lines = [messages] if isinstance(messages, str) else list(messages)
            field = _nearest(by_path, path)
            if field is None:
                self.general += lines
            elif not field.process_errors:
                field.messages += [line for line in lines if line not in field.messages]
        self._ask_to_sign_again()

    def show_warnings(self, warnings: Mapping[str, Iterable[str]]) -> None:
        """Put remarks to fields: to be looked at, no reason to refuse."""
        by_path = self._by_path()
        for path, messages in warnings.items():
            if field := _nearest(by_path, path):
                field.warnings += messages

    def _ask_to_sign_again(self) -> None:
        for field in self.questions:
            if isinstance(field, Signature) and field.data:
                field.warnings = [SIGN_AGAIN]

    def _by_path(self) -> dict[str, Question]:
        """Fields by the path by which `check` calls them: it does not count unreadable rows."""
        found: dict[str, Question] = {}
        for field in within(self.questions):
            found[str(field.name)] = field
        for group in [field for field in self.questions if isinstance(field, Rows)]:
            _recount(group, found)
        return found

    @property
    def faults(self) -> list[Fault]:
        """Everything wrong, in the order of the page."""
        found = [Fault("", message) for message in self.general]
        rows = self._row_titles()
        for field in within(self.questions):
            row = rows.get(str(field.name), "")
            found += [Fault(field.target, f"{row}{message}") for message in field.messages]
        return found

    def _row_titles(self) -> dict[str, str]:
        """For each question inside a row: which row it is in, for messages far away from it."""
        return {
            str(field.name): f"{group.row_title} {number}："
            for group in self.questions
            if isinstance(group, Rows)
            for number, row in enumerate(group.entries, start=1)
            for field in row.inner()
        }

    @property
    def status(self) -> int:
        """422 when something is wrong, else 200."""
        return 422 if self.faults else 200

    # ---- for the page ----

    def __getitem__(self, name: str) -> Any:
        return self._fields[name] if name in self._fields else self.questions[name]

    def __contains__(self, name: str) -> bool:
        return name in self._fields or name in self.questions

    @cached_property
    def parts(self) -> list[Part]:
        """The form as it stands on the page: sheets, their sections, their questions."""
        parts: list[Part] = []
        names: list[str] = []
        for number, section in enumerate(self.spec.sections, start=1):
            if not names or names[-1] != section.part:
                names.append(section.part)
                parts.append(Part(self._part_title(section.part), []))
            fields = [self.questions[field.name] for field in section.fields]
            if _is_about_nothing(fields):
                continue
            parts[-1].sections.append(BoundSection(number, section.title, section.help, fields))
        return parts

    def _part_title(self, part: str) -> str:
        if part:
            return load.load(part).title
        return self.spec.title if self.spec.parts else ""


def build(form: Form) -> type[TaskForm]:
    """The class for a form. ValueError when a question is called like a field of the page."""
    if taken := OURS & {field.name for field in form.fields()}:
        raise ValueError(f"{form.name}: no question may be called {', '.join(sorted(taken))}")
    return type("TaskForm", (TaskForm,), {"spec": form})


def _is_about_nothing(fields: list[Question]) -> bool:
    """A section that asks about what comes filled in, where nothing came."""
    if not fields[0].spec.readonly:
        return False
    return not any(each.spec.required or each.data or each.messages for each in fields)


def _token(typed: str | None) -> str:
    try:
        return str(uuid.UUID(typed))
    except (TypeError, ValueError):
        return str(uuid.uuid4())


def _nearest(by_path: Mapping[str, Question], path: str) -> Question | None:
    """The field of that path, or the nearest one around it."""
    while path and path not in by_path:
        path = path.rpartition(".")[0]
    return by_path.get(path)


def _recount(group: Rows, found: dict[str, Question]) -> None:
    if group.places == list(range(group.count)):
        return
    rows = {place: group.entries[place] for place in range(group.count)}
    for path in [path for path in found if path.startswith(f"{group.name}.")]:
        del found[path]
    for index, place in enumerate(group.places):
        prefix = f"{group.name}.{index}"
        found[prefix] = rows[place]
        for field in rows[place].inner():
            found[prefix + str(field.name).removeprefix(str(rows[place].name))] = field
