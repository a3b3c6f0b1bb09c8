"""What surrounds a step: the values a form starts with, and what its checks need to know.

Reads the case's rows, changes nothing, knows no page.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Case,
    Document,
    Duty,
    Extension,
    Level,
    Notice,
    Organisation,
    Panel,
    Rectification,
    Region,
    Task,
    User,
)
from models.icd10 import Icd10
from workflows import (
    differences,
    duties,
    kinds,
    letters,
    measure_sheets,
    measures,
    meetings,
    newborns,
    panels,
    places,
    pooled,
    pressing,
    small_cells,
)
from workflows.forms.checks.registry import Known
from workflows.forms.load import base_name, load
from workflows.forms.spec import Answers

_ZONE = ZoneInfo("Asia/Shanghai")


def newest(session: Session, case: Case, form: str, before: int | None = None) -> Answers | None:
    """Answers of the newest document of a form (name without version) in the case."""
    query = select(Document.answers).where(
        Document.case_id == case.id, Document.form.like(f"{form}.v%")
    )
    return session.scalars(query.order_by(Document.id.desc()).limit(1)).first()


def prefill(
    session: Session, case: Case | None, task: Task | None, *, by: Appointment, now: datetime
) -> dict[str, Any]:
    """Values for `Field.default`, by dotted path. Moments are ISO 8601 in China's time.

    What takes a query is looked up only if the step's form asks for it.
    """
    asked = _families(task)
    here = now.astimezone(_ZONE)
    values: dict[str, Any] = {
        "now": here.strftime("%Y-%m-%dT%H:%M+08:00"),
        "today": here.date().isoformat(),
        "me": by.user_id,
        "my_organisation": by.organisation_id,
        "me.name": by.user.name,
        "me.phone": by.user.phone,
    }
    if case is not None:
        values.update(_case_values(case))
    if case is not None and "latest" in asked:
        values.update(_latest_values(session, case))
    if case is not None and "zone" in asked:
        centre = places.guide_centre(session, case.county_code, here.date(), kinds.of(case).zone)
        values["zone.guide"] = centre.id if centre else None
    if task is not None and task.duty is not None:
        of_duty = measure_sheets.prefill if "measure" in asked else duties.prefill
        values.update(of_duty(session, task.duty))
        values.update(letters.prefill(session, task.duty))
    if task is not None and "item" in asked:
        values.update(_item_values(session, task))
    if task is not None and asked & {"panel", "member", "meeting"}:
        values.update(_panel_values(session, task))
    if task is not None and "proposal" in asked:
        values.update(_proposal_values(session, task, now))
    return {path: value for path, value in values.items() if value is not None}


def _families(task: Task | None) -> set[str]:
    """The first words of the paths that the step's form starts with: latest, panel, item …"""
    fields = load(task.form).fields() if task is not None else ()
    return {field.default.partition(".")[0] for field in fields if field.default}


def _moment(value: datetime) -> str:
    return value.astimezone(_ZONE).strftime("%Y-%m-%dT%H:%M+08:00")


def _case_values(case: Case) -> dict[str, Any]:
    return {
        "case.number": case.number,
        "case.event_at": _moment(case.event_at),
        "case.discovered_at": _moment(case.discovered_at),
        "case.reported_at": _moment(case.reported_at),
        "case.organisation": case.organisation_id,
        "person.name": case.person.name,
        "person.id_no": case.person.id_no,
        "person.age": case.person.age,
    }


def _latest_values(session: Session, case: Case) -> dict[str, Any]:
    """latest.<form>.<field>, but never from somebody's opinion."""
    rows = session.execute(
        select(Document.form, Document.answers)
        .where(Document.case_id == case.id, Document.form.not_like("opinion.v%"))
        .order_by(Document.id)
    )
    values: dict[str, Any] = {}
    for form, answers in rows:
        base = form.rsplit(".v", 1)[0]
        values.update({f"latest.{base}.{name}": value for name, value in answers.items()})
    return values


