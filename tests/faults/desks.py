"""Who hands in a step, and what they type: any open step of any case of the demonstration's people.

Reads the database like a person who knows their work by heart; goes through no page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Case, Organisation, Task, User
from tests.typed import Pairs, typed
from workflows import demo
from workflows.demo import answers
from workflows.demo.people import UNITS, seat_of
from workflows.demo.play import BL, CITY_PANEL, COUNTY_PANEL, GUIDE, QH, County
from workflows.forms import load
from workflows.forms.moment import SHANGHAI, written
from workflows.forms.spec import Answers

SIGNED: Answers = {"user": 0, "name": "某某", "at": ""}  # typed as the password; the page signs
MINUTE = timedelta(minutes=1)
Upload = Callable[[str, str], str]  # who, which of the demonstration's files → token


@dataclass(frozen=True)
class Paper:
    """One form filled in: who hands it in, and what a browser would post."""

    who: str
    form: str
    answers: Answers

    def typed(self, key: str) -> Pairs:
        form = load.load(self.form)
        fixed = {field.name for field in form.fields() if field.readonly}
        said = {name: value for name, value in self.answers.items() if name not in fixed}
        return [("key", key), *typed(form, said)]


def content(name: str) -> bytes:
    """One of the demonstration's files."""
    return Path(demo.FILES / name).read_bytes()


class Desks:
    """Everybody's desk in one database. `dice` decides what is a matter of opinion."""

    def __init__(self, session: Session, upload: Upload, dice: Random) -> None:
        self.session, self.upload, self.dice = session, upload, dice
        names = dict(session.execute(select(Organisation.name, Organisation.id)).all())
        self.units = {unit.key: names[unit.name] for unit in UNITS}

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def report(self, county: County, event_at: datetime, name: str) -> Paper:
        """A death found."""
        unit = self.units[county.hospital]
        return Paper(
            county.reporter, "report.v1", answers.report(event_at, organisation=unit, name=name)
        )

    def paper(self, task: Task) -> Paper:
        """An open step, filled in well."""
        county = QH if task.case.county_code == QH.region else BL
        who, said = getattr(self, task.bpmn_id.lower())(task.case, task, county)
        return Paper(who, task.form, said)

    def _city(self, task: Task) -> bool:
        return task.level == "city"

    def _seats(self, task: Task) -> list[tuple[str, Appointment]]:
        names = CITY_PANEL if self._city(task) else COUNTY_PANEL
        return [(name, seat_of(self.session, name)) for name in names]

    def _members(self, task: Task) -> list[answers.Member]:
        seats = self._seats(task)
        return [(seat.user_id, seat.organisation_id, name == GUIDE) for name, seat in seats]

    def _board(self, task: Task, county: County) -> dict[str, Any]:
        secretary = "zhengdh" if self._city(task) else county.secretary
        commission = "city_commission" if self._city(task) else county.unit_commission
        members = self._members(task)
        return {
            "organisation": self.units[commission],
            "chair": members[0][0],
            "secretary": seat_of(self.session, secretary).user_id,
            "members": members,
        }

    # One for each step of the diagrams.

    def ut_receive(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        received = max(case.reported_at, self.now - 10 * MINUTE)
        filled = answers.receipt(
            received,
            organisation=self.units[county.unit_mch],
            commission=self.units[county.unit_commission],
            upper_mch=self.units["city_mch"],
            sign=SIGNED,
        )
        for row in filled["routing"]:
            row["at"] = written(received)  # at once: it must not lie ahead
        return county.mch, filled

    def ut_discuss(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        held = max(case.event_at + MINUTE, self.now - timedelta(hours=1))
        return county.office, answers.discussion(case.event_at, sign=SIGNED, held_at=held)

    def ut_explain(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        return county.head, answers.explanation(
            case.event_at,
            commission=self.units[county.unit_commission],
            sign=SIGNED,
            explained_at=self.now - MINUTE,
        )

    def ut_submit(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        office = county.office
        return office, answers.submission(
            case.event_at,
            organisation=self.units[county.hospital],
            region=f"{county.region}100",
            record_file=self.upload(office, "record.pdf"),
            redacted_file=self.upload(office, "redacted.pdf"),
            sign=SIGNED,
            hospital=county.hospital_name,
            filed_at=self.now,
            name=case.person.name,
            id_no=answers.id_number(case.event_at, region=county.region, serial="002"),
        )

    ut_supplement = ut_submit

    def ut_verify(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        fill = answers.returned if self.dice.random() < 0.25 else answers.verification
        return county.mch, fill(self.now, sign=SIGNED)

    def ut_convene(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        who = "chenglc" if self._city(task) else county.commission
        meeting, guide = self.now + timedelta(days=5), self.units["maternal_centre"]
        return who, answers.panel(meeting, guide=guide, **self._board(task, county))

    def ut_opinion(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        who = self.session.get_one(User, task.user_id).username
        return who, answers.opinion(sign=SIGNED)

    def ut_conclude(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        filled = answers.conclusion(
            self.now - MINUTE,
            owner=self.units[county.hospital],
            sign=SIGNED,
            **self._board(task, county),
        )
        for row in filled["attendance"]:
            row["note"] = "签到设备故障"
        if self._city(task):
            filled["problems"] = filled["problems"][:1]
            filled |= answers.DIFFERENCES
        return "zhengdh" if self._city(task) else county.secretary, filled

    def ut_chair_sign(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        who = self._seats(task)[0][0]
        if self.dice.random() < 0.1:
            return who, answers.chair_return()
        return who, answers.chair_signature(sign=SIGNED)

    def ut_member_sign(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        return self._seats(task)[1:][task.index or 0][0], answers.member_signature(sign=SIGNED)

    def ut_endorse(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        return "renys" if self._city(task) else county.leader, answers.endorsement(sign=SIGNED)

    def ut_notice(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        recipients = [self.units[county.hospital], self.units[county.unit_mch]]
        reply = (self.now + timedelta(days=30)).astimezone(SHANGHAI).date()
        return county.commission, answers.notice(
            recipients=recipients, sign=SIGNED, reply_due=reply
        )

    def ut_issue(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        if self.dice.random() < 0.1:
            return county.leader, answers.notice_return()
        return county.leader, answers.notice_issue(sign=SIGNED)

    def ut_sign_notice(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        return self._of_unit(task, county), answers.notice_receipt(sign=SIGNED)

    def _of_unit(self, task: Task, county: County) -> str:
        """Who acts for the unit that a step waits for: hospital or MCH."""
        return county.office if task.organisation_id == self.units[county.hospital] else county.mch

    def ut_plan(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        deadline = (self.now + timedelta(days=40)).astimezone(SHANGHAI).date()
        return self._of_unit(task, county), answers.plan(deadline)

    def ut_progress(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        who = self._of_unit(task, county)
        if self.dice.random() < 0.3:
            return who, answers.progress(percent=40)
        return who, answers.progress(evidence=[self.upload(who, "drill.jpg")])

    def ut_accept(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        fill = answers.rejection if self.dice.random() < 0.2 else answers.acceptance
        who = "chenglc" if self._city(task) else county.commission
        return who, fill(self.now, sign=SIGNED)

    def ut_archive(self, case: Case, task: Task, county: County) -> tuple[str, Answers]:
        return county.office, answers.archive(sign=SIGNED)
