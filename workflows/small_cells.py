"""What in a notice's text would let somebody recognise a person or a hospital (可识别性检查).

Looked for in title and running text: every word that identifies a case the notice may be about
(`workflows.identity`: names, numbers, addresses, units under all their names, their people), the
days of its course, and counts so small that a count is a person. It stops nobody for ever: who
issues may confirm with a reason, which stays on record.

To whom it applies: to notices with wide recipients. The feedback on one case goes to the units
concerned, who know her anyway, and may name them; it is looked at only when a unit is addressed
that has no part in the case. A notice of its own that speaks of no death may name units and their
people, for that is what an interview or an example is about; hers and her family's never.

How small is small: rule `notice.small_cell` of the place. Where no document and no authority has
given a number it stays 本地口径待确认, and the cautious default holds: every count of one is shown.

Reads rows, changes nothing, knows no page.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from models import Case, CaseState, CaseUnit, Document, Duty, DutyKind, Notice
from workflows import duties, identity, letters, recusal, rules
from workflows.forms import moment
from workflows.forms.load import load
from workflows.forms.moment import SHANGHAI
from workflows.forms.spec import Answers, Field, Kind
from workflows.readers import OF_THE_FILE
from workflows.veil import Secret, Veil, days_in

RULE = "notice.small_cell"
CAUTIOUS = 2  # without a number: only a count of one is too small for certain
LOOKED_BACK = timedelta(days=730)  # for a notice that belongs to no period
MOST_CASES = 40
AROUND = 12  # characters shown either side

_COUNTED = re.compile(r"(?<![\d.第])(?P<count>\d{1,3}|[一二两三四五六七八九十])\s*例(?!如)")
_CHINESE = {char: number for number, char in enumerate("一二三四五六七八九十", 1)} | {"两": 2}
_OF_DEATHS = re.compile(r"死亡|病例|[\d一二两三四五六七八九十]\s*例(?!如)|评审")
_OF_CARE = (Secret.UNIT, Secret.STAFF)


@dataclass(frozen=True, slots=True)
class Risk:
    """`what` is told; None: too small a count. `words` as they stand; `around` with some text
    before and after."""

    what: Secret | None
    words: str
    around: str


def of_notice(session: Session, notice: Notice) -> list[Risk]:
    """What tells in a notice as it is drafted; nothing where the check does not apply."""
    if not is_wide(session, notice):
        return []
    return of_answers(session, notice.case, notice.duty, notice.document.answers)


def is_wide(session: Session, notice: Notice) -> bool:
    """Whether it goes to anybody who has no part in the case it is about; what takes another one
    back is about what that one was about."""
    case = (notice.recalls or notice).case
    if case is None:
        return True
    parts = select(CaseUnit.organisation_id).where(CaseUnit.case_id == case.id)
    concerned = {*session.scalars(parts), *recusal.treating(session, case)}
    return any(row.organisation_id not in concerned for row in notice.recipients)


def of_answers(
    session: Session, case: Case | None, duty: Duty | None, answers: Answers
) -> list[Risk]:
    """What tells in a draft that is about these cases, whoever gets it."""
    texts = [str(answers.get("title") or ""), *letters.paragraphs(answers)]
    cases = [case] if case is not None else _cases(session, duty) if duty is not None else []
    code = duty.region_code if duty is not None else case.county_code if case else ""
    when = duty.opened_at if duty is not None else case.event_at if case else None
    spares = duty is not None and duty.kind not in duties.RULE and not _speaks_of_deaths(texts)
    found = [*_telling(session, cases, texts, spares=spares)]
    found += _counts(texts, size(code, when.astimezone(SHANGHAI).date()) if when else CAUTIOUS)
    return list(dict.fromkeys(found))


def of_texts(session: Session, case: Case, texts: list[str]) -> list[Risk]:
    """What tells in texts that are drawn from a case, whoever reads them."""
    least = size(case.city_code, _day(case.event_at))
    return list(
        dict.fromkeys([*_telling(session, [case], texts, spares=False), *_counts(texts, least)])
    )


def size(region_code: str, day: date) -> int:
    """Counts below this are too small to be told."""
    try:
        rule = rules.rule_set(region_code, day).find(RULE)
    except rules.UnknownJurisdiction:
        return CAUTIOUS
    return rule.value if rule is not None and isinstance(rule.value, int) else CAUTIOUS


def _cases(session: Session, duty: Duty) -> list[Case]:
    """A quarter's: those it counts and those it has findings of. Of a notice of its own: the
    newest of the area."""
    chosen: ColumnElement[bool]
    if duty.kind is DutyKind.QUARTERLY_NOTICE:
        keys = {each.case_id for each in duties.concluded(session, duty)}
        keys |= {case.id for case in duties.cases_of(session, duty)}
        chosen = Case.id.in_(keys)
    else:
        here = or_(Case.county_code == duty.region_code, Case.city_code == duty.region_code)
        chosen = and_(here, Case.event_at >= duty.opened_at - LOOKED_BACK)
    query = select(Case).where(chosen, Case.state != CaseState.VOIDED)
    return list(session.scalars(query.order_by(Case.event_at.desc()).limit(MOST_CASES)))


def _speaks_of_deaths(texts: Iterable[str]) -> bool:
    return any(_OF_DEATHS.search(text) for text in texts)


def _telling(
    session: Session, cases: Iterable[Case], texts: list[str], *, spares: bool
) -> Iterator[Risk]:
    for case in cases:
        words = identity.words(session, case)
        if spares:
            words = {word: kind for word, kind in words.items() if kind not in _OF_CARE}
        veil, course = Veil(words), _course(session, case)
        for text in texts:
            for found in veil.find(text):
                yield _risk(found.secret, text, found.start, found.end)
            for start, end, day in days_in(text, case.event_at):
                if day in course:
                    yield _risk(Secret.DAY, text, start, end)


def _course(session: Session, case: Case) -> set[date]:
    """The days that the sheets of the case's file tell of, up to the report."""
    forms = or_(*(Document.form.like(f"{form}.v%") for form in OF_THE_FILE))
    query = select(Document.form, Document.answers).where(Document.case_id == case.id, forms)
    days = {_day(case.event_at), _day(case.discovered_at), _day(case.reported_at)}
    for form, answers in session.execute(query):
        days |= {*_days(load(form).fields(), answers)}
    return {day for day in days if day <= _day(case.reported_at)}


def _days(fields: Iterable[Field], answers: Mapping[str, Any]) -> Iterator[date]:
    for field in fields:
        value = answers.get(field.name)
        if field.kind is Kind.GROUP:
            for row in value or ():
                yield from _days(field.fields, row)
        elif value and field.kind in (Kind.DATE, Kind.DATETIME):
            yield moment.day(value[:10])


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def _counts(texts: Iterable[str], least: int) -> Iterator[Risk]:
    """A count of none tells of nobody."""
    for text in texts:
        for match in _COUNTED.finditer(text):
            said = match["count"]
            count = int(said) if said.isdigit() else _CHINESE[said]
            if 0 < count < least:
                yield _risk(None, text, match.start(), match.end())


def _risk(what: Secret | None, text: str, start: int, end: int) -> Risk:
    before = "…" if start > AROUND else ""
    after = "…" if end + AROUND < len(text) else ""
    around = text[max(0, start - AROUND) : end + AROUND].replace("\n", " ")
    return Risk(what, text[start:end], f"{before}{around}{after}")
