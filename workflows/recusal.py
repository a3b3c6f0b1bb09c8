"""Who may not sit on a panel of a case (回避): computed from the case's own rows, with the reason.

The expert group that rescues also reviews (B03), so those who treated her stand back: people of the
units that had a part in her care, people whom the case's sheets name, and whoever took a step of
the case for such a unit. Reads rows, changes nothing; what an override needs is the commission's.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from models import (
    Appointment,
    Case,
    Document,
    Employment,
    Guest,
    Meeting,
    Organisation,
    OrganisationKind,
    Panel,
    PanelMember,
    User,
)
from workflows.forms.load import base_name, load
from workflows.forms.spec import Answers, Form

# Where sheets name the units that had a part in her care: form → questions, "group.question".
_UNITS: Mapping[str, tuple[str, ...]] = {
    "report": ("reporter_org",),
    "case_submission": (
        "fill_org",
        "delivery_hospital",
        "death_hospital",
        "from_hospital",
        "first_visit",
        "last_anc_org",
        "first_contact_org",
        "admit_from",
        "referral_chain.from_org",
        "referral_chain.to_org",
        "timeline.place",
    ),
    "conclusion": ("treating_staff.organisation",),
}
# Where they name people who treated her, discussed her death, or spoke for the hospital.
_DISCUSSION = ("chair", "attendees.name", "presenter", "opinions.person")
_PEOPLE: Mapping[str, tuple[str, ...]] = {
    "report": ("reporter",),
    "in_hospital_discussion": _DISCUSSION,
    "second_discussion": _DISCUSSION,
    "head_explanation": ("explained_by",),
    "case_submission": (
        "husband_name",
        "mother_name",
        "father_name",
        "filler",
        "coder",
        "family_contact_doctor",
        "timeline.people",
        "mdt_arrivals.person",
    ),
    "conclusion": ("treating_staff.name",),
}
_TREAT = (OrganisationKind.HOSPITAL, OrganisationKind.MCH, OrganisationKind.RESCUE_CENTRE)
_LOOSE = ("timeline.place", "admit_from")  # as often a home or a ward as a unit
_NO_UNIT = frozenset({"无", "不详", "未就诊", "未检查", "自行来院", "家中"})

_SEPARATORS = re.compile(r"[、,，;；/|()（）\[\]【】:：\n\t]")
_NOT_LETTERS = re.compile(r"[\W_]+")
_TITLES = re.compile(
    r"(副?主任(医师|护师|技师|药师)?|(主治|住院|产科)?医师|医生|主管护师|护士长|护士|护师|助产士"
    r"|副?院长|教授|老师|技师)$"
)
_DESK = re.compile(r"^.*[科室院部区组心]")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why one person should stand back. `source`: where the case says so. Both in Chinese."""

    user_id: int
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Mention:
    """What one sheet of the case answers to one question."""

    value: str | int
    question: str  # its label
    source: str
    loose: bool


@dataclass(frozen=True, slots=True)
class Treating:
    """A unit that had a part in her care, or is run by or runs one that had (`through`)."""

    unit: Organisation
    source: str
    through: Organisation | None = None


def conflicts(session: Session, case: Case) -> list[Conflict]:
    """Everybody known who should not review the case, by person; one line for each reason."""
    units = treating(session, case)
    found = [
        *_of_appointments(session, units),
        *_of_employments(session, case, units),
        *_of_names(session, case),
        *_of_steps(session, case, units),
        *_of_declarations(session, case),
    ]
    return sorted(dict.fromkeys(found), key=lambda conflict: conflict.user_id)


def reasons(session: Session, case: Case, user_id: int) -> list[str]:
    """Why this person should stand back; empty if nothing in the case says so."""
    found = (each.reason for each in conflicts(session, case) if each.user_id == user_id)
    return list(dict.fromkeys(found))


