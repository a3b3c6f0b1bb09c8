"""经验与教训: the library of every unit of the city, and how a lesson gets into it."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from models import Case, CaseKind, Lesson, LessonState, Rectification
from webapp import db, labels
from webapp.access import current
from workflows import lessons
from workflows.actions import lessons as acts
from workflows.actions.lessons import NotReady, Settled
from workflows.actions.tasks import InvalidAnswers
from workflows.icd10 import group_titles
from workflows.item_scope import visible_items
from workflows.permissions import Forbidden, visible_cases

bp = Blueprint("lessons", __name__, url_prefix="/lessons")

PAGE = 30
VIEWS = {"library": "已发布", "drafts": "待发布", "withdrawn": "已撤下"}
FIELDS = ("kind", "title", "situation", "text", "advice", "area", "scope", "problem_kind",
          "cause_group")  # fmt: skip


@bp.before_request
def require_permission() -> None:
    if not current.may("lesson:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    by, asked = current.appointment, request.args
    keeps = current.may("lesson:draft") or current.may("lesson:publish")
    view = asked.get("view", "library")
    view = view if keeps and view in VIEWS else "library"
    query = lessons.library(
        by,
        words=asked.get("words", "")[:100],
        kind=asked.get("kind", ""),
        case_kind=asked.get("case_kind", ""),
        cell=asked.get("cell", "")[:2],
        tags={name: asked.get(name, "")[:20] for name in lessons.TAGS},
    )
    if view != "library":
        state = LessonState.DRAFT if view == "drafts" else LessonState.WITHDRAWN
        query = lessons.visible(by).where(Lesson.state == state).order_by(Lesson.id.desc())
    page = max(1, asked.get("page", 1, type=int))
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = db.session.scalars(
        query.options(joinedload(Lesson.case)).offset((page - 1) * PAGE).limit(PAGE)
    ).all()
    return render_template(
        "lessons/index.html",
        rows=rows,
        total=total,
        page=page,
        pages=-(-total // PAGE),
        view=view,
        views=VIEWS if keeps else {},
        asked={key: value for key, value in asked.items() if key != "page"},
        groups=_groups(),
        kinds=dict(labels.choices(CaseKind)),
    )


def _groups() -> dict[str, str]:
    return group_titles()


@bp.get("/<int:lesson_id>")
def show(lesson_id: int) -> ResponseReturnValue:
    return _show(_lesson(lesson_id))


def _show(lesson: Lesson, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    by = current.appointment
    opens = current.may("case:identify") and bool(
        db.session.scalar(visible_cases(by).where(Case.id == lesson.case_id))
    )
    areas = lessons.areas(db.session, by)
    publishes = lesson.state is LessonState.DRAFT and lessons.may_publish(lesson, by, areas)
    ours = lesson.organisation_id == by.organisation_id and current.may("lesson:draft")
    words = lessons.words_of(lesson)
    page = render_template(
        "lessons/show.html",
        lesson=lesson,
        opens=opens,
        publishes=publishes,
        rewrites=ours and lesson.state is LessonState.DRAFT,
        withdraws=lesson.state is LessonState.PUBLISHED
        and current.may("lesson:publish")
        and lesson.organisation.region_code in areas,
        risks=lessons.risks(db.session, lesson.case, words) if publishes else [],
        groups=_groups(),
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200


def _lesson(lesson_id: int) -> Lesson:
    found: Lesson = db.one_or_404(
        lessons.visible(current.appointment)
        .where(Lesson.id == lesson_id)
        .options(joinedload(Lesson.organisation), joinedload(Lesson.case), joinedload(Lesson.item))
    )
    return found


@bp.get("/new/<int:case_id>")
def new(case_id: int) -> ResponseReturnValue:
    """A lesson from a case; `item` in the query: from one of its ledger items."""
    case = _case(case_id)
    if not lessons.is_ready(db.session, case):
        abort(404)
    return _form(case, None, {"cause_group": lessons.cause_group(db.session, case) or ""})


@bp.post("/new/<int:case_id>")
def create(case_id: int) -> ResponseReturnValue:
    case, by = _case(case_id), current.appointment
    item = _item(case)
    try:
        lesson = acts.draft(
            db.session, case, _said(), request.form.getlist("cells"), item=item, by=by,
            now=current.now,
        )  # fmt: skip
    except InvalidAnswers as bad:
        db.write_nothing()
        return _form(_case(case_id), None, _said(), bad.errors)
    except (Forbidden, NotReady):
        abort(404)
    lesson_id = lesson.id
    db.session.commit()
    flash("已起草，请另一人审看后发布。")
    return redirect(url_for("lessons.show", lesson_id=lesson_id), 303)


def _case(case_id: int) -> Case:
    if not current.may("lesson:draft"):
        abort(404)
    found: Case = db.one_or_404(visible_cases(current.appointment).where(Case.id == case_id))
    return found


def _item(case: Case) -> Rectification | None:
    key = request.values.get("item", 0, type=int)
    query = visible_items(current.appointment).where(
        Rectification.id == key, Rectification.case_id == case.id
    )
    return db.session.scalars(query).one_or_none() if key else None


def _said() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in FIELDS}


def _form(
    case: Case,
    lesson: Lesson | None,
    said: dict[str, str],
    errors: dict[str, list[str]] | None = None,
) -> ResponseReturnValue:
    findings, items = lessons.sources(db.session, case)
    typed = request.form.getlist("cells")
    cells = typed if errors else [str(cell) for cell in lesson.cell_numbers] if lesson else []
    item = _item(case)
    page = render_template(
        "lessons/form.html",
        case=case,
        lesson=lesson,
        item=item,
        findings=findings,
        items=items,
        said=said,
        cells=cells,
        groups=_groups(),
        errors=errors or {},
    )
    return page, 422 if errors else 200


@bp.get("/<int:lesson_id>/edit")
def edit(lesson_id: int) -> ResponseReturnValue:
    lesson = _draft(lesson_id)
    said = {name: str(getattr(lesson, name) or "") for name in FIELDS}
    return _form(lesson.case, lesson, said)


@bp.post("/<int:lesson_id>/edit")
def rewrite(lesson_id: int) -> ResponseReturnValue:
    lesson = _draft(lesson_id)
    cells = request.form.getlist("cells")
    try:
        acts.rewrite(db.session, lesson, _said(), cells, by=current.appointment, now=current.now)
    except InvalidAnswers as bad:
        db.write_nothing()
        lesson = _draft(lesson_id)
        return _form(lesson.case, lesson, _said(), bad.errors)
    db.session.commit()
    flash("已保存，请另一人审看后发布。")
    return redirect(url_for("lessons.show", lesson_id=lesson_id), 303)


def _draft(lesson_id: int) -> Lesson:
    lesson = _lesson(lesson_id)
    ours = lesson.organisation_id == current.appointment.organisation_id
    if not (ours and current.may("lesson:draft")) or lesson.state is not LessonState.DRAFT:
        abort(404)
    return lesson


_ACTS = {
    "publish": (acts.publish, "已发布，全市各单位可以看到。"),
    "give-back": (acts.give_back, "已退回起草人。"),
    "withdraw": (acts.withdraw, "已撤下。"),
}


@bp.post("/<int:lesson_id>/<verb>")
def act(lesson_id: int, verb: str) -> ResponseReturnValue:
    """Publish, give back, withdraw."""
    if verb not in _ACTS:
        abort(404)
    lesson, (do, words) = _lesson(lesson_id), _ACTS[verb]
    reason = request.form.get("reason", "")
    try:
        do(db.session, lesson, reason, by=current.appointment, now=current.now)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _show(_lesson(lesson_id), bad.errors)
    except Settled:
        db.write_nothing()
        flash("已经有人处理过，请看现在的状态。", "warning")
        return redirect(url_for("lessons.show", lesson_id=lesson_id), 303)
    except Forbidden:
        abort(404)
    db.session.commit()
    flash(words)
    return redirect(url_for("lessons.show", lesson_id=lesson_id), 303)
