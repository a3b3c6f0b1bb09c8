"""How far the experts of a panel agree, once their opinions are opened: by cell, and in figures.

Two measures. Percentage agreement: of all pairs of experts, how many said the same. Fleiss' κ
(Fleiss 1971): how far that goes beyond what chance would bring, for several subjects; where their
numbers of raters differ, as Fleiss & Cuzick (1979) weigh them. One subject alone has no κ: it
would be −1/(n−1) whatever was said, unless all said the same.
Figures are exact fractions. Reads rows, changes nothing, knows no page.
"""

import enum
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import Document, Opinion, Panel, PanelMember
from workflows.forms.load import latest, load
from workflows.forms.spec import CAUSE_LINES, Answers, Form, Kind

FEWEST = 3  # raters that κ is given for
Counts = Sequence[int]  # of one subject: how many raters chose each category


class Sealed(Exception):
    """The panel has not been opened: nobody compares anything."""


class Missing(enum.StrEnum):
    """Why there is no κ."""

    FEW_RATERS = "few_raters"
    ONE_SUBJECT = "one_subject"
    NO_VARIANCE = "no_variance"


@dataclass(frozen=True, slots=True)
class Agreement:
    """`share`: of pairs that said the same, 0 to 1; None where nobody can be compared."""

    raters: int  # the most for one subject
    subjects: int
    share: Fraction | None
    kappa: Fraction | None
    missing: Missing | None = None


def share(subjects: Iterable[Counts]) -> Fraction | None:
    """Mean over subjects of the pairs of raters that agree; subjects with one rater are left out.
    None if no subject has two."""
    each = [_pairs(counts) for counts in subjects if sum(counts) > 1]
    return sum(each, Fraction(0)) / len(each) if each else None


def _pairs(counts: Counts) -> Fraction:
    raters = sum(counts)
    return Fraction(sum(n * (n - 1) for n in counts), raters * (raters - 1))


def fleiss(subjects: Sequence[Counts]) -> Fraction | None:
    """Fleiss' κ: 1 − disagreement found / disagreement by chance. None where all said the same of
    every subject (no variance), or nobody can be compared."""
    rated = [counts for counts in subjects if sum(counts) > 1]
    if not rated:
        return None
    total = sum(map(sum, rated))
    chosen = [Fraction(sum(column), total) for column in zip(*rated, strict=True)]
    by_chance = sum((part * (1 - part) for part in chosen), Fraction(0))
    if by_chance == 0:
        return None
    differing = sum(
        (Fraction(n * (sum(counts) - n), sum(counts)) for counts in rated for n in counts),
        Fraction(0),
    )
    return 1 - differing / (total - len(rated)) / by_chance


def agreement(subjects: Sequence[Counts]) -> Agreement:
    """Both measures, and where κ is missing, why."""
    raters = max((sum(counts) for counts in subjects), default=0)
    missing = None
    if raters < FEWEST:
        missing = Missing.FEW_RATERS
    elif len([counts for counts in subjects if sum(counts) > 1]) < 2:
        missing = Missing.ONE_SUBJECT
    kappa = None if missing else fleiss(subjects)
    if kappa is None and missing is None:
        missing = Missing.NO_VARIANCE
    return Agreement(raters, len(subjects), share(subjects), kappa, missing)


def count(said: Iterable[Hashable], among: Sequence[Hashable]) -> list[int]:
    """How many said each of `among`; what is none of them counts for nothing."""
    found = Counter(said)
    return [found[category] for category in among]


# One panel's opinions side by side


@dataclass(frozen=True, slots=True)
class Tick:
    """What one expert wrote in one cell; codes are put into words."""

    factor: str
    evidence: str
    page: int | None
    time: str  # of the record
    level: str
    delay: str
    severity: str
    is_major: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the twelve: a tick or None for each expert, in the order of the seats."""

    code: str
    label: str
    ticks: list[Tick | None]

    @property
    def counts(self) -> list[int]:
        """Ticked, not ticked."""
        ticked = sum(tick is not None for tick in self.ticks)
        return [ticked, len(self.ticks) - ticked]


@dataclass(frozen=True, slots=True)
class Line:
    """One question that all answer: the answer of each in words, empty where there is none."""

    question: str
    codes: list[str]
    words: list[str]

    @property
    def counts(self) -> list[int]:
        return count(self.codes, sorted(set(self.codes) - {""}))

    @property
    def differs(self) -> bool:
        return len(self.counts) > 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """`experts`: those whose opinions stand, in the order of their seats."""

    experts: list[PanelMember]
    documents: list[Document]
    conclusion: Line
    lines: list[Line]
    cells: list[Cell]

    @property
    def grid(self) -> Agreement:
        """Over the twelve cells of this case: ticked or not."""
        return agreement([cell.counts for cell in self.cells])


Title = Callable[[str], str]  # an ICD-10 code as people read it


def compare(session: Session, panel: Panel, title: Title) -> Comparison:
    """The panel's opinions side by side. Raises Sealed before they are opened."""
    rows = standing(session, panel)
    answers = [row.document.answers for row in rows]
    form = load(rows[-1].document.form) if rows else latest("opinion")
    hospital = _hospitals_cause(session, panel)
    causes = [_underlying(each) or hospital for each in answers]
    asked = {field.name for field in form.fields()}
    lines = [
        Line(_CAUSE, causes, [title(code) if code else "" for code in causes]),
        *(_line(form, name, answers) for name in _ASKED if name in asked),
    ]
    lines = [line for line in lines if line.question != _CAUSE or "causes" in asked]
    return Comparison(
        experts=[row.member for row in rows],
        documents=[row.document for row in rows],
        conclusion=_line(form, "conclusion", answers),
        lines=lines,
        cells=_cells(form, answers),
    )