def _item_values(session: Session, task: Task) -> dict[str, Any]:
    if task.rectification_id is None:
        return {}
    item = session.get_one(Rectification, task.rectification_id)
    return {
        "item.number": item.number,
        "item.problem": item.problem,
        "item.measure": item.measure,
        "item.deadline": item.deadline.isoformat() if item.deadline else None,
        "item.first_deadline": item.first_deadline.isoformat() if item.first_deadline else None,
        "item.owner": item.owner_id,
        "item.guidance": "\n".join(row.guidance or "" for row in pressing.unanswered(item)) or None,
        **_extension_values(session, task),
    }


def _extension_values(session: Session, task: Task) -> dict[str, Any]:
    """What the owner has asked for."""
    if task.duty_id is None:
        return {}
    wish = session.scalars(select(Extension).where(Extension.duty_id == task.duty_id)).one_or_none()
    if wish is None:
        return {}
    return {
        "extension.before": wish.before.isoformat(),
        "extension.until": wish.until.isoformat(),
        "extension.reason": wish.reason,
    }


def _panel_values(session: Session, task: Task) -> dict[str, Any]:
    panel = panel_of(session, task)
    if panel is None:
        return {}
    return {
        "panel.chair": panel.chair_id,
        "panel.secretary": panel.secretary_id,
        "panel.planned_at": _moment(panel.planned_at),
        "panel.guide": panel.guide_organisation_id,
        "panel.members": [
            {
                "user": member.user_id,
                "organisation": member.organisation_id,
                "is_guide": member.is_guide,
            }
            for member in panel.members
            if member.ended_at is None
        ],
        **_own_seat(panel, task),
        **_meeting_values(session, panel, task),
    }


def _meeting_values(session: Session, panel: Panel, task: Task) -> dict[str, Any]:
    """For the step that writes down a meeting, and only there: the opinions are opened then."""
    if panel.opened_at is None or base_name(task.form) != "conclusion":
        return {}
    return meetings.values(session, panel) | pooled.pooled(session, panel)


def _own_seat(panel: Panel, task: Task) -> dict[str, Any]:
    """What the expert of this step declared."""
    if base_name(task.form) != "opinion":
        return {}
    declared = any(member.place == task.index and member.reads for member in panel.members)
    return {"member.coi": "none", "member.promised": True} if declared else {}


def _proposal_values(session: Session, task: Task, now: datetime) -> dict[str, Any]:
    """For the step that appoints a panel, and only there: it takes the whole case to compute."""
    if base_name(task.form) != "panel" or task.level is None or task.case is None:
        return {}
    proposal = panels.propose(session, task.case, Level(task.level), now)
    return {"proposal.members": proposal.rows()}


def panel_of(session: Session, task: Task) -> Panel | None:
    """The panel of the level a step stands at, once appointed."""
    if task.level is None:
        return None
    return session.scalars(
        select(Panel).where(Panel.case_id == task.case_id, Panel.level == task.level)
    ).one_or_none()


def known(
    session: Session, case: Case | None, task: Task | None, *, by: Appointment, now: datetime
) -> Known:
    """What the checks of a form may ask about the world."""
    today = now.astimezone(_ZONE).date()

    def organisation(key: int, kinds: tuple[str, ...]) -> bool:
        row = session.get(Organisation, key)
        return row is not None and row.active and (not kinds or row.kind.value in kinds)

    def user(key: int, roles: tuple[str, ...]) -> bool:
        query = select(func.count()).select_from(Appointment).join(User)
        query = query.where(
            Appointment.user_id == key,
            User.active,
            Appointment.valid_from <= today,
            or_(Appointment.valid_to.is_(None), Appointment.valid_to >= today),
        )
        if roles:
            query = query.where(Appointment.role.in_(roles))
        return bool(session.scalar(query))

    def latest(form: str) -> Answers | None:
        return newest(session, case, form) if case is not None else None

    return Known(
        icd10=_exists(session, Icd10),
        region=_exists(session, Region),
        attachment=_files(session, case, task, by),
        organisation=organisation,
        user=user,
        latest=latest,
        case=_facts(session, case, task, by),
    )


