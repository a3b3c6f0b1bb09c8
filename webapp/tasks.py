"""「我的待办」 and one step at a time: look, fill in, hand in."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, and_, bindparam, literal, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from models import (
    Appointment,
    Case,
    Clock,
    Document,
    Notice,
    NoticeRecipient,
    Panel,
    Rectification,
    Role,
    Task,
    TaskState,
)
from webapp import beside, copies, dates, db, desk, drafts, forms, inbox, navigation, prefill
from webapp.access import current
from webapp.cases.documents import laid_out, parts_of
from webapp.forms import Signing, TaskForm
from webapp.paging import sliced
from webapp.register import alert_counts
from webapp.seats import undeclared
from workflows import surroundings
from workflows.actions import delegation, tasks, users
from workflows.actions import drafts as draft_actions
from workflows.anybody import for_anybody
from workflows.forms import check, load
from workflows.forms.sheet import sheet
from workflows.names import acting
from workflows.permissions import may_complete, visible_cases, visible_notices, visible_tasks
from workflows.readers import PANEL, PlainReader, Reader

bp = Blueprint("tasks", __name__, url_prefix="/tasks")


@bp.get("", endpoint="inbox")
def list_inbox() -> ResponseReturnValue:
    """What waits for me, by urgency."""
    by, now = current.appointment, current.now
    found = inbox.waiting(db.session, by)
    navigation.note_open(len(found))
    step, order = request.args.get("step", ""), request.args.get("order", "urgency")
    order = order if order in inbox.ORDERS else "urgency"
    shown = [row for row in found if step in ("", row.title)]
    page = sliced(inbox.ordered(shown, order, now), inbox.PER_PAGE)
    return render_template(
        "tasks/inbox.html",
        total=len(found),
        page=page,
        groups=inbox.grouped(db.session, by, shown, page.rows, now),
        steps=inbox.steps(found),
        orders=[(code, title) for code, (title, _key) in inbox.ORDERS.items()],
        step=step,
        order=order,
        risks=alert_counts() if current.may("register:keep") else [],
    )


def signing() -> Signing:
    """Who would sign a form now, and how the password is verified."""
    user = current.user
    return Signing(
        user.id,
        acting(current.appointment),
        current.now,
        lambda typed: users.verify_password(user, typed),
    )


@bp.get("/<int:task_id>")
def show(task_id: int) -> ResponseReturnValue:
    """An open step with its form; a finished one with what was handed in."""
    task = _visible(task_id)
    if task.state is not TaskState.OPEN:
        return _finished(task)
    if (seat := undeclared(task)) is not None:
        return redirect(url_for("seats.declaration", panel_id=seat.panel_id), 303)
    return _page(task, _form(task)) if _hands_in(task) else _held(task)


@bp.post("/<int:task_id>")
def complete(task_id: int) -> ResponseReturnValue:
    """Hand in a step. The same page handed in twice is answered alike."""
    task = _visible(task_id)
    if (seat := undeclared(task)) is not None:
        return redirect(url_for("seats.declaration", panel_id=seat.panel_id), 303)
    form = _form(task)
    if task.confirms and task.holder_id in current.appointment.people and not form.resumed:
        return _hand_back(task, form)
    return _overtaken(task, form) if _too_late(task, form) else _hand_in(task, form)


def _hand_in(task: Task, form: TaskForm) -> ResponseReturnValue:
    task_id, title = task.id, task.title
    if not form.parse():
        db.write_nothing()
        return _page(task, form)
    try:
        tasks.complete_task(
            db.session,
            task,
            form.answers,
            key=form.token,
            by=current.appointment,
            now=current.now,
        )
    except tasks.InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(task, form)
    except (tasks.TaskClosed, tasks.TaskHeld):
        return _overtaken(task, form)
    looked_at = remarks(form, task)
    wants_copies = task.case_id if load.base_name(task.form) == PANEL else None
    db.session.commit()  # to look at the task after this would begin another transaction
    if wants_copies is not None:
        copies.prepare(wants_copies)
    flash(f"「{title}」已提交")
    for remark in looked_at:
        flash(remark, "warning")
    return redirect(url_for("tasks.show", task_id=task_id), 303)


def _unusual(form: TaskForm, task: Task | None) -> dict[str, list[str]]:
    """What to look at again in the answers, by field path; no reason to refuse them."""
    by, now, case = current.appointment, current.now, task.case if task else None
    around = surroundings.known(db.session, case, task, by=by, now=now)
    found = check.warnings(form.spec, form.answers, now=now, known=around)
    if task is not None and (said := beside.unheeded(task, form.answers)):
        found.setdefault("members", []).append(said)
    return found


def remarks(form: TaskForm, task: Task | None) -> list[str]:
    """Handed in, and yet something is unusual: what to say, with the question it is about."""
    titles = {field.name: field.label for field in form.spec.fields()}
    found = []
    for path, messages in _unusual(form, task).items():
        title = titles.get(path.split(".", 1)[0], "")
        found += [f"请留意 {title}：{each}" if title else f"请留意：{each}" for each in messages]
    return found


def _visible(task_id: int) -> Task:
    found = db.session.execute(*_step(current.appointment, key=task_id)).unique().one_or_none()
    if found is None:
        abort(404)
    task: Task = found.Task
    return task


@for_anybody
def _step(by: Appointment) -> Select[Task, Rectification | None]:
    """With the ledger item it is about, so that nobody asks for that again."""
    return (
        visible_tasks(by)
        .outerjoin(Rectification, Rectification.id == Task.rectification_id)
        .add_columns(Rectification)
        .where(Task.id == bindparam("key"))
        .options(
            joinedload(Task.case).options(joinedload(Case.person), joinedload(Case.organisation)),
            joinedload(Task.clock),  # of the rest most steps have nothing
            joinedload(Rectification.presses),
        )
    )


def _hands_in(task: Task) -> bool:
    """Whether this person fills the form in now, to hand it in or to hand it back."""
    return task.holder_id in (None, *current.appointment.people)


def _held(task: Task) -> ResponseReturnValue:
    """A colleague has the step in hand: who, since when, and what may be done about it."""
    return render_template("tasks/held.html", standing=desk.standing(task), **_about(task))


def _hand_back(task: Task, form: TaskForm) -> ResponseReturnValue:
    """A colleague's work goes back to its owner as typed, finished or not."""
    by, now = current.appointment, current.now
    try:
        draft_actions.save_draft(db.session, form.place, form.typed, 100, by=by, now=now)
        delegation.hand_back(db.session, task, by=by, now=now)
    except (tasks.TaskClosed, tasks.TaskHeld):
        db.write_nothing()
        return _overtaken(task, form)
    db.session.commit()
    flash("已交回，填写的内容一并转去。")
    return redirect(url_for("tasks.inbox"), 303)