def treating(session: Session, case: Case) -> dict[int, Treating]:
    """The units that had a part in her care, by id: those the case names, and with each the
    hospital that runs it and the centres it runs, whose people are the same."""
    known = {unit.id: unit for unit in session.scalars(select(Organisation))}
    found = {case.organisation_id: Treating(known[case.organisation_id], "报告单位")}
    for mention in _mentions(session, case, _UNITS):
        for unit in _called(mention.value, known.values()):
            found.setdefault(unit.id, Treating(unit, mention.source))
    houses = {_house(treats.unit): treats for treats in reversed(found.values())}
    for unit in known.values():
        if (treats := houses.get(_house(unit))) is not None:
            found.setdefault(unit.id, Treating(unit, treats.source, treats.unit))
    return found


def _house(unit: Organisation) -> int:
    """The institution whose people these are: a rescue centre is a duty of its hospital."""
    return unit.host_id or unit.id


def unknown_units(session: Session, case: Case) -> list[Mention]:
    """Units that the case names and that are none of ours: a person must look at those."""
    known = list(session.scalars(select(Organisation)))
    found = {
        _letters(mention.value): mention
        for mention in _mentions(session, case, _UNITS)
        if isinstance(mention.value, str) and not mention.loose
        if mention.value.strip() not in _NO_UNIT and not _called(mention.value, known)
    }
    return list(found.values())


# What the sheets say


def _mentions(
    session: Session, case: Case, wanted: Mapping[str, tuple[str, ...]]
) -> Iterator[Mention]:
    for base, document in _newest(session, case, wanted).items():
        form = load(document.form)
        for path in wanted[base]:
            for value in _values(document.answers, path):
                label = _label(form, path)
                yield Mention(value, label, f"《{form.title}》{label}", path in _LOOSE)


def _newest(session: Session, case: Case, bases: Iterable[str]) -> dict[str, Document]:
    """The newest sheet of each form: a correction takes the place of what it corrects."""
    named = or_(*(Document.form.like(f"{base}.v%") for base in bases))
    rows = session.scalars(
        select(Document).where(Document.case_id == case.id, named).order_by(Document.id)
    )
    return {base_name(row.form): row for row in rows}


def _label(form: Form, path: str) -> str:
    """What the question is called; of a row, what its group is."""
    return next(field.label for field in form.fields() if field.name == path.partition(".")[0])


def _values(answers: Answers, path: str) -> Iterator[str | int]:
    first, _, inner = path.partition(".")
    value = answers.get(first)
    found = [row.get(inner) for row in value or ()] if inner else [value]
    yield from (each for each in found if isinstance(each, str | int) and each)


# Units


def _called(value: str | int, units: Iterable[Organisation]) -> list[Organisation]:
    """The units that are meant: by id, by full name anywhere in the text, or by short name."""
    if isinstance(value, int):
        return [unit for unit in units if unit.id == value]
    text = _letters(value)
    return [
        unit
        for unit in units
        if unit.kind in _TREAT
        and (_unit_letters(unit.name) in text or _unit_letters(unit.short_name) == text)
    ]


@lru_cache(maxsize=65536)  # thousands of units, held against every line that names one
def _unit_letters(name: str) -> str:
    return _letters(name)


def _of_appointments(session: Session, units: Mapping[int, Treating]) -> Iterator[Conflict]:
    """Appointments that ended count: she may have been treated before, and loyalty lasts."""
    held = session.scalars(
        select(Appointment).where(Appointment.organisation_id.in_(units)).order_by(Appointment.id)
    )
    for seat in held:
        treats = units[seat.organisation_id]
        if seat.stands_for_id is not None:
            reason = f"{seat.valid_from} 至 {seat.valid_to} 在{treats.unit.name}代理"
        elif seat.valid_to is None:
            reason = f"任职于{treats.unit.name}（{seat.valid_from} 起）"
        else:
            reason = f"曾任职于{treats.unit.name}（{seat.valid_from} 至 {seat.valid_to}）"
        if treats.through is not None:
            reason += f"，与参加救治的{treats.through.name}同属一家"
        yield Conflict(seat.user_id, reason, treats.source)


