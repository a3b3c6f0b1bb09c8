"""Signing in and out, the appointment one acts under, one's own password."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import UserSession
from webapp import access, db, kept, navigation
from webapp.access import current, public, unappointed
from workflows.actions import users

bp = Blueprint("auth", __name__)

REFUSED = "用户名或密码不正确。连续 5 次不正确，账号锁定 15 分钟。"


@bp.get("/")
@unappointed
def home() -> ResponseReturnValue:
    """Where one begins: the first page one may use."""
    return redirect(url_for(navigation.start_page()), 303)


@bp.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    if current.signed_in:
        return redirect(url_for("auth.home"), 303)
    return render_template("auth/sign_in.html", next=request.args.get("next"))


@bp.post("/sign-in")
@public
def sign_in_now() -> ResponseReturnValue:
    name, password = request.form.get("username", ""), request.form.get("password", "")
    if kept.is_resumed():  # after an outage: what it carries is still there, no password is
        return _form_again(name, error=None), 200
    address, now = request.remote_addr, current.now
    user = users.sign_in(db.session, name.strip(), password, now=now, address=address)
    if user is None:
        db.session.commit()  # the failure counts
        return _again(name)
    row, token = users.open_session(db.session, user, now=now, address=address)
    if current.signed_in:
        users.sign_out(db.session, current.session, now=now)
    db.session.commit()
    access.begin(row, token)
    return _onward(row)


def _again(name: str) -> ResponseReturnValue:
    return _form_again(name, error=REFUSED), 401


def _form_again(name: str, error: str | None) -> str:
    """With what the form carries for another page."""
    fields = kept.carried()
    return render_template(
        "auth/again.html" if fields else "auth/sign_in.html",
        username=name,
        error=error,
        next=request.form.get("next"),
        fields=fields,
        prefix=kept.PREFIX,
    )


def _onward(row: UserSession) -> ResponseReturnValue:
    asked = request.form.get("next")
    path = asked if asked and kept.is_local(asked) else url_for("auth.home")
    if fields := kept.carried():
        return kept.resume_page(path, fields)
    if row.appointment is None:
        return redirect(url_for("auth.appointments", next=path), 303)
    return redirect(path, 303)


@bp.post("/sign-out")
@unappointed
def sign_out() -> ResponseReturnValue:
    users.sign_out(db.session, current.session, now=current.now)
    db.session.commit()
    access.end()
    reply = redirect(url_for("auth.sign_in"), 303)
    reply.headers["Clear-Site-Data"] = '"cache", "storage"'
    return reply


@bp.get("/appointments")
@unappointed
def appointments() -> ResponseReturnValue:
    """For which unit and in which role one acts; to choose from when there are several."""
    return render_template(
        "auth/appointments.html", appointments=current.appointments, next=request.args.get("next")
    )


@bp.post("/appointments")
@unappointed
def choose_appointment() -> ResponseReturnValue:
    chosen = {str(held.id): held for held in current.appointments}.get(
        request.form.get("appointment", "")
    )
    if chosen is None:
        return redirect(url_for("auth.appointments"), 303)
    users.choose_appointment(current.session, chosen, now=current.now)
    db.session.commit()
    asked = request.form.get("next")
    return redirect(asked if asked and kept.is_local(asked) else url_for("auth.home"), 303)


@bp.get("/password")
@unappointed
def password() -> ResponseReturnValue:
    return render_template("auth/password.html", errors={})


@bp.post("/password")
@unappointed
def change_password() -> ResponseReturnValue:
    errors = _password_errors()
    if not errors:
        try:
            users.change_password(
                db.session,
                current.user,
                request.form["new_password"],
                keep=current.session,
                now=current.now,
            )
        except users.WeakPassword as weak:
            errors["new_password"] = str(weak)
    if errors:
        return render_template("auth/password.html", errors=errors), 422
    db.session.commit()
    flash("密码已修改，其他地方的登录已全部结束。")
    return redirect(url_for("auth.home"), 303)


def _password_errors() -> dict[str, str]:
    form = request.form
    if not users.verify_password(current.user, form.get("password", "")):
        return {"password": "现在的密码不正确"}
    if form.get("new_password", "") != form.get("new_password_again", ""):
        return {"new_password_again": "两次输入的新密码不一致"}
    return {}