def _form(task: Task) -> TaskForm:
    spec, by = load.load(task.form), current.appointment
    if spec.depends:
        around = surroundings.known(db.session, task.case, task, by=by, now=current.now)
        spec = spec.asked_in(around.case)
    values = tasks.prefill(db.session, task, by=by, now=current.now)
    values |= beside.proposed_members(task)
    place = f"task:{task.id}"
    return forms.build(spec)(
        prefill.starting_answers(db.session, spec, task, values),
        place=place,
        draft=drafts.find(place),
        signing=signing(),
    )


def _page(task: Task, form: TaskForm) -> ResponseReturnValue:
    if task.state is not TaskState.OPEN:  # it moved on while the form was being filled in
        return _overtaken(task, form)
    about = _about(task)
    read = beside.links(task, opens=about["opens"])
    if form.posted or form.draft:
        form.show_warnings(_unusual(form, task))
    material = beside.material(task) if about["opens"] or task.duty is not None else None
    page = render_template(
        "tasks/show.html",
        form=form,
        beside=read,
        material=material,
        standing=desk.standing(task),
        stands_still=tasks.stands_still(task),
        **about,
    )
    return page, form.status


def _about(task: Task) -> dict[str, Any]:
    """What every page of a step says above. `opens`: whether one may also open the case."""
    opens = False
    if task.case is not None:
        dates.tell_by(task.case)
        case = visible_cases(current.appointment).where(Case.id == task.case_id)
        opens = db.session.scalar(case) is not None
    return {"task": task, "case": task.case, "duty": task.duty, "opens": opens}