def _files(
    session: Session, case: Case | None, task: Task | None, by: Appointment
) -> Callable[[str], bool]:
    """Whether an answer may name a file: one's own upload, or one that the case or duty has."""

    def there(token: str) -> bool:
        row = session.scalars(select(Attachment).where(Attachment.token == token)).one_or_none()
        if row is None:
            return False
        if row.case_id is not None:
            return case is not None and row.case_id == case.id
        if row.duty_id is not None:
            return task is not None and row.duty_id == task.duty_id
        return row.uploaded_by_id == by.user_id

    return there


def _exists(session: Session, table: type[Icd10] | type[Region]) -> Callable[[str], bool]:
    def there(code: str) -> bool:
        return session.scalar(select(table.id).where(table.code == code)) is not None

    return there


def _facts(
    session: Session, case: Case | None, task: Task | None, by: Appointment
) -> dict[str, Any]:
    facts = _plain_facts(session, case, task, by)
    if task is not None and base_name(task.form) == "notice_issue":
        facts["recognisable"] = [risk.words for risk in recognisable(session, task)]
    if task is not None and task.duty is not None:
        facts["look_for_recognisable"] = partial(_words_that_tell, session, task.duty)
    return facts


def _words_that_tell(session: Session, duty: Duty, answers: Answers) -> list[str]:
    return [risk.words for risk in small_cells.of_answers(session, None, duty, answers)]


def recognisable(session: Session, task: Task) -> list[small_cells.Risk]:
    """What tells who she was in the draft that a step is about; see small_cells."""
    notice = session.scalars(
        select(Notice)
        .where(
            Notice.case_id == task.case_id,
            Notice.duty_id == task.duty_id,
        )
        .order_by(Notice.id.desc())
        .limit(1)
    ).one_or_none()
    return small_cells.of_notice(session, notice) if notice is not None else []


def _plain_facts(
    session: Session, case: Case | None, task: Task | None, by: Appointment
) -> dict[str, Any]:
    if case is not None:
        return _case_facts(session, case, task, by)
    if task is not None and task.duty is not None:
        known = measure_sheets.known if task.duty.kind in measures.MEASURES else duties.facts
        return known(session, task.duty) | _item_facts(session, task, by)
    return {}


def _case_facts(session: Session, case: Case, task: Task | None, by: Appointment) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "event_at": case.event_at,
        "discovered_at": case.discovered_at,
        "reported_at": case.reported_at,
        "organisation": case.organisation_id,
        "person_name": case.person.name,
        "moment": kinds.of(case).moment,
        "born_at": case.born_at,
        "mother_case": partial(newborns.can_name_mother, session, by),
    }
    if task is not None and base_name(task.form) == "conclusion":
        facts |= _review_facts(session, case, task)
    return facts | _item_facts(session, task, by)


def _item_facts(session: Session, task: Task | None, by: Appointment) -> dict[str, Any]:
    if task is None or task.rectification_id is None:
        return {}
    item = session.get_one(Rectification, task.rectification_id)
    return {
        "owner": item.owner_id,
        "acceptor_for": by.organisation_id,
        "open_guidance": partial(pressing.unanswered, item),
    }


def _review_facts(session: Session, case: Case, task: Task) -> dict[str, Any]:
    """What a conclusion is checked against: the level below, and who was at the meeting."""
    panel = panel_of(session, task)
    below = differences.answers_below(session, case, Level(task.level or ""))
    lower = {"lower": below, "lower_conclusion": below.get("conclusion")} if below else {}
    return lower | (meetings.facts(panel) if panel is not None else {})
