"""本单位待办: who of a desk has which step in hand, and the acts that change it.

Taking on and putting back, asking a colleague, giving to another; and the list of the whole unit,
from which whoever leads a desk gives out many at once. Knows no form of a step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from models import Appointment, Case, Clock, Duty, Priority, Task, User
from webapp import db, labels
from webapp.access import current
from webapp.errors import page as error_page
from webapp.paging import paged
from workflows.actions import claims, delegation, ranking
from workflows.actions.tasks import InvalidAnswers, TaskClosed, TaskHeld
from workflows.desks import desk_tasks, led_lanes, on_duty
from workflows.permissions import (
    LANES,
    is_addressed,
    may_complete,
    visible_cases,
)

bp = Blueprint("desk", __name__, url_prefix="/desk")

PAGE = 50
LONGEST = 1000  # characters read of what is typed; the action says what is too long
CLOSED = "这一步已经办完或取消，不用再分派。"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who has a step in hand, and what the person who looks may do about it."""

    mine: bool  # in the hands of who looks
    free: bool  # nobody has it
    lent: bool  # out to a colleague
    owned: bool  # by who looks, and out to a colleague
    completes: bool
    shared: bool  # at a desk of who looks
    leads: bool


def standing(task: Task) -> Standing:
    """Of one step, for the person who asks. One query, for those who lead a desk."""
    by = current.appointment
    return Standing(
        mine=task.holder_id in by.people,
        free=task.holder_id is None,
        lent=task.owner_id is not None,
        owned=task.owner_id in by.people,
        completes=may_complete(by, task),
        shared=task.user_id is None and is_addressed(by, task),
        leads=claims.leads(db.session, task, by, current.now),
    )


# The list


@bp.get("")
def index() -> ResponseReturnValue:
    """All open steps of the desks one sits at or leads, by limit."""
    if not current.may("desk:view"):
        abort(404)
    return _list()