def _reader(task: Task) -> Reader | PlainReader:
    """Who reads what of the step's sheets: nothing is hidden in those of a periodic duty."""
    if task.case is None:
        return PlainReader(db.session)
    return Reader(db.session, task.case, current.appointment)


def _too_late(task: Task, form: TaskForm) -> bool:
    """Whether the step is over, and not by this very page, handed in before: then nothing of it
    needs to be judged."""
    if task.state is TaskState.OPEN:
        return False
    return tasks.handed_in(db.session, current.appointment, form.token) is None


def _overtaken(task: Task, form: TaskForm) -> ResponseReturnValue:
    """Somebody else was quicker, or the case went on: what was typed is shown, not thrown away."""
    db.let_go()
    reader = _reader(task)
    page = render_template(
        "tasks/overtaken.html",
        **_about(task),
        who=reader.person(task.done_by),
        holder=reader.person(task.holder),
        too_late=_opened_without(task),
        parts=laid_out(sheet(form.spec, form.answers, reader.names())),
    )
    return page, 409


def _finished(task: Task) -> ResponseReturnValue:
    reader = _reader(task)
    document = db.session.scalars(select(Document).where(Document.task_id == task.id)).one_or_none()
    return render_template(
        "tasks/done.html",
        **_about(task),
        document=document,
        reader=reader,
        parts=parts_of(document, reader) if document else [],
        recalled=_recalled(task) if document is None else None,
        too_late=document is None and _opened_without(task),
        following=[(step, may_complete(current.appointment, step)) for step in _following(task)],
    )


def _opened_without(task: Task) -> bool:
    """Whether the chair opened the opinions before this one was in."""
    if load.base_name(task.form) != "opinion":
        return False
    query = select(Panel.id).where(
        Panel.case_id == task.case_id, Panel.level == task.level, Panel.opened_reason.is_not(None)
    )
    return db.session.scalar(query.limit(1)) is not None


def _recalled(task: Task) -> Notice | None:
    """The notice that a cancelled step was to sign for or to answer, if it was taken back."""
    answered = select(NoticeRecipient.notice_id).where(
        NoticeRecipient.reply_duty_id == task.duty_id, NoticeRecipient.reply_duty_id.is_not(None)
    )
    signed = and_(
        Notice.case_id == task.case_id,
        Notice.duty_id == task.duty_id,
        literal(load.base_name(task.form) == "notice_receipt"),
    )
    found = db.session.scalars(
        visible_notices(current.appointment)
        .where(or_(Notice.id.in_(answered), signed))
        .order_by(Notice.id.desc())
    ).first()
    return found if found is not None and found.recalled_by is not None else None


def _following(task: Task) -> list[Task]:
    """Steps now open in the case, one for each kind and unit; an expert sees only his own.

    Opinions are counted nowhere: who has filed and who has not is nobody's business.
    """
    query = select(Task).where(
        Task.case_id == task.case_id,
        Task.duty_id == task.duty_id,
        Task.state == TaskState.OPEN,
    )
    if current.appointment.role in (Role.EXPERT, Role.SECRETARY):
        query = query.where(Task.user_id == current.user.id)
    found = db.session.scalars(
        query.outerjoin(Task.clock)
        .options(joinedload(Task.organisation), contains_eager(Task.clock))
        .order_by(Clock.due_at.is_(None), Clock.due_at, Task.id)
    )
    return list({(step.bpmn_id, step.organisation_id): step for step in found}.values())
