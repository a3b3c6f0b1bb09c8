"""Hand-written forms of the administration: how they are filled in, judged and shown.

What an action refuses (InvalidAnswers) is shown like what the form itself finds. Knows no noun.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import or_, select
from wtforms import DateField, Field, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from models import Organisation, Region
from webapp import db, kept, labels
from webapp.forms import names
from workflows import regions
from workflows.actions.tasks import InvalidAnswers
from workflows.forms.spec import Kind

Code = TypeVar("Code", bound=StrEnum)
Result = TypeVar("Result")

CHOOSE = "从列表中选择一项"
DAYS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d")


class _Words:
    """What WTForms itself says, in our words."""

    SAID = {
        "Not a valid choice.": CHOOSE,
        "Invalid Choice: could not coerce.": CHOOSE,
        "Not a valid date value.": "日期写成 2026-11-21 这样",
    }

    def gettext(self, said: str) -> str:
        return self.SAID.get(said, said)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the summary: the id to jump to (empty: the form as a whole) and what to do."""

    target: str
    message: str


class AdminForm(FlaskForm):
    """Base of all forms here. `handed_in()`, then `tried(form, action)`."""

    form_errors: list[str]
    first: ClassVar[tuple[str, ...]] = ()  # names of fields shown before the others

    class Meta(FlaskForm.Meta):
        def get_translations(self, form: Any) -> _Words:
            return _Words()

    def handed_in(self) -> bool:
        """Posted to be acted on, and sound by itself. What came back after a lost sign-in waits."""
        return request.method == "POST" and not kept.is_resumed() and bool(self.validate())

    def show_errors(self, errors: Mapping[str, list[str]]) -> None:
        """What an action refused, beside the fields it is about."""
        for name, messages in errors.items():
            if name in self._fields:
                self._fields[name].errors = [*self._fields[name].errors, *messages]
            else:
                self.form_errors = [*self.form_errors, *messages]

    @property
    def faults(self) -> list[Fault]:
        """For the summary on top, in the order of the page."""
        of_form = [Fault("", message) for message in self.form_errors]
        return of_form + [
            Fault(field.id, message) for field in self.asked for message in field.errors
        ]

    @property
    def status(self) -> int:
        return 422 if self.faults else 200

    @property
    def asked(self) -> list[Field]:
        """The fields to be shown, in order."""
        fields = [field for field in self if field.type not in ("CSRFTokenField", "HiddenField")]
        return sorted(fields, key=lambda field: field.short_name not in self.first)

    @property
    def carried(self) -> list[Field]:
        """The hidden fields of our own; the token against forgery stands in the template."""
        return [field for field in self if field.type == "HiddenField"]


def tried(form: AdminForm, act: Callable[[], Result]) -> Result | None:
    """What the action gives, or None when it refuses: then the form says why, nothing changed."""
    try:
        return act()
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return None


def form_page(
    title: str,
    form: AdminForm,
    submit: str,
    back: str,
    lead: str = "",
    *,
    also: tuple[str, str] | None = None,
) -> ResponseReturnValue:
    """The page that every form here has: one form, one button, and the way back.

    `also`: name and words of a second button that does the same in another way.
    """
    page = render_template(
        "admin/form.html",
        title=title,
        form=form,
        submit=submit,
        back=back,
        lead=lead,
        also=also,
    )
    return page, form.status


def _tidy(value: object) -> str | None:
    """Composed, without control characters and outer blanks; None when nothing is left."""
    composed = unicodedata.normalize("NFC", "" if value is None else str(value))
    return "".join(sign for sign in composed if sign.isprintable()).strip() or None


def _rules(required: str) -> list[Any]:
    """For what was chosen or picked: what is there but makes no sense has its own message."""
    return [InputRequired(message=required) if required else Optional()]


def line(label: str, most: int, required: str = "", note: str = "") -> StringField:
    """One line of text. `required`: what to say when it is missing; empty when it may be."""
    needed = DataRequired(message=required) if required else Optional()
    rules = [needed, Length(max=most, message=f"不超过 {most} 个字")]
    return StringField(label, rules, filters=[_tidy], description=note)


def day(label: str, required: str = "", note: str = "") -> DateField:
    """A date, picked or typed."""
    return DateField(label, _rules(required), format=list(DAYS), description=note)


def choice(label: str, kind: type[Code], required: str = "", note: str = "") -> SelectField:
    """One member of an enum that has labels."""
    return SelectField(
        label,
        _rules(required),
        choices=[
            SelectChoice(value, words)
            for value, words in (("", "选择" if required else "—"), *labels.choices(kind))
        ],
        coerce=lambda text: kind(text) if text else None,
        description=note,
    )


class Picker(StringField):
    """A code chosen from a list that is searched as one types; typed where there are no scripts."""

    def __init__(
        self, label: str, kind: Kind, among: tuple[StrEnum, ...], hint: str, **kwargs: Any
    ) -> None:
        super().__init__(label, filters=[_tidy], **kwargs)
        self.kind, self.among, self.hint = kind, among, hint

    @property
    def url(self) -> str:
        if self.kind is Kind.REGION:
            return url_for("lookups.areas")
        return url_for("lookups.organisations", among=[code.value for code in self.among])

    @property
    def shown(self) -> str:
        """The words for the code it holds; empty when it names nothing known."""
        return names.label(self.kind, self.data or "")


def area(label: str, required: str, note: str = "") -> Picker:
    """A region, by its code."""
    return Picker(
        label,
        Kind.REGION,
        (),
        "输入地名、拼音首字母或代码",
        validators=_rules(required),
        description=note,
    )


def unit(label: str, required: str = "", note: str = "", among: tuple[StrEnum, ...] = ()) -> Picker:
    """An organisation, by its id or its whole name."""
    return Picker(
        label,
        Kind.ORGANISATION,
        among,
        "输入单位名称或拼音首字母",
        validators=_rules(required),
        description=note,
    )


def chosen_organisation(field: Picker) -> Organisation | None:
    """By id or whole name; None, with a message beside the field, when there is none."""
    text = field.data or ""
    query = select(Organisation)
    if text.isdecimal():
        query = query.where(Organisation.id == int(text[:9]))
    else:
        query = query.where(or_(Organisation.name == text, Organisation.short_name == text))
    found = db.session.scalars(query.order_by(Organisation.id).limit(1)).one_or_none()
    if found is None:
        field.errors = [*field.errors, f"没有找到这个机构，{CHOOSE}"]
    return found


def chosen_region(field: Picker) -> Region | None:
    """By code or unmistakable name; None, with a message beside the field, when there is none."""
    text = field.data or ""
    found = regions.get(db.session, text)
    if found is None:
        among = regions.search(db.session, text, 2)
        found = among[0] if len(among) == 1 else None
    if found is None:
        field.errors = [*field.errors, f"没有找到这个地区，{CHOOSE}"]
    return found
