"""What a form starts with: what is known already, or what was handed in before and came back.

Turns the values that surround a step into answers of its form. Knows no request.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Document, Task
from webapp.forms.reading import READERS
from workflows.forms.spec import Answers, Field, Form, Kind


def starting_answers(
    session: Session, form: Form, task: Task, values: Mapping[str, Any]
) -> Answers:
    """Defaults, and over them the newest answers of the form named by `form.prefill`.

    What a person may not change is taken from what is known now.
    """
    known = defaults(form, values)
    before = previous(session, form, task)
    fixed = {field.name for field in form.fields() if field.readonly}
    return {**known, **{name: value for name, value in before.items() if name not in fixed}}


def defaults(form: Form, values: Mapping[str, Any]) -> Answers:
    """Answers that the form file asks to be filled in, as far as they are known."""
    found = {field.name: _value(field, values) for field in form.fields() if field.default}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _value(field: Field, values: Mapping[str, Any]) -> Any:
    if field.default.startswith("="):
        return READERS[field.kind](field.default[1:])
    value = values.get("now" if field.default == "today" else field.default)
    if field.kind is Kind.DATE and isinstance(value, str):
        return value[:10]  # the day of a moment
    return value


def previous(session: Session, form: Form, task: Task) -> Answers:
    """The newest answers of `form.prefill` at the same level, of the same ledger item."""
    if not form.prefill:
        return {}
    answers = session.scalars(
        select(Document.answers)
        .join(Task, Task.id == Document.task_id)
        .where(
            Document.case_id == task.case_id,
            Document.duty_id == task.duty_id,
            Document.form.like(f"{form.prefill}.v%"),
            Task.level == task.level,
            Task.rectification_id == task.rectification_id,
        )
        .order_by(Document.id.desc())
        .limit(1)
    ).one_or_none()
    kinds = {field.name: field.kind for field in form.fields()}
    return {
        name: value
        for name, value in (answers or {}).items()
        if name in kinds and kinds[name] is not Kind.SIGNATURE
    }