def _of_employments(
    session: Session, case: Case, units: Mapping[int, Treating]
) -> Iterator[Conflict]:
    """Employers besides the appointments here; those the case names count though none of ours."""
    ours = [treats.unit for treats in units.values()]
    strange = {
        _letters(mention.value): mention.source
        for mention in _mentions(session, case, _UNITS)
        if isinstance(mention.value, str) and not _called(mention.value, ours)
    }
    for row in session.scalars(select(Employment).order_by(Employment.id)):
        called = _called(row.unit, ours)
        source = units[called[0].id].source if called else strange.get(_letters(row.unit))
        if source is not None:
            reason = f"任职于{row.unit}（{row.valid_from} 起）"
            if row.valid_to is not None:
                reason = f"曾任职于{row.unit}（{row.valid_from} 至 {row.valid_to}）"
            yield Conflict(row.user_id, reason, source)


def _of_steps(session: Session, case: Case, units: Mapping[int, Treating]) -> Iterator[Conflict]:
    rows = session.scalars(
        select(Document)
        .join(Appointment, Appointment.id == Document.appointment_id)
        .where(Document.case_id == case.id, Appointment.organisation_id.in_(units))
        .order_by(Document.id)
        .options(joinedload(Document.appointment))
    )
    for row in rows:
        unit = units[row.appointment.organisation_id].unit
        reason = f"代表{unit.name}办理过《{load(row.form).title}》"
        yield Conflict(row.author_id, reason, "办理记录")


def _of_declarations(session: Session, case: Case) -> Iterator[Conflict]:
    """Whoever stood back from one level's panel stands back from the next."""
    rows = session.scalars(
        select(PanelMember)
        .join(Panel, Panel.id == PanelMember.panel_id)
        .where(Panel.case_id == case.id, PanelMember.ended_at.is_not(None))
        .order_by(PanelMember.id)
    )
    for row in rows:
        yield Conflict(row.user_id, "在本例评审中因利害关系退出", "专家声明")


# Names


def _of_names(session: Session, case: Case) -> Iterator[Conflict]:
    said = [(each, _Wording.of(str(each.value))) for each in _mentions(session, case, _PEOPLE)]
    said += [(each, _Wording.of(str(each.value))) for each in _guests(session, case)]
    for user_id, name in session.execute(select(User.id, User.name).order_by(User.id)):
        key = _letters(name)
        for mention, wording in said:
            if wording.names(key):
                yield Conflict(user_id, f"姓名见于「{mention.question}」", mention.source)


def _guests(session: Session, case: Case) -> Iterator[Mention]:
    """Who explained the treatment at an earlier level's meeting."""
    rows = session.scalars(
        select(Guest.name)
        .join(Meeting, Meeting.id == Guest.meeting_id)
        .join(Panel, Panel.id == Meeting.panel_id)
        .where(Panel.case_id == case.id)
        .order_by(Guest.id)
    )
    for name in rows:
        yield Mention(name, "参会的救治单位人员", "评审会记录", loose=False)


@dataclass(frozen=True, slots=True)
class _Wording:
    """A text such as 「产科 秦思远主任、林小满」 taken apart, once for all the people it may name.

    Blanks, width and the dots of names do not matter. A name of two characters must stand alone,
    apart from department and title: it could be the beginning of somebody else's.
    """

    pieces: tuple[str, ...]
    words: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "_Wording":
        apart = [each for each in _SEPARATORS.split(unicodedata.normalize("NFKC", text)) if each]
        pieces = tuple(_letters(piece) for piece in apart)
        words = [*pieces, *(_letters(word) for piece in apart for word in piece.split())]
        return cls(pieces, frozenset([*words, *map(_bare, words)]))

    def names(self, key: str) -> bool:
        if len(key) > 2:
            return any(key in piece for piece in self.pieces)
        return len(key) == 2 and key in self.words


def names_in(text: str) -> list[str]:
    """The pieces of such a text without department and title: names, where it names people."""
    pieces = _SEPARATORS.split(unicodedata.normalize("NFKC", text))
    words = [_bare(word) for piece in pieces for word in piece.split()]
    return [word for word in dict.fromkeys(words) if len(word) > 1]


def _bare(word: str) -> str:
    """Without the department before a name and the title behind it."""
    return _DESK.sub("", _TITLES.sub("", word))


def _letters(text: str | int) -> str:
    """Only what tells names apart: one width, one case, no blank, no dot."""
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", str(text))).casefold()
