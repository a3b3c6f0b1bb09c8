"""账号的变更: opened, corrected, disabled, unlocked; a password for one use; sessions ended.

A one-time password is worked out from the form's own random key and the server's secret: it stands
in no cookie and no address, and a form sent twice shows the same one twice.
"""

import hmac
import secrets
from collections.abc import Callable
from hashlib import sha256
from itertools import count

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Regexp

from models import Discipline, User, UserSession
from webapp import db
from webapp.access import current
from webapp.admin.blueprint import PEOPLE, bp, only
from webapp.admin.forms import AdminForm, choice, form_page, line, tried
from webapp.admin.people import show
from workflows.actions import accounts, users
from workflows.actions.accounts import Particulars
from workflows.actions.tasks import InvalidAnswers

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that reads like another


class PersonForm(AdminForm):
    """What is known of a person."""

    name = line("姓名", 40, "填写姓名")
    phone = line("联系电话", 20)
    title = line("职称或职务", 30, note="如：副主任医师")
    discipline = choice("专业", Discipline, note="评审专家要有；其他人可以不填。")

    @property
    def particulars(self) -> Particulars:
        return Particulars(
            name=self.name.data,
            phone=self.phone.data,
            title=self.title.data,
            discipline=self.discipline.data,
        )


class NewPersonForm(PersonForm):
    """The same with a user name. `key` names this form; the one-time password comes from it."""

    username = StringField(
        "用户名",
        [
            DataRequired("填写用户名"),
            Regexp(f"{accounts.USERNAME.pattern}$", 0, accounts.BAD_USERNAME),
        ],
        filters=[lambda text: (text or "").strip().lower()],
        description="登录时用，以后不能改。小写字母开头，3 至 32 位，可用数字和 . _ -",
    )
    key = HiddenField(default=lambda: secrets.token_urlsafe(16))
    first = ("username",)


class PasswordForm(AdminForm):
    """Nothing but the key."""

    key = HiddenField(default=lambda: secrets.token_urlsafe(16))


@bp.route("/people/new", methods=["GET", "POST"])
@only(PEOPLE)
def new_person() -> ResponseReturnValue:
    form = NewPersonForm()
    if form.handed_in():
        password = _one_time(form.key.data, form.username.data)
        user = tried(
            form,
            lambda: accounts.create_account(
                db.session,
                form.username.data,
                form.particulars,
                password,
                by=current.appointment,
                now=current.now,
            ),
        )
        if user is not None:
            db.session.commit()
            return render_template("admin/one_time.html", user=user, password=password, new=True)
    lead = "开通后显示一次性密码，当面或电话交给本人；首次登录时必须改掉。任职在开通后登记。"
    return form_page("开通账号", form, "开通账号", url_for("admin.people"), lead)


@bp.route("/people/<int:user_id>/edit", methods=["GET", "POST"])
@only(PEOPLE)
def edit_person(user_id: int) -> ResponseReturnValue:
    user = _someone(user_id)
    form = PersonForm(obj=user)
    back = url_for("admin.person", user_id=user_id)
    if form.handed_in():
        changed = tried(
            form,
            lambda: accounts.change_account(
                db.session, user, form.particulars, by=current.appointment, now=current.now
            ),
        )
        if changed is not None:
            db.session.commit()
            flash("资料已更新。" if changed else "没有改动。")
            return redirect(back, 303)
    return form_page(f"{user.name}的资料", form, "保存", back)


@bp.route("/people/<int:user_id>/password", methods=["GET", "POST"])
@only(PEOPLE)
def reset_password(user_id: int) -> ResponseReturnValue:
    """A new one-time password in place of a forgotten one."""
    user, form = _someone(user_id), PasswordForm()
    back = url_for("admin.person", user_id=user_id)
    if form.handed_in():
        password = _one_time(form.key.data, user.username)

        def act() -> bool:
            accounts.reset_password(
                db.session, user, password, by=current.appointment, now=current.now
            )
            return True

        if tried(form, act):
            db.session.commit()
            return render_template("admin/one_time.html", user=user, password=password, new=False)
    lead = "原来的密码立即作废，这个账号的全部登录立即结束，锁定同时解除。先核实是本人提出的。"
    return form_page(f"重设{user.name}的密码", form, "重设密码", back, lead)


@bp.post("/people/<int:user_id>/disable")
@only(PEOPLE)
def disable_person(user_id: int) -> ResponseReturnValue:
    return _done(user_id, accounts.disable_account, "账号已停用，登录已全部结束。")


@bp.post("/people/<int:user_id>/enable")
@only(PEOPLE)
def enable_person(user_id: int) -> ResponseReturnValue:
    return _done(user_id, accounts.enable_account, "账号已恢复，用原来的密码登录。")


@bp.post("/people/<int:user_id>/unlock")
@only(PEOPLE)
def unlock_person(user_id: int) -> ResponseReturnValue:
    return _done(user_id, accounts.unlock_account, "锁定已解除。")


@bp.post("/people/<int:user_id>/sessions/end")
@only(PEOPLE)
def end_sessions(user_id: int) -> ResponseReturnValue:
    """One of them when the form names it, otherwise all."""
    user, only_one = _someone(user_id), None
    if asked := request.form.get("session", ""):
        if not asked.isdecimal():
            abort(404)
        only_one = db.one_or_404(
            select(UserSession).where(
                UserSession.id == int(asked[:9]), UserSession.user_id == user.id
            )
        )
    ended = accounts.end_sessions(
        db.session, user, only_one, by=current.appointment, now=current.now
    )
    db.session.commit()
    flash(f"已结束 {ended} 处登录。" if ended else "登录已经结束。")
    return redirect(url_for("admin.person", user_id=user_id), 303)


def _done(user_id: int, act: Callable[..., None], said: str) -> ResponseReturnValue:
    user = _someone(user_id)
    try:
        act(db.session, user, by=current.appointment, now=current.now)
    except InvalidAnswers as invalid:
        db.write_nothing()
        return show(user, [message for told in invalid.errors.values() for message in told])
    db.session.commit()
    flash(said)
    return redirect(url_for("admin.person", user_id=user_id), 303)


def _someone(user_id: int) -> User:
    return db.get_or_404(User, user_id)


def _one_time(key: str, username: str) -> str:
    """Four groups of four signs, about 79 bits; the same for the same form."""
    anybody = User(username=username, password_hash="")
    secret = current_app.config["SECRET_KEY"].encode()
    for number in count():
        told = hmac.new(secret, f"one-time password {number} {key}".encode(), sha256).digest()
        signs = "".join(_SIGNS[sign % len(_SIGNS)] for sign in told[:16])
        password = "-".join(signs[at : at + 4] for at in range(0, 16, 4))
        try:
            users.check_strength(anybody, password)
        except users.WeakPassword:
            continue  # no digit among them, or a common word
        return password
    raise AssertionError("count() does not end")
