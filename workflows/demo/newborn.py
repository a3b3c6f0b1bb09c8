"""A newborn's death in the demonstration: reviewed by the county under the guidance of the rescue
centre for newborns, passed on to the city, two problems being put right."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from models import Case, CaseKind, Level
from workflows.actions import meetings
from workflows.demo import answers as common
from workflows.demo.answers import newborn as answers
from workflows.demo.people import seat_of
from workflows.demo.play import QH, Play
from workflows.demo.stage import Stage

TIE_REASON = "药品和会诊不是医院一家能解决的，需要县里和救治中心约定，按创造条件可避免认定。"
_PANEL = ("chenyf", "fengjc", "chuys", "lixh", "sundq")


class Newborn(Play):
    """One newborn, played by the people of one county. `name` is the child's."""

    guide: ClassVar[str] = "sundq"
    centre: ClassVar[str] = "neonatal_centre"

    def report(self, hours: float) -> Case:
        seat = seat_of(self.stage.session, self.county.reporter)
        filled = answers.report(
            self.death, organisation=self.unit(self.county.hospital), reporter=seat.user.name
        )
        kind = CaseKind.NEONATAL_DEATH
        return self.stage.report(self.county.reporter, filled, self.at(hours), kind)

    def discuss(self, hours: float) -> None:
        sign = self._sign(self.county.office, hours)
        filled = answers.discussion(self.death, sign=sign, held_at=self.at(hours))
        self._act(self.county.office, "UT_discuss", filled, hours + 1)

    def submit(self, hours: float, step: str = "UT_submit", **over: object) -> None:
        office = self.county.office
        seat = seat_of(self.stage.session, office)
        filled = answers.case_submission(
            self.death,
            organisation=self.unit(self.county.hospital),
            region=f"{self.county.region}100",
            record_file=self.stage.upload(seat, "record.pdf", self.at(hours)).token,
            redacted_file=self.stage.upload(seat, "redacted.pdf", self.at(hours)).token,
            sign=self._sign(office, hours),
            hospital=self.county.hospital_name,
            filed_at=self.at(hours),
            **over,
        )
        self._act(office, step, filled, hours)

    def verify(self, hours: float, returned: bool = False) -> None:
        fill = answers.returned if returned else answers.verification
        counter = seat_of(self.stage.session, self.county.secretary).user.name
        sign = self._sign(self.county.mch, hours)
        filled = fill(self.at(hours), sign=sign, counter_checker=counter)
        self._act(self.county.mch, "UT_verify", filled, hours + 0.2)

    def _experts(self, level: Level) -> tuple[str, ...]:
        return _PANEL if level == Level.COUNTY else super()._experts(level)

    def _opinion(self, expert: str, at: float, number: int) -> dict[str, Any]:
        over = {"conclusion": "avoidable", "chance": "good"} if number == 1 else {}
        return answers.opinion(sign=self._sign(expert, at), **over)

    def _concluded(self, at: datetime, **asked: Any) -> dict[str, Any]:
        found = answers.concluded(owner=asked["owner"])
        return super()._concluded(at, **(found | answers.tied(TIE_REASON) | asked))

    def meet(self, hours: float, level: Level) -> None:
        """As many for one conclusion as for the other: the chair decides, with a reason."""
        super().meet(hours, level)
        meetings.break_tie(
            self.stage.session,
            self._panel(level).meeting,
            code="conditionally_avoidable",
            reason=TIE_REASON,
            by=seat_of(self.stage.session, self._experts(level)[0]),
            now=self.at(hours),
        )

    def feed_back(self, hours: float, level: str = "city") -> None:
        """Notice drafted and issued. `level`: where the review of the case ends."""
        recipients = [self.unit(self.county.hospital), self.unit(self.county.unit_mch)]
        drafter, leader = self.county.commission, self.county.leader
        said = common.notice(recipients=recipients, sign=self._sign(drafter, hours))
        self._act(drafter, "UT_notice", answers.notice(said, level=level), hours)
        issued = common.notice_issue(sign=self._sign(leader, hours + 4))
        self._act(leader, "UT_issue", issued, hours + 4)

    def checked(self) -> None:
        """Reported, signed for, discussed, submitted, sent back once, accepted."""
        self.report(3)
        self.receive(5)
        self.discuss(30)
        self.submit(60)
        self.verify(70, returned=True)
        self.submit(84, "UT_supplement", supplement_note="已补复苏记录。")
        self.verify(94)

    def reviewed(self, hours: float) -> None:
        """By the county, to the issued notice."""
        self.convene(hours, Level.COUNTY, meeting=hours + 120)
        self.opine(hours + 48, Level.COUNTY)
        self.conclude(hours + 120, Level.COUNTY)
        self.feed_back(hours + 170)


def play(stage: Stage, now: datetime) -> None:
    """市级评审: the county's review has ended, the city's panel is yet to be appointed."""
    death = (now - timedelta(days=24)).replace(second=0, microsecond=0)
    case = Newborn(Stage(stage.session, stage.units, stage.upload), QH, death, answers.NAME, "906")
    case.checked()
    case.reviewed(120)
    case.sign_for(QH.office, 310)
    case.plan(330, 40)
    case.progress(500)