_ASKED = ("agree_with_hospital_cause", "agree_with_criteria", "anchor", "chance")
_CAUSE = "根本死因"


def standing(session: Session, panel: Panel) -> list[Opinion]:
    """The opinions that count, in the order of seats. Raises Sealed before they are opened."""
    if panel.opened_at is None:
        raise Sealed(panel.id)
    return list(
        session.scalars(
            select(Opinion)
            .join(PanelMember, PanelMember.id == Opinion.member_id)
            .where(
                Opinion.panel_id == panel.id,
                Opinion.voided_at.is_(None),
                Opinion.superseded_at.is_(None),
            )
            .order_by(PanelMember.place)
            .options(
                joinedload(Opinion.member).joinedload(PanelMember.user),
                joinedload(Opinion.document),
            )
        )
    )


def _hospitals_cause(session: Session, panel: Panel) -> str:
    """What those who agree with the hospital agree with: the newest submission's last line."""
    query = select(Document.answers).where(
        Document.case_id == panel.case_id, Document.form.like("case_submission.v%")
    )
    newest = session.scalars(query.order_by(Document.id.desc()).limit(1)).first()
    return _underlying(newest or {})


def _underlying(answers: Answers) -> str:
    """The code of the last line filled in: what began the chain."""
    chain = answers.get("causes") or {}
    codes = [chain[line].get("icd10", "") for line in CAUSE_LINES if line in chain]
    return str(codes[-1]) if codes else ""


def _line(form: Form, name: str, answers: Sequence[Answers]) -> Line:
    [field] = [field for field in form.fields() if field.name == name]
    labels = {choice.code: choice.label for choice in field.choices}
    codes = [str(each.get(name) or "") for each in answers]
    return Line(field.label, codes, [labels.get(code, code) for code in codes])


def _cells(form: Form, answers: Sequence[Answers]) -> list[Cell]:
    [grid] = [field for field in form.fields() if field.kind is Kind.GRID12]
    words = {
        field.name: {choice.code: choice.label for choice in field.choices}
        for field in grid.fields
        if field.choices
    }
    return [
        Cell(choice.code, choice.label, [_tick(choice.code, each, words) for each in answers])
        for choice in grid.choices
    ]


def _tick(cell: str, answers: Answers, words: dict[str, dict[str, str]]) -> Tick | None:
    said = (answers.get("grid") or {}).get(cell)
    if said is None:
        return None
    named = {name: labels.get(said.get(name, ""), "") for name, labels in words.items()}
    return Tick(
        factor=said.get("factor", ""),
        evidence=said.get("evidence", ""),
        page=said.get("page"),
        time=said.get("record_time", ""),
        level=named["level"],
        delay=named["delay"],
        severity=named["severity"],
        is_major=cell in (answers.get("major") or ()),
    )


# Several panels: what one case alone cannot tell


@dataclass(frozen=True, slots=True)
class Drift:
    """Agreement over several cases: of the conclusion, and of each cell by its code. `said`: how
    many opinions came to each conclusion; `ticked`: how many ticked each cell."""

    panels: int
    conclusion: Agreement
    cells: dict[str, Agreement]
    opinions: int = 0
    said: Mapping[str, int] = field(default_factory=dict)
    ticked: Mapping[str, int] = field(default_factory=dict)


def drift(session: Session, panels: Sequence[Panel]) -> Drift:
    """Over these panels, all of them opened (Sealed otherwise); each case is one subject."""
    [found] = drifts(session, [panels])
    return found


def drifts(session: Session, parts: Sequence[Sequence[Panel]]) -> list[Drift]:
    """The same for several lots of panels, in one query."""
    panels = [panel for part in parts for panel in part]
    for panel in panels:
        if panel.opened_at is None:
            raise Sealed(panel.id)
    written: dict[int, list[Answers]] = {panel.id: [] for panel in panels}
    rows = session.execute(
        select(Opinion.panel_id, Document.answers)
        .join(Document, Document.id == Opinion.document_id)
        .where(
            Opinion.panel_id.in_(written),
            Opinion.voided_at.is_(None),
            Opinion.superseded_at.is_(None),
        )
    )
    for panel_id, answers in rows:
        written[panel_id].append(answers)
    return [_drift([written[panel.id] for panel in part]) for part in parts]


def _drift(panels: Sequence[Sequence[Answers]]) -> Drift:
    said = [[str(each.get("conclusion") or "") for each in rows] for rows in panels]
    ticks = [[set(each.get("grid") or ()) for each in rows] for rows in panels]
    among = sorted({code for codes in said for code in codes} - {""})
    return Drift(
        panels=len(panels),
        conclusion=agreement([count(codes, among) for codes in said]),
        cells={
            cell: agreement([_ticked(cell, grids) for grids in ticks]) for cell in _cells_asked()
        },
        opinions=sum(map(len, panels)),
        said=Counter(code for codes in said for code in codes if code),
        ticked=Counter(cell for grids in ticks for grid in grids for cell in grid),
    )


def _ticked(cell: str, grids: Sequence[set[str]]) -> Counts:
    """Ticked, not ticked."""
    ticked = sum(cell in grid for grid in grids)
    return [ticked, len(grids) - ticked]


def _cells_asked() -> list[str]:
    """Codes of the twelve cells."""
    [grid] = [each for each in latest("opinion").fields() if each.kind is Kind.GRID12]
    return [choice.code for choice in grid.choices]
