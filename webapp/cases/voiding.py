"""What is done to a case as a whole: voiding one opened by mistake, and discussing anew.

Each act has its own page that says beforehand what will happen and to whom it will be shown.
"""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import Case, CaseState
from webapp import db
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.cases.page import ENDED, seen
from webapp.errors import page as error_page
from workflows.actions import cases as actions
from workflows.actions.tasks import InvalidAnswers
from workflows.permissions import may

ENDED_ALREADY = "病例已归档或已作废，不能再作废。"
ASKED_ALREADY = "已经有人申请作废，等待县级妇幼保健机构核定。"
DECIDED_ALREADY = "作废申请已经有了结果，或还没有人提出申请。回到病例看最新的情况。"
RUNNING_ALREADY = "再次讨论已经在进行，到待办里填写讨论记录。"


@bp.get("/<int:case_id>/void")
def void(case_id: int) -> ResponseReturnValue:
    case = _ours(case_id, "case:request_void")
    if case.state in (*ENDED, CaseState.VOID_REQUESTED):
        return _not_voidable(case)
    return render_template("cases/void.html", case=case, errors={}, reason="")


@bp.post("/<int:case_id>/void")
def request_void(case_id: int) -> ResponseReturnValue:
    case, reason = _ours(case_id, "case:request_void"), request.form.get("reason", "")
    try:
        actions.request_void(db.session, case, reason, by=current.appointment, now=current.now)
    except InvalidAnswers as wrong:
        page = render_template("cases/void.html", case=case, errors=wrong.errors, reason=reason)
        return page, 422
    except actions.NotVoidable:
        return _not_voidable(case)
    db.session.commit()
    flash("作废申请已提交，由县级妇幼保健机构核定。核定之前，各项时限照常计算。")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@bp.get("/<int:case_id>/void/decision")
def void_decision(case_id: int) -> ResponseReturnValue:
    case = seen(case_id)
    if not may(current.appointment, "case:confirm_void"):
        abort(404)
    if case.state != CaseState.VOID_REQUESTED:
        return error_page(409, DECIDED_ALREADY)
    return render_template("cases/void_decision.html", case=case, errors={})


@bp.post("/<int:case_id>/void/decision")
def decide_void(case_id: int) -> ResponseReturnValue:
    case, decision = seen(case_id), request.form.get("decision")
    if decision not in ("confirm", "refuse"):
        errors = {"decision": ["选择作废或不同意作废"]}
        return render_template("cases/void_decision.html", case=case, errors=errors), 422
    try:
        actions.decide_void(
            db.session, case, decision == "confirm", by=current.appointment, now=current.now
        )
    except actions.NotVoidable:
        return error_page(409, DECIDED_ALREADY)
    db.session.commit()
    flash("病例已作废，全部记录保留。" if decision == "confirm" else "未同意作废，病例继续办理。")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@bp.get("/<int:case_id>/rediscuss")
def rediscuss(case_id: int) -> ResponseReturnValue:
    case = _ours(case_id, "case:rediscuss")
    if case.state in ENDED:
        return error_page(409, "病例已归档或已作废，不能再次讨论。")
    return render_template("cases/rediscuss.html", case=case)


@bp.post("/<int:case_id>/rediscuss")
def reopen_discussion(case_id: int) -> ResponseReturnValue:
    case = _ours(case_id, "case:rediscuss")
    if case.state in ENDED:
        return error_page(409, "病例已归档或已作废，不能再次讨论。")
    try:
        actions.reopen_discussion(db.session, case, by=current.appointment, now=current.now)
    except actions.AlreadyRunning:
        return error_page(409, RUNNING_ALREADY)
    db.session.commit()
    flash("已开始再次讨论，讨论记录在待办里填写。")
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _ours(case_id: int, permission: str) -> Case:
    """A case our own unit reported, for somebody who may do this to it; otherwise 404."""
    case, by = seen(case_id), current.appointment
    if not may(by, permission) or case.organisation_id != by.organisation_id:
        abort(404)
    return case


def _not_voidable(case: Case) -> ResponseReturnValue:
    asked = case.state == CaseState.VOID_REQUESTED
    return error_page(409, ASKED_ALREADY if asked else ENDED_ALREADY)
