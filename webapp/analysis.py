"""数据分析: the problems that reviews have found, and those found otherwise, by cell, class, cause,
unit, source and quarter."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from models import CaseKind, ItemSource, Level, OrganisationKind, RegionLevel
from webapp import db, labels
from webapp.access import current
from workflows import analysis, kinds
from workflows.icd10 import group_titles
from workflows.rules import day_of

bp = Blueprint("analysis", __name__, url_prefix="/analysis")

SPANS = {"4": "近四个季度", "8": "近八个季度", "1": "本季度"}
SOURCES = {"review": "评审", "other": "评审以外", "all": "全部"}
TITLES = {
    "source": "来源",
    "area": "方面（保健、医疗、管理）",
    "kind": "性质（管理、资源、技术）",
    "scope": "普遍与个性",
    "cause_group": "死因分类",  # of deaths only
    "unit": "机构层级",
}
POINTLESS = {("source", "review"), ("cause_group", "other")}  # one line that says nothing
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
    source = asked.get("source", "review")
    source = source if source in SOURCES else "review"
    known = kinds.known(asked.get("kind", ""))
    found = []
    if source != "other":
        found += analysis.problems(
            db.session,
            by=by,
            level=Level(level) if level else None,
            kind=known.code if known else None,
        )
    if source != "review":
        found += analysis.found_otherwise(db.session, by=by)
    here = by.organisation
    return render_template(
        "analysis/index.html",
        shown=shown,
        total=sum(problem.quarter in shown for problem in found),
        cells={line.code: line for line in analysis.lines(found, "cell", shown)},
        lessons=analysis.lessons_by_cell(
            db.session,
            (here.region_code, here.region.parent_code or ""),
            known.code if known else None,
        ),
        tables=[
            (name, title, lines)
            for name, title in TITLES.items()
            if (name, source) not in POINTLESS and (lines := analysis.lines(found, name, shown))
        ],
        words=_words(),
        level=level,
        levels={code.value: labels.label(code) for code in Level},
        source=source,
        sources=SOURCES,
        kind=known.code.value if known else "",
        kinds=labels.choices(CaseKind),
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
    sources = dict(labels.choices(ItemSource))
    return {**named, "cause_group": group_titles(), "unit": units, "source": sources}
