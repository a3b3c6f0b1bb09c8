"""What differs from one kind of case to another, as one table. A further kind is one more row here,
a folder under `processes`, variants of the forms that ask something else, and rules for its limits.

Knows no person, no page.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from models import Case, CaseKind, CaseState, Discipline, ZoneKind
from workflows.rules import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Kind:
    """`letters` begin the number. `report`: the form a case begins with; its process is called as
    the kind is. `word`: what happened, in 死亡前 3 小时; `day`: the day whose rules hold.
    `limits`: what the keys of its clocks begin with; `also`: clocks that it shares with others.
    `is_death`: whether it counts among the deaths. `selected`: whether the commission chooses which
    cases are reviewed; otherwise each is, at every level of the rules, or where `upward` by the
    county and, if its commission says so in its notice, by the city. `variant`: of its forms.
    `named`: what rules call it, besides its code. `zone`: of which rescue centres guide it, `lead`
    the discipline of the guide. `monthly`: whether reports of a month and of a quarter count it.
    `carded`: whether its card has the two classes of the province's review.
    """

    code: CaseKind
    title: str
    letters: str
    report: str
    word: str
    moment: str
    day: str
    submission: str
    variant: str = ""
    limits: str = ""
    also: tuple[str, ...] = ()
    is_death: bool = False
    selected: bool = False
    upward: bool = False
    named: tuple[str, ...] = ()
    zone: ZoneKind = ZoneKind.MATERNAL
    lead: Discipline = Discipline.OBSTETRICS
    monthly: bool = False
    carded: bool = False

    @property
    def draft(self) -> str:
        """Under what a report is kept while it is typed."""
        return f"report-{self.variant}" if self.variant else "report"

    def clock(self, rules: RuleSet, key: str) -> str:
        """The key of its own limit where the rules have one, else the common one."""
        own = f"{self.limits}{key}"
        return own if rules.find(f"clock.{own}") is not None else key

    def has_clock(self, rule: Rule) -> bool:
        """Whether a clock rule is about this kind of case."""
        key = rule.key.removeprefix("clock.")
        if self.limits:
            return key.startswith(self.limits) or key in self.also
        return not any(key.startswith(other) for other in _OTHERS)


KINDS = {
    kind.code: kind
    for kind in (
        Kind(
            CaseKind.MATERNAL_DEATH,
            title="孕产妇死亡",
            letters="MD",
            report="report.v1",
            word="死亡",
            moment="死亡时间",
            day="死亡当日",
            submission="死亡报告卡与个案调查",
            is_death=True,
            monthly=True,
            carded=True,
        ),
        Kind(
            CaseKind.MATERNAL_NEARMISS,
            title="危重孕产妇",
            letters="NM",
            report="report.v1-nearmiss",
            word="事件",
            moment="发生时间",
            day="发生当日",
            submission="危重孕产妇个案卡与个案调查",
            variant="nearmiss",
            limits="nearmiss_",
            also=("rectification",),
            selected=True,
        ),
        Kind(
            CaseKind.NEONATAL_DEATH,
            title="新生儿死亡",
            letters="ND",
            report="report.v1-neonatal",
            word="死亡",
            moment="死亡时间",
            day="死亡当日",
            submission="新生儿死亡报告卡与个案调查",
            variant="neonatal",
            limits="neonatal_",
            also=("rectification",),
            is_death=True,
            upward=True,
            named=("child_death",),
            zone=ZoneKind.NEONATAL,
            lead=Discipline.PAEDIATRICS,
        ),
    )
}
_OTHERS = tuple(kind.limits for kind in KINDS.values() if kind.limits)
DEATHS = tuple(kind.code for kind in KINDS.values() if kind.is_death)
MONTHLY = tuple(kind.code for kind in KINDS.values() if kind.monthly)
CARDED = tuple(kind.code for kind in KINDS.values() if kind.carded)
BORN = "出生"


def of(case: Case) -> Kind:
    """The kind of a case."""
    return KINDS[case.kind]


def cared_alike(case: Case) -> list[CaseKind]:
    """The kinds whose care the same rescue centres guide: of women, or of newborns."""
    return [kind.code for kind in KINDS.values() if kind.zone is of(case).zone]


def anchor(case: Case) -> tuple[datetime, str]:
    """The moment by which whoever may know no day is told time, and what happened then: of a
    newborn the birth, of others what the case begins with."""
    return (case.born_at, BORN) if case.born_at else (case.event_at, of(case).word)


def has_followed() -> ColumnElement[bool]:
    """Of a case in a query: whether the woman's death has a case of its own, counted instead."""
    death = aliased(Case)
    return exists().where(death.follows_id == Case.id, death.state != CaseState.VOIDED)


def known(code: str) -> Kind | None:
    """The kind of a code as an address or a form has it; None for no such kind."""
    return next((kind for kind in KINDS.values() if kind.code.value == code), None)


def clocks(rules: RuleSet, case: Case) -> list[Rule]:
    """The rules with a clock that are about this kind of case, in the order of the process."""
    kind = of(case)
    return [rule for rule in rules.clocks() if kind.has_clock(rule)]


def offered(rules: RuleSet) -> list[Kind]:
    """What can be reported at a place: deaths of women anywhere, and what its rules name."""
    named = {
        code
        for key in ("case_types.report", "case_types.review")
        if (rule := rules.find(key)) is not None
        for code in rule.codes
    }
    first = KINDS[CaseKind.MATERNAL_DEATH]
    return [kind for kind in KINDS.values() if kind is first or named & {kind.code, *kind.named}]
