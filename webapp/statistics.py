"""统计: the process as a heat map across cases, and what each step takes, over a chosen period.

The drawing, the table beside it and the picture for paper show the same numbers.
"""

from dataclasses import dataclass, replace

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import CaseKind, Level, Timing
from webapp import db, labels, words
from webapp.access import current
from webapp.cases.listing import PERIODS, period
from webapp.pdf.diagram import Look, painted
from workflows import criteria, differences, kinds, mappings, outcomes, quarters, statistics
from workflows.diagrams import Drawing, Node, read
from workflows.engine.definitions import FOLDER
from workflows.forms import comparison
from workflows.forms.checks.review import VOTES
from workflows.permissions import LANE_BY_TITLE
from workflows.statistics import Flow, Part, Period

bp = Blueprint("statistics", __name__, url_prefix="/statistics")

PARTS = {
    "maternal_death": ("总流程", Part("maternal_death", kind=CaseKind.MATERNAL_DEATH)),
    "maternal_nearmiss": (
        "危重孕产妇",
        Part("maternal_nearmiss", kind=CaseKind.MATERNAL_NEARMISS),
    ),
    "neonatal_death": ("新生儿死亡", Part("neonatal_death", kind=CaseKind.NEONATAL_DEATH)),
    "review-county": ("县级评审", Part("review", "county")),
    "review-city": ("市级评审", Part("review", "city")),
    "rectification": ("整改", Part("rectification")),
    "second_discussion": ("再次讨论", Part("second_discussion")),
}
DIFFERENCES, CONCLUSIONS, OUTCOMES = "differences", "conclusions", "outcomes"
FEWEST_FOR_SHARE = 10  # cases, for a percentage to say anything
SHARES = (0.0, 0.1, 0.25, 0.5)  # of all that stands in the diagram: from which share on how warm
WARMTHS = (
    Look("#eef6fb", "#5b8aa6", "", "少"),
    Look("#cfe5f2", "#3f7ea3", "", "较少"),
    Look("#9cc9e3", "#2a6a91", "", "较多"),
    Look("#5fa3cc", "#124e73", "", "多"),
)
LATE = "#b3261e"


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the diagram with its numbers; `warmth` 1 to 4, 0 where nothing stands."""

    node: Node
    flow: Flow
    warmth: int
    is_part: bool

    @property
    def desk(self) -> str:
        lane = LANE_BY_TITLE.get(self.node.lane)
        return "" if self.is_part else (lane.title if lane else self.node.lane)

    @property
    def late_share(self) -> str:
        return f"{self.flow.late / self.flow.now:.0%}" if self.flow.now else ""

    @property
    def badge(self) -> str:
        late = f"，超时 {self.flow.late}" if self.flow.late else ""
        return f"{self.flow.now}{late}" if self.flow.now else ""

    def tip(self) -> str:
        said = [f"{self.node.name}：现在 {self.flow.now} 件"]
        if self.flow.late:
            said.append(f"其中超时 {self.flow.late} 件（{self.late_share}）")
        if self.flow.median is not None and self.flow.p90 is not None:
            said.append(f"中位用时 {words.span(self.flow.median)}")
            said.append(f"九成在 {words.span(self.flow.p90)} 之内")
        return "；".join(said)


@bp.get("")
@bp.get("/<key>")
def index(key: str = "maternal_death") -> ResponseReturnValue:
    title, drawing, lines = _lines(key)
    return render_template(
        "statistics/index.html",
        key=key,
        title=title,
        parts=_tabs(),
        lines=lines,
        total=sum(line.flow.now for line in lines if not line.is_part),
        late=sum(line.flow.late for line in lines if not line.is_part),
        period=_period(),
        periods=PERIODS,
        sealed=statistics.SEALED_STEP if drawing.name == statistics.REVIEW else "",
        kinds=labels.choices(CaseKind) if PARTS[key][1].kind is None else [],
        kind=kind_asked(),
    )


@bp.get("/differences")
def overturns() -> ResponseReturnValue:
    """How often the upper level changed what the lower one had concluded. 404 for counties."""
    if not current.may("statistics:view") or not differences.may_count(current.appointment):
        abort(404)
    by, kind = current.appointment, _kind()
    found = differences.overturns(db.session, kind=kind, by=by)
    above = differences.overturns(db.session, Level.PROVINCE, kind, by=by)
    return render_template(
        "statistics/differences.html",
        found=found,
        above=above,
        columns=comparison.PARTS,
        kinds=labels.choices(CaseKind),
        kind=kind_asked(),
        parts=_tabs(),
        share=_share,
    )


@bp.get("/conclusions")
def conclusions() -> ResponseReturnValue:
    """What was concluded, quarter by quarter and level by level; nothing of opinions."""
    if not current.may("statistics:view"):
        abort(404)
    asked = kinds.known(request.args.get("kind", ""))
    kind = asked if asked and asked.is_death else kinds.KINDS[CaseKind.MATERNAL_DEATH]
    span = quarters.latest(current.now)
    found = quarters.concluded(db.session, span, by=current.appointment, kind=kind.code)
    return render_template(
        "statistics/conclusions.html",
        found=found,
        kind=kind,
        kinds=[each for each in kinds.KINDS.values() if each.is_death],
        three=VOTES,
        two=mappings.TWO,
        unmapped=mappings.UNMAPPED,
        cells=quarters.cell_words(),
        used={level: {code for row in rows for code in row.cells} for level, rows in found.items()},
        parts=_tabs(),
        share=_share,
        few=FEWEST_FOR_SHARE,
    )


@bp.get("/outcomes")
def severe() -> ResponseReturnValue:
    """Near misses beside deaths, year by year, and how early after admission they were such."""
    if not current.may("statistics:view"):
        abort(404)
    lines = outcomes.by_year(db.session, current.now, by=current.appointment)
    return render_template(
        "statistics/outcomes.html",
        lines=lines,
        titles={code: each.title for code, each in criteria.sets().items()},
        timings=list(Timing),
        few=FEWEST_FOR_SHARE,
        share=_share,
        parts=_tabs(),
    )


def kind_asked() -> str:
    """A kind of case as the address names it; empty for all, or for no such kind."""
    known = kinds.known(request.args.get("kind", ""))
    return known.code.value if known else ""


def _kind() -> CaseKind | None:
    return CaseKind(kind_asked()) if kind_asked() else None


def _tabs() -> list[tuple[str, str, str]]:
    """Address, words and key of each page of statistics that this person may open."""
    tabs = [(url_for("statistics.index", key=key), name, key) for key, (name, _) in PARTS.items()]
    tabs.append((url_for("statistics.conclusions"), "评审结论", CONCLUSIONS))
    tabs.append((url_for("statistics.severe"), "严重结局", OUTCOMES))
    if differences.may_count(current.appointment):
        tabs.append((url_for("statistics.overturns"), "各级结论差异", DIFFERENCES))
    return tabs


def _share(count: int, of: int) -> str:
    """Per cent only where there are enough cases for one; below that the numbers themselves."""
    return f"{count / of:.0%}" if of >= FEWEST_FOR_SHARE else ""


@bp.get("/<key>/data")
def data(key: str) -> ResponseReturnValue:
    """What the drawing needs, as the diagram of a case does."""
    title, drawing, lines = _lines(key)
    elements = {
        line.node.id: {
            "state": f"heat{line.warmth}" if line.warmth else None,
            "late": bool(line.flow.late),
            "badge": line.badge,
            "due": None,
            "tip": line.tip(),
        }
        for line in lines
    }
    return jsonify(title=title, xml=drawing.xml, elements=elements, path=[], alarms=[])


@bp.get("/<key>/picture.svg")
def picture(key: str) -> ResponseReturnValue:
    """The same for paper, made without a browser."""
    _, drawing, lines = _lines(key)
    looks = {line.node.id: _look(line) for line in lines if line.warmth}
    svg = painted((FOLDER / drawing.name / "process.svg").read_bytes(), looks)
    reply = Response(svg, mimetype="image/svg+xml")
    if "download" in request.args:
        reply.headers["Content-Disposition"] = f'attachment; filename="{key}-{_period()}.svg"'
    return reply


def _look(line: Line) -> Look:
    warm = WARMTHS[line.warmth - 1]
    sign = f"{line.flow.now}（超时 {line.flow.late}）" if line.flow.late else str(line.flow.now)
    return Look(warm.fill, LATE if line.flow.late else warm.stroke, sign, warm.text)


def _period() -> str:
    asked = request.args.get("period", "90d")
    return asked if asked in PERIODS else "90d"


def _lines(key: str) -> tuple[str, Drawing, list[Line]]:
    """Title, drawing and steps of a diagram; 404 for no such diagram, and for those who may not."""
    if not current.may("statistics:view") or key not in PARTS:
        abort(404)
    title, part = PARTS[key]
    part = replace(part, kind=part.kind or _kind())
    drawing = read((FOLDER / part.diagram / "process.bpmn").read_text("utf-8"))
    span = Period(*period(_period(), current.now))
    found: dict[str, Flow] = statistics.flows(
        db.session, part, span, by=current.appointment, now=current.now
    )
    inner = statistics.waiting(db.session, part.kind, by=current.appointment)
    for node in drawing.steps():
        if node.called:
            found[node.id] = Flow(now=_inside(node, inner))
    most = sum(flow.now for flow in found.values())
    lines = [_line(node, found.get(node.id, Flow()), most) for node in drawing.steps()]
    return title, drawing, lines


def _inside(node: Node, inner: dict[Part, int]) -> int:
    """Cases in the part that a call activity stands for, at the level its id names."""
    level = next((level for level in ("county", "city") if f"_{level}_" in node.id), None)
    return sum(
        count
        for part, count in inner.items()
        if part.diagram == node.called and level in (None, part.level)
    )


def _line(node: Node, flow: Flow, most: int) -> Line:
    share = flow.now / most if most else 0.0
    warmth = sum(share >= bound for bound in SHARES) if flow.now else 0
    return Line(node, flow, warmth, bool(node.called))
