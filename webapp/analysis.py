"""数据分析: the problems that reviews have found, by cell, class, cause, unit and quarter."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from models import Level, OrganisationKind, RegionLevel
from webapp import db, labels
from webapp.access import current
from workflows import analysis
from workflows.icd10 import cause_groups
from workflows.rules import day_of

bp = Blueprint("analysis", __name__, url_prefix="/analysis")

SPANS = {"4": "近四个季度", "8": "近八个季度", "1": "本季度"}
TITLES = {
    "area": "方面（保健、医疗、管理）",
    "kind": "性质（管理、资源、技术）",
    "scope": "普遍与个性",
    "cause_group": "死因分类",
    "unit": "机构层级",
}
ROWS = ("个人、家庭及居民团体", "医疗保健系统", "社会其他相关部门")
COLUMNS = ("知识技能", "态度", "资源", "管理系统")


@bp.get("")
def index() -> ResponseReturnValue:
    if not current.may("statistics:view"):
        abort(404)
    by, asked = current.appointment, request.args
    level = asked.get("level", "")
    level = level if level in list(Level) else ""
    span = asked.get("span", "4")
    span = span if span in SPANS else "4"
    shown = analysis.quarters(day_of(current.now), int(span))
    found = analysis.problems(db.session, by=by, level=Level(level) if level else None)
    here = by.organisation
    return render_template(
        "analysis/index.html",
        shown=shown,
        total=sum(problem.quarter in shown for problem in found),
        cells={line.code: line for line in analysis.lines(found, "cell", shown)},
        lessons=analysis.lessons_by_cell(
            db.session, (here.region_code, here.region.parent_code or "")
        ),
        tables=[
            (name, title, analysis.lines(found, name, shown)) for name, title in TITLES.items()
        ],
        words=_words(),
        level=level,
        levels={code.value: labels.label(code) for code in Level},
        span=span,
        spans=SPANS,
        rows=ROWS,
        columns=COLUMNS,
    )


def _words() -> dict[str, dict[str, str]]:
    """What the codes of each dimension are called."""
    units = {
        f"{level.value}-{kind.value}": f"{labels.label(level)}{labels.label(kind)}"
        for level in RegionLevel
        for kind in OrganisationKind
    }
    named = {name: labels.WORDS[name] for name in ("area", "kind", "scope")}
    groups = {group.code: group.title for group in cause_groups()}
    return {**named, "cause_group": groups, "unit": units}
