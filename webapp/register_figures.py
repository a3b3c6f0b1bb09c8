"""阶段汇总 and 系统分析 of the register of women at risk."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from models import RiskColour, RiskGroup
from webapp import db, labels, risk_words
from webapp.access import current
from webapp.register import bp
from workflows import risk_figures
from workflows.risk_figures import Stage

MEASURES = {
    "new": "新登记",
    "risen": "风险升高（次）",
    "referred": "转诊（次）",
    "overdue": "随访超期（次）",
    "closed": "结案",
    "delivered": "其中分娩满 42 天",
    "managed": "期末在管",
}
ORDER = (*risk_figures.ORDER, RiskColour.PURPLE)
SPANS = {"4": "近四个季度", "8": "近八个季度", "1": "本季度"}


def _stage() -> tuple[Stage, list[Stage]]:
    """The stage asked for, this month when it is none; and those on offer."""
    offered = risk_figures.stages(current.today)
    return risk_figures.stage(request.args.get("stage", "")) or offered[0], offered


@bp.get("/summary")
def summary() -> ResponseReturnValue:
    of, offered = _stage()
    lines = risk_figures.summary(db.session, current.appointment, of, current.today)
    return render_template(
        "register/summary.html",
        stage=of,
        stages=offered,
        title=_title,
        lines=[risk_figures.whole(lines), *lines],
        empty_stage=not lines,
        measures=MEASURES,
        order=ORDER,
        colours=risk_words.COLOURS,
    )


def _title(of: Stage) -> str:
    """2026 年 11 月, 2026 年第 4 季度, 2026 年."""
    year = f"{of.first.year} 年"
    if "Q" in of.code:
        return f"{year}第 {of.code[-1]} 季度"
    return f"{year} {of.first.month} 月" if "-" in of.code else year


@bp.get("/analysis")
def analysis() -> ResponseReturnValue:
    span = request.args.get("span", "4")
    span = span if span in SPANS else "4"
    by, today = current.appointment, current.today
    series = risk_figures.over_time(db.session, by, today, int(span))
    of = Stage("", series[0][0].first, series[-1][0].last)
    found = risk_figures.factors(db.session, by, of)
    groups = sorted(found, key=lambda group: -sum(found[group].values()))
    return render_template(
        "register/analysis.html",
        span=span,
        spans=SPANS,
        series=[(each.code, line) for each, line in series],
        measures=MEASURES,
        order=ORDER,
        titles=[risk_words.COLOURS[code] for code in ORDER],
        colours=risk_words.COLOURS,
        factors=[(labels.label(RiskGroup(group)), found[group]) for group in groups],
        factor_colours=labels.choices(RiskColour)[1:],
        areas=risk_figures.summary(db.session, by, of, today),
    )
