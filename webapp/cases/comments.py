"""留言与关注: what people say of a case beside the forms, to whom they choose; following it."""

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models import Audience, Comment, Task, TaskState
from webapp import db, labels
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.cases.page import CasePage, open_page, render, seen
from workflows import happenings
from workflows.actions import comments as actions
from workflows.actions import watching
from workflows.actions.tasks import InvalidAnswers
from workflows.permissions import inbox

LONGEST = 4000  # characters read of what is typed; the action says what is too long


@bp.get("/<int:case_id>/comments")
def comments(case_id: int) -> ResponseReturnValue:
    return _page(open_page(case_id, "留言"))


@bp.post("/<int:case_id>/comments")
def add_comment(case_id: int) -> ResponseReturnValue:
    case, said, by = seen(case_id), request.form, current.appointment
    audience, _, level = said.get("audience", "").partition(":")
    if audience not in list(Audience):
        db.write_nothing()
        return _page(open_page(case_id, "留言"), {"audience": ["选择给谁看"]})
    task = None
    if key := said.get("task", type=int):
        task = db.one_or_404(inbox(by).where(Task.id == key, Task.case_id == case.id))
    try:
        actions.add(
            db.session,
            case,
            said.get("text", "")[:LONGEST],
            Audience(audience),
            level,
            task=task,
            by=by,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _page(open_page(case_id, "留言"), wrong.errors)
    db.session.commit()
    flash("已留言")
    return redirect(url_for("cases.comments", case_id=case_id), 303)


@bp.post("/<int:case_id>/comments/<int:comment_id>/withdraw")
def withdraw_comment(case_id: int, comment_id: int) -> ResponseReturnValue:
    case = seen(case_id)
    comment = db.one_or_404(
        select(Comment).where(
            Comment.id == comment_id,
            Comment.case_id == case.id,
            Comment.author_id == current.user.id,
        )
    )
    actions.withdraw(db.session, comment, by=current.appointment, now=current.now)
    db.session.commit()
    flash("留言已撤回，别人不再看到。")
    return redirect(url_for("cases.comments", case_id=case_id), 303)


@bp.post("/<int:case_id>/watch")
def watch(case_id: int) -> ResponseReturnValue:
    """Follow the case, or not any more."""
    case, by, now = seen(case_id), current.appointment, current.now
    if not current.may("case:watch"):
        abort(404)
    if request.form.get("watch") == "no":
        watching.unwatch(db.session, case, by=by, now=now)
        flash("已取消关注")
    else:
        watching.watch(db.session, case, by=by, now=now)
        flash("已关注，每办完一步都会有消息，只限本人能看的步骤。")
    db.session.commit()
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _page(page: CasePage, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    mine = db.session.scalars(
        inbox(current.appointment).where(
            Task.case_id == page.case.id, Task.user_id.is_(None), Task.state == TaskState.OPEN
        )
    ).all()
    body = render(
        "cases/comments.html",
        page,
        tab="cases.comments",
        comments=happenings.comments(page.reader),
        audiences=[
            (f"{audience}:{level}" if level else audience.value, _words(audience, level))
            for audience, level in happenings.audiences(page.reader)
        ],
        tasks=mine,
        errors=errors or {},
        said=request.form,
    )
    return body, 422 if errors else 200


def _words(audience: Audience, level: str) -> str:
    return f"{labels.word('level', level)}{labels.label(audience)}"
