"""暂停、退回、略过: what is done to the course of one case, by whoever may; each with a reason."""

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Case, Task
from webapp import db
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.cases.page import CONTROLS, ENDED, seen
from webapp.errors import page as error_page
from workflows.actions import control as actions
from workflows.actions.tasks import InvalidAnswers, TaskClosed

LONGEST = 2000  # characters read of what is typed; the action says what is too long
MOVED_ON = "病例已经办到别处，或别人先做了这一步。回到病例看最新的情况。"


@bp.get("/<int:case_id>/control")
def control(case_id: int) -> ResponseReturnValue:
    return _page(_case(case_id))


@bp.post("/<int:case_id>/suspend")
def suspend(case_id: int) -> ResponseReturnValue:
    case = _case(case_id)
    return _done(
        case,
        "suspend",
        lambda: actions.suspend(
            db.session, case, _reason(), by=current.appointment, now=current.now
        ),
        "已暂停办理，各项时限照常计算。",
    )


@bp.post("/<int:case_id>/resume")
def resume(case_id: int) -> ResponseReturnValue:
    case = _case(case_id)
    return _done(
        case,
        "resume",
        lambda: actions.resume(db.session, case, by=current.appointment, now=current.now),
        "已恢复办理，从停下的地方接着办。",
    )


@bp.post("/<int:case_id>/rewind")
def rewind(case_id: int) -> ResponseReturnValue:
    case = _case(case_id)
    key, _, target = request.form.get("way", "").partition(":")
    if not (key.isascii() and key.isdigit() and target):
        return _page(case, {"way": ["选择退回到哪一步"]})
    task = _task(case, int(key))
    return _done(
        case,
        "rewind",
        lambda: actions.rewind(
            db.session, task, target, _reason(), by=current.appointment, now=current.now
        ),
        "已退回。前面提交的文书保留，各项时限不变。",
    )


@bp.post("/<int:case_id>/steps/<int:task_id>/skip")
def ask_skip(case_id: int, task_id: int) -> ResponseReturnValue:
    case = _case(case_id)
    task = _task(case, task_id)
    return _done(
        case,
        f"skip-{task_id}",
        lambda: actions.ask_skip(
            db.session, task, _reason(), by=current.appointment, now=current.now
        ),
        "已申请，由本单位主管负责人决定。",
    )


@bp.post("/<int:case_id>/steps/<int:task_id>/skip/decision")
def decide_skip(case_id: int, task_id: int) -> ResponseReturnValue:
    case = _case(case_id)
    task, decision = _task(case, task_id), request.form.get("decision", "")
    if decision not in ("confirm", "refuse"):
        abort(400)
    return _done(
        case,
        f"skip-{task_id}",
        lambda: actions.decide_skip(
            db.session, task, decision == "confirm", by=current.appointment, now=current.now
        ),
        "已略过，记录在案。" if decision == "confirm" else "未同意略过，这一步照常办理。",
    )


def _done(case: Case, what: str, act: Callable[[], None], words: str) -> ResponseReturnValue:
    case_id = case.id
    try:
        act()
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _page(_case(case_id), {what: wrong.errors["reason"]})
    except (actions.NotPossible, TaskClosed):
        return error_page(409, MOVED_ON)
    db.session.commit()
    flash(words)
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _case(case_id: int) -> Case:
    if not any(current.may(name) for name in CONTROLS):
        abort(404)
    return seen(case_id)


def _task(case: Case, task_id: int) -> Task:
    query = select(Task).where(Task.id == task_id, Task.case_id == case.id)
    return db.one_or_404(query.options(joinedload(Task.case)))


def _concerned(task: Task) -> bool:
    """Who may ask sees the step; who decides, once it was asked for."""
    if current.may("task:skip"):
        return True
    return current.may("task:confirm_skip") and task.skip_asked_by_id is not None


def _reason() -> str:
    return request.form.get("reason", "")[:LONGEST]


def _page(case: Case, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    if case.state in ENDED:
        return error_page(409, "病例已归档或已作废。")
    by = current.appointment
    page = render_template(
        "cases/control.html",
        case=case,
        ways=actions.ways_back(db.session, case, by) if current.may("case:rewind") else [],
        skippable=[task for task in actions.skippable(db.session, case) if _concerned(task)],
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200
