"""任职: a person in a role at an organisation, for a period; entered and ended by another."""

from datetime import date

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models import Appointment, Organisation, Role, User
from webapp import db, labels
from webapp.access import current
from webapp.admin.blueprint import PEOPLE, bp, only
from webapp.admin.forms import (
    AdminForm,
    choice,
    chosen_organisation,
    day,
    form_page,
    line,
    tried,
    unit,
)
from webapp.words import local
from workflows.actions import accounts
from workflows.actions.accounts import Seat


class AppointmentForm(AdminForm):
    """Where, as what, from when to when."""

    organisation = unit("机构", "选择机构")
    role = choice("角色", Role, "选择角色", note="管理员不兼任其他角色。")
    department = line("科室或处室", 30)
    valid_from = day("开始日期", "填写开始日期", note="从这一天起可以办理。")
    valid_to = day("最后一天", note="不填：长期有效，直到登记结束。")

    def seat(self, at: Organisation) -> Seat:
        return Seat(
            organisation=at,
            role=self.role.data,
            department=self.department.data,
            valid_from=self.valid_from.data,
            valid_to=self.valid_to.data,
        )


class EndForm(AdminForm):
    """The last day, or at once by the other button."""

    last_day = day("最后一天", "填写最后一天", note="这一天结束后，不能再以这项任职办理。")


@bp.route("/people/<int:user_id>/appointments/new", methods=["GET", "POST"])
@only(PEOPLE)
def new_appointment(user_id: int) -> ResponseReturnValue:
    user = db.get_or_404(User, user_id)
    form = AppointmentForm(valid_from=local(current.now).date())
    back = url_for("admin.person", user_id=user_id)
    if form.handed_in() and (at := chosen_organisation(form.organisation)):
        held = tried(
            form,
            lambda: accounts.add_appointment(
                db.session, user, form.seat(at), by=current.appointment, now=current.now
            ),
        )
        if held is not None:
            db.session.commit()
            flash(f"已登记：{held.organisation.short_name} · {labels.label(held.role)}。")
            return redirect(back, 303)
    return form_page(f"登记{user.name}的任职", form, "登记任职", back)


@bp.route("/appointments/<int:appointment_id>/end", methods=["GET", "POST"])
@only(PEOPLE)
def end_appointment(appointment_id: int) -> ResponseReturnValue:
    held = db.one_or_404(select(Appointment).where(Appointment.id == appointment_id))
    form = EndForm(last_day=local(current.now).date())
    back = url_for("admin.person", user_id=held.user_id)
    if form.handed_in():
        last_day = _last_day(form)

        def act() -> bool:
            accounts.end_appointment(
                db.session, held, last_day, by=current.appointment, now=current.now
            )
            return True

        if tried(form, act):
            db.session.commit()
            flash(f"任职到 {last_day.isoformat()} 为止。")
            return redirect(back, 303)
    title = f"结束任职：{held.user.name} · {labels.label(held.role)}"
    at_once = ("at_once", "现在就结束")
    return form_page(title, form, "到这一天结束", back, _consequence(held), also=at_once)


def _last_day(form: EndForm) -> date:
    return accounts.yesterday(current.now) if "at_once" in request.form else form.last_day.data


def _consequence(held: Appointment) -> str:
    said = f"{held.organisation.name}。办过的事项仍记在本人名下。"
    if waiting := accounts.waiting_for(db.session, held):
        said += f"还有 {waiting} 项待办写明由本人办理，结束后没有人能接着办，先请组织单位另行安排。"
    return said
