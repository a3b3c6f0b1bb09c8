"""工作日历: which days are off, which weekends are worked; entered from the notice of each year."""

from dataclasses import dataclass
from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from models import CalendarDay
from webapp import db
from webapp.access import current
from webapp.admin.blueprint import SYSTEM, bp, only
from webapp.admin.forms import AdminForm, day, form_page, line, tried
from webapp.words import local
from workflows import calendar as known
from workflows.actions import calendar as entered
from workflows.calendar import Notice


class DaysForm(AdminForm):
    """Days in a row, and what the notice says of them."""

    kind = SelectField(
        "安排",
        [InputRequired("选择安排")],
        choices=[SelectChoice("off", "放假"), SelectChoice("working", "调休上班")],
    )
    begin = day("第一天", "填写第一天")
    last = day("最后一天", "填写最后一天", note="只有一天的，与第一天相同。")
    name = line("节日", 20, "填写节日", note="如：春节")
    document = line(
        "依据文件", 60, "填写依据文件", note="写文号，如：国办发明电〔2025〕7号。没有文件的不录。"
    )

    @property
    def days(self) -> entered.Days:
        return entered.Days(
            first=self.begin.data,
            last=self.last.data,
            working=self.kind.data == "working",
            name=self.name.data,
            document=self.document.data,
        )


@dataclass(frozen=True, slots=True)
class Year:
    """What is known of one year: the notice that came with the product, and what was entered."""

    year: int
    notice: Notice | None
    rows: list[CalendarDay]

    @property
    def is_known(self) -> bool:
        return self.notice is not None or bool(self.rows)


@bp.get("/calendar")
@only(SYSTEM)
def calendar() -> ResponseReturnValue:
    this_year = local(current.now).year
    notices = {notice.year: notice for notice in known.notices()}
    rows = db.session.scalars(select(CalendarDay).order_by(CalendarDay.day)).all()
    numbers = {this_year, this_year + 1, *notices, *(row.day.year for row in rows)}
    years = [
        Year(number, notices.get(number), [row for row in rows if row.day.year == number])
        for number in sorted(numbers, reverse=True)
    ]
    return render_template("admin/calendar.html", years=years)


@bp.route("/calendar/new", methods=["GET", "POST"])
@only(SYSTEM)
def new_days() -> ResponseReturnValue:
    form, back = DaysForm(), url_for("admin.calendar")
    if form.handed_in():
        count = tried(
            form,
            lambda: entered.enter_days(
                db.session, form.days, by=current.appointment, now=current.now
            ),
        )
        if count:
            db.session.commit()
            flash(f"已录入 {count} 天。")
            return redirect(back, 303)
    lead = (
        "按国务院办公厅的放假通知逐段录入；同一天再录一次即为更正。"
        "只影响以后起算的、以工作日计的时限，已经起算的不变；24 小时、48 小时按钟点算，不受影响。"
    )
    return form_page("录入放假或调休", form, "录入", back, lead)


@bp.post("/calendar/remove")
@only(SYSTEM)
def remove_day() -> ResponseReturnValue:
    try:
        asked = date.fromisoformat(request.form.get("day", ""))
    except ValueError:
        asked = date.min
    done = entered.remove_day(db.session, asked, by=current.appointment, now=current.now)
    db.session.commit()
    flash("已撤回这一天的录入。" if done else "这一天没有录入。")
    return redirect(url_for("admin.calendar"), 303)
