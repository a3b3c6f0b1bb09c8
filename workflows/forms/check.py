"""Judging answers: pure, the same for the page, an import and a command.

`check` says what must be put right, `warnings` what should be looked at again. Both name the field
by its path, such as "timeline.2.at", and "" for the form as a whole. Hand in what
`workflows.forms.answers.tidy` makes of the input: an answer to a question that is not shown, or an
empty row, is refused here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from workflows.forms.answers import completeness, is_empty, is_shown, routed, tidy
from workflows.forms.checks import CHECKS, Context, Found, Known
from workflows.forms.moment import SHANGHAI, card_hour
from workflows.forms.spec import Answers, Field, Form, Kind
from workflows.forms.values import RELOAD, judge

VERBS = {
    Kind.CHOICE: "请选择",
    Kind.CHOICES: "请选择",
    Kind.BOOL: "请选择",
    Kind.REGION: "请选择",
    Kind.ORGANISATION: "请选择",
    Kind.USER: "请选择",
    Kind.FILES: "请上传",
    Kind.SIGNATURE: "请输入登录密码完成",
    Kind.GROUP: "请至少填写一条",
    Kind.GRID12: "请至少勾选一格：",
}
NOBODY_KNOWS = Known()


def check(
    form: Form, answers: Mapping[str, Any], *, now: datetime, known: Known = NOBODY_KNOWS
) -> dict[str, list[str]]:
    """What must be put right before the form can be handed in; empty if nothing.

    `now` is aware. Messages are Chinese and say what to do.
    """
    form = form.asked_in(known.case)
    return _gathered(_problems(form, answers, _context(form, now, known)))


def warnings(
    form: Form, answers: Mapping[str, Any], *, now: datetime, known: Known = NOBODY_KNOWS
) -> dict[str, list[str]]:
    """What is unusual, by field path. Never a reason to refuse."""
    form = form.asked_in(known.case)
    context = _context(form, now, known)
    errors = _gathered(_alone(form.fields(), answers, answers, "", context))
    return _gathered(_crossed(form, _without(answers, errors), context, warns=True))


def _context(form: Form, now: datetime, known: Known) -> Context:
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    return Context(form, now, now.astimezone(SHANGHAI).date(), known)


def _problems(form: Form, answers: Mapping[str, Any], context: Context) -> Found:
    alone = list(_alone(form.fields(), answers, answers, "", context))
    yield from alone
    yield from _crossed(form, _without(answers, _gathered(iter(alone))), context, warns=False)


def _crossed(form: Form, answers: Answers, context: Context, *, warns: bool) -> Found:
    for name in form.checks:
        if CHECKS[name].warns is warns:
            yield from CHECKS[name].judge(answers, context)


def _alone(
    fields: Sequence[Field],
    row: Mapping[str, Any],
    answers: Mapping[str, Any],
    prefix: str,
    context: Context,
) -> Found:
    """Every answer by itself."""
    names = {field.name for field in fields}
    for key in row:
        if key not in names:
            yield prefix.rstrip("."), f"表单里没有「{str(key)[:40]}」这一项，{RELOAD}"
    for field in fields:
        yield from _one(field, row, answers, f"{prefix}{field.name}", context)


def _one(
    field: Field, row: Mapping[str, Any], answers: Mapping[str, Any], path: str, context: Context
) -> Found:
    value = row.get(field.name)
    if is_empty(value):
        if field.required and is_shown(field, row, answers):
            yield path, f"{VERBS.get(field.kind, '请填写')}{field.label}"
    elif not is_shown(field, row, answers):
        yield path, f"按现在的选择不需要填{field.label}，请清空"
    elif field.kind is Kind.GROUP:
        yield from _group(field, value, answers, path, context)
    elif field.kind is Kind.GRID12:
        yield from _grid(field, value, answers, path, context)
    else:
        yield from judge(field, value, path, context)


def _group(
    field: Field, rows: Any, answers: Mapping[str, Any], path: str, context: Context
) -> Found:
    if not isinstance(rows, list):
        yield path, f"{field.label}的格式不对，{RELOAD}"
        return
    if len(rows) < field.min_rows:
        yield path, f"{field.label}至少填 {field.min_rows} 条，现有 {len(rows)} 条"
    if len(rows) > field.max_rows:
        yield path, f"{field.label}最多 {field.max_rows} 条，现有 {len(rows)} 条"
        return
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            yield f"{path}.{place}", f"{field.label}的格式不对，{RELOAD}"
        else:
            yield from _alone(field.fields, row, answers, f"{path}.{place}.", context)


def _grid(
    field: Field, cells: Any, answers: Mapping[str, Any], path: str, context: Context
) -> Found:
    labels = {choice.code: choice.label for choice in field.choices}
    if not isinstance(cells, dict) or not all(isinstance(row, dict) for row in cells.values()):
        yield path, f"{field.label}的格式不对，{RELOAD}"
        return
    for cell, row in cells.items():
        if cell not in labels:
            yield path, f"{field.label}没有第 {str(cell)[:10]} 格，{RELOAD}"
            continue
        for where, message in _alone(field.fields, row, answers, f"{path}.{cell}.", context):
            yield where, f"{labels[cell]}：{message}"


def _gathered(found: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    by_path: dict[str, list[str]] = {}
    for path, message in found:
        by_path.setdefault(path, []).append(message)
    return by_path


def _without(answers: Mapping[str, Any], errors: Mapping[str, Any]) -> Answers:
    """The answers that are sound by themselves, for the checks that compare them."""
    sound = {key: _copied(value) for key, value in answers.items() if not is_empty(value)}
    for path in errors:
        _remove(sound, path.split("."))
    return sound


def _copied(value: Any) -> Any:
    """A copy to take things from; in rows, what is empty is as good as absent."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items() if inner not in (None, "", [])}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _remove(sound: Any, steps: list[str]) -> None:
    for step in steps[:-1]:
        sound = _inside(sound, step)
    last = steps[-1]
    if isinstance(sound, dict):
        sound.pop(last, None)
    elif isinstance(sound, list) and last.isdigit() and int(last) < len(sound):
        sound[int(last)] = {}


def _inside(sound: Any, step: str) -> Any:
    if isinstance(sound, list):
        return sound[int(step)] if step.isdigit() and int(step) < len(sound) else None
    return sound.get(step) if isinstance(sound, dict) else None


__all__ = ["Known", "card_hour", "check", "completeness", "routed", "tidy", "warnings"]
