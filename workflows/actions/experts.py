"""The expert pool: who may be asked, for what, and where they work and worked. Kept by the
commissions; who is appointed as an expert is the security administrator's matter."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy.orm import Session

from models import Appointment, Discipline, DiseaseGroup, Employment, User
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import require

LONGEST = 60  # characters of a unit's name, of a title


def describe(
    session: Session,
    expert: User,
    discipline: str,
    groups: Iterable[str],
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """What an expert may be asked for. Forbidden, InvalidAnswers ("discipline", "groups")."""
    require(by, "expert:administer")
    if discipline not in list(Discipline):
        raise InvalidAnswers({"discipline": ["选择专业"]})
    chosen = sorted(set(groups))
    if not set(chosen) <= set(DiseaseGroup):
        raise InvalidAnswers({"groups": ["从所列的病种组中选择"]})
    expert.discipline, expert.disease_groups = Discipline(discipline), chosen or None
    record(session, EventName.EXPERT_CHANGED, by=by, now=now, user=expert.id)


def add_employment(
    session: Session,
    expert: User,
    unit: str,
    title: str,
    since: str,
    until: str,
    *,
    by: Appointment,
    now: datetime,
) -> Employment:
    """Where an expert works or worked; counts for recusal. Days as "2019-03-01", `until` may be
    empty. Raises Forbidden, InvalidAnswers ("unit", "title", "since", "until")."""
    require(by, "expert:administer")
    errors: dict[str, list[str]] = {}
    if not 2 <= len(unit.strip()) <= LONGEST:
        errors["unit"] = [f"写单位的全称，2 至 {LONGEST} 字"]
    if len(title.strip()) > LONGEST:
        errors["title"] = [f"职务或职称不超过 {LONGEST} 字"]
    begin, end = _day(since), _day(until)
    if begin is None or begin > now.date():
        errors["since"] = ["写开始的日期，不晚于今天"]
    if until and (end is None or (begin is not None and end < begin)):
        errors["until"] = ["写离开的日期，不早于开始；仍在职的留空"]
    if errors or begin is None:
        raise InvalidAnswers(errors)
    row = Employment(
        user_id=expert.id,
        unit=unit.strip(),
        title=title.strip() or None,
        valid_from=begin,
        valid_to=end,
    )
    session.add(row)
    session.flush()
    record(session, EventName.EMPLOYMENT_ADDED, by=by, now=now, user=expert.id)
    return row


def end_employment(
    session: Session, row: Employment, until: str, *, by: Appointment, now: datetime
) -> None:
    """They have left; the row stays and counts. Raises Forbidden, InvalidAnswers ("until")."""
    require(by, "expert:administer")
    end = _day(until)
    if row.valid_to is not None or end is None or not row.valid_from <= end <= now.date():
        raise InvalidAnswers({f"until-{row.id}": ["写离开的日期，在开始之后，不晚于今天"]})
    row.valid_to = end
    record(session, EventName.EMPLOYMENT_ENDED, by=by, now=now, user=row.user_id)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