@bp.post("")
def distribute() -> ResponseReturnValue:
    """Give the chosen steps to one person, or back to the desk."""
    if not current.may("task:distribute"):
        abort(404)
    by, now, said = current.appointment, current.now, request.form
    led = led_lanes(db.session, by, now)
    chosen = [int(key) for key in said.getlist("task") if key.isascii() and key.isdigit()]
    query = desk_tasks(by, led).where(Task.lane.in_(led), Task.id.in_(chosen[: PAGE * 4]))
    tasks = db.session.scalars(query.options(joinedload(Task.case))).all()
    if not tasks:
        return _list({"task": ["勾选要分派的待办"]})
    try:
        given, passed = claims.reassign_all(
            db.session,
            tasks,
            said.get("user", type=int),
            said.get("reason", "")[:LONGEST],
            by=by,
            now=now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _list(wrong.errors)
    db.session.commit()
    left_out = f"；{passed} 项已办完，或所选的同事不能办，没有改动" if passed else ""
    flash(f"已分派 {given} 项{left_out}", "warning" if passed else "message")
    return redirect(url_for("desk.index", who=request.args.get("who")), 303)


def _list(errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    by, now = current.appointment, current.now
    led = led_lanes(db.session, by, now)
    who = request.args.get("who", "")
    query = _whose(desk_tasks(by, led), who)
    found = paged(
        db.session,
        query.outerjoin(Task.clock)
        .options(
            joinedload(Task.clock),
            joinedload(Task.holder),
            joinedload(Task.owner),
            joinedload(Task.case).options(joinedload(Case.person), joinedload(Case.organisation)),
            joinedload(Task.duty).joinedload(Duty.organisation),
        )
        .order_by(Clock.due_at.is_(None), Clock.due_at, Task.id),
        PAGE,
    )
    ids = {task.case_id for task in found.rows} - {None}
    opens = visible_cases(by).with_only_columns(Case.id).where(Case.id.in_(ids))
    page = render_template(
        "desk/index.html",
        page=found,
        led=led,
        lanes=LANES,
        opens=set(db.session.scalars(opens)),
        people=_people(led),
        who=who,
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200


def _whose(query: Select[Task], who: str) -> Select[Task]:
    if who == "none":
        return query.where(Task.holder_id.is_(None))
    if who.isascii() and who.isdigit():
        key = int(who) % 2**31
        return query.where(or_(Task.holder_id == key, Task.owner_id == key))
    return query


def _people(led: frozenset[str]) -> Sequence[Appointment]:
    """Those of the unit who sit at any of these desks or one's own, one line each, and whoever
    still has a step in hand and has left."""
    roles = {role for code in led for role in LANES[code].roles} | {current.appointment.role}
    query = on_duty(current.appointment.organisation_id, current.now)
    held = db.session.scalars(
        query.where(Appointment.role.in_(roles)).options(joinedload(Appointment.user))
    )
    found = {each.user_id: each for each in held}
    return sorted(found.values(), key=lambda each: (each.user.name, each.user_id))


# One step


@bp.get("/<int:task_id>")
def show(task_id: int) -> ResponseReturnValue:
    """Whom to ask, whom to give it to."""
    return _hand_over(_task(task_id))


@bp.post("/<int:task_id>/claim")
def claim(task_id: int) -> ResponseReturnValue:
    return _act(task_id, claims.claim, "已认领，同事会看到由谁在办。")


@bp.post("/<int:task_id>/release")
def release(task_id: int) -> ResponseReturnValue:
    return _act(task_id, claims.release, "已放回，岗位上的同事都可以办理。")


@bp.post("/<int:task_id>/return")
def hand_back(task_id: int) -> ResponseReturnValue:
    return _act(task_id, delegation.hand_back, "已交回，填写的内容一并转去。")


@bp.post("/<int:task_id>/recall")
def recall(task_id: int) -> ResponseReturnValue:
    return _act(task_id, delegation.recall, "已收回，同事填写的内容一并转来。")


@bp.post("/<int:task_id>/delegate")
def delegate(task_id: int) -> ResponseReturnValue:
    task, said = _task(task_id), request.form
    try:
        delegation.delegate(
            db.session,
            task,
            said.get("delegate", type=int),
            said.get("note", "")[:LONGEST],
            confirms=said.get("confirms", "yes") == "yes",
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _hand_over(_task(task_id), wrong.errors)
    except (TaskHeld, TaskClosed) as refused:
        return _refused(task_id, refused)
    db.session.commit()
    flash("已委托，办完会有通知。")
    return redirect(url_for("tasks.show", task_id=task_id), 303)


@bp.post("/<int:task_id>/reassign")
def reassign(task_id: int) -> ResponseReturnValue:
    task, said = _task(task_id), request.form
    try:
        claims.reassign(
            db.session,
            task,
            said.get("user", type=int),
            said.get("reason", "")[:LONGEST],
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _hand_over(_task(task_id), wrong.errors)
    except TaskClosed as refused:
        return _refused(task_id, refused)
    db.session.commit()
    flash("已改派，本人会收到通知。")
    return redirect(url_for("desk.index"), 303)


@bp.post("/<int:task_id>/rank")
def rank(task_id: int) -> ResponseReturnValue:
    task, said = _task(task_id), request.form
    chosen, day = said.get("priority", ""), said.get("follow_up_on", "")
    try:
        ranking.rank(
            db.session,
            task,
            Priority(chosen) if chosen in list(Priority) else None,
            date.fromisoformat(day) if day else None,
            by=current.appointment,
            now=current.now,
        )
    except (InvalidAnswers, ValueError) as wrong:
        db.write_nothing()
        asked = {"follow_up_on": ["填写一个日期"]}
        return _hand_over(_task(task_id), getattr(wrong, "errors", asked))
    except TaskClosed as refused:
        return _refused(task_id, refused)
    db.session.commit()
    flash("已改。各项时限不变。")
    return redirect(url_for("desk.show", task_id=task_id), 303)


def _act(task_id: int, verb: Callable[..., None], words: str) -> ResponseReturnValue:
    try:
        verb(db.session, _task(task_id), by=current.appointment, now=current.now)
    except (TaskHeld, TaskClosed) as refused:
        return _refused(task_id, refused)
    db.session.commit()
    flash(words)
    return redirect(url_for("tasks.show", task_id=task_id), 303)


def _refused(task_id: int, refused: Exception) -> ResponseReturnValue:
    """Somebody was quicker: say who."""
    db.write_nothing()
    if isinstance(refused, TaskClosed):
        return error_page(409, CLOSED)
    name = db.session.scalar(
        select(User.name).join(Task, Task.holder_id == User.id).where(Task.id == task_id)
    )
    what = f"这一步已由{name}在办。" if name else "这一步已放回岗位。"
    return error_page(409, f"{what}回到本单位待办看最新的情况，要换人由负责人改派。")


def _task(task_id: int) -> Task:
    """A step of a desk one sits at or leads; 404 for any other."""
    if not current.may_act:
        abort(404)
    led = led_lanes(db.session, current.appointment, current.now)
    return db.one_or_404(
        desk_tasks(current.appointment, led)
        .where(Task.id == task_id)
        .options(
            joinedload(Task.case).options(joinedload(Case.person), joinedload(Case.organisation)),
            joinedload(Task.duty).joinedload(Duty.organisation),
            joinedload(Task.clock),
            joinedload(Task.holder),
            joinedload(Task.owner),
        )
    )


def _hand_over(task: Task, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    case = visible_cases(current.appointment).where(Case.id == task.case_id)
    stands = standing(task)
    page = render_template(
        "desk/show.html",
        task=task,
        case=task.case,
        opens=db.session.scalar(case) is not None,
        standing=stands,
        priorities=labels.choices(Priority),
        people=claims.people(db.session, task, current.now),
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200
