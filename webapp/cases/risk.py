"""孕期风险: what the register says of the woman of a case, from which a review reads her course.

Who reviews without knowing her meets colours, occasions and groups of factors, told by the death:
no words that somebody wrote, no unit, no number of the record.
"""

from flask import abort
from flask.typing import ResponseReturnValue

from models import RiskRecord
from webapp import db, risk_words
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.cases.page import open_page, render
from workflows import register


@bp.get("/<int:case_id>/risk")
def risk(case_id: int) -> ResponseReturnValue:
    page = open_page(case_id, "孕期风险")
    records = register.of_case(db.session, page.case)
    if not records:
        abort(404)
    mine = register.visible(current.appointment).with_only_columns(RiskRecord.id)
    ids = [row.id for row in records]
    seen = set(db.session.scalars(mine.where(RiskRecord.id.in_(ids))))
    return render(
        "cases/risk.html",
        page,
        tab="cases.risk",
        records=records,
        linked=set() if page.reader.blind else seen,
        grade=register.grade_of,
        words=risk_words,
    )
