"""Two near misses of the demonstration: one that was reviewed at a meeting of the zone, one waiting
to be chosen. Times are hours after the first criterion was met."""

from datetime import datetime, timedelta
from typing import Any

from models import Case, CaseKind, Level
from workflows.demo import answers as common
from workflows.demo.answers import nearmiss as answers
from workflows.demo.people import seat_of
from workflows.demo.play import BL, QH, Play
from workflows.demo.stage import Stage


class Survival(Play):
    """One woman who lived, played by the people of one county."""

    def report(self, hours: float) -> Case:
        seat = seat_of(self.stage.session, self.county.reporter)
        filled = answers.report(
            self.death,
            organisation=self.unit(self.county.hospital),
            reporter=seat.user.name,
            name=self.name,
        )
        kind = CaseKind.MATERNAL_NEARMISS
        return self.stage.report(self.county.reporter, filled, self.at(hours), kind)

    def receive(self, hours: float) -> None:
        filled = common.receipt(
            self.at(hours),
            organisation=self.unit(self.county.unit_mch),
            commission=self.unit(self.county.unit_commission),
            upper_mch=self.unit("city_mch"),
            sign=self._sign(self.county.mch, hours),
            call_note=answers.CALLED_BACK,
        )
        self._act(self.county.mch, "UT_receive", filled, hours + 0.2)

    def submit(self, hours: float, step: str = "UT_submit", **over: object) -> None:
        office = self.county.office
        seat = seat_of(self.stage.session, office)
        number = common.id_number(self.death, region=self.county.region, serial=self.serial)
        filled = answers.case_submission(
            self.death,
            organisation=self.unit(self.county.hospital),
            region=f"{self.county.region}100",
            record_file=self.stage.upload(seat, "record.pdf", self.at(hours)).token,
            redacted_file=self.stage.upload(seat, "redacted.pdf", self.at(hours)).token,
            sign=self._sign(office, hours),
            hospital=self.county.hospital_name,
            filed_at=self.at(hours),
            **({"name": self.name, "id_no": number} | over),
        )
        self._act(office, step, filled, hours)

    def verify(self, hours: float, returned: bool = False) -> None:
        fill = answers.returned if returned else answers.verification
        counter = seat_of(self.stage.session, self.county.secretary).user.name
        filled = fill(
            self.at(hours), sign=self._sign(self.county.mch, hours), counter_checker=counter
        )
        self._act(self.county.mch, "UT_verify", filled, hours + 0.2)

    def select(self, hours: float, level: str) -> None:
        """The county's commission chooses."""
        who = self.county.commission
        filled = answers.selection(sign=self._sign(who, hours), level=level)
        self._act(who, "UT_select", filled, hours)

    def _opinion(self, expert: str, at: float, number: int) -> dict[str, Any]:
        over = {"conclusion": "adequate"} if number == 1 else {}
        return answers.opinion(sign=self._sign(expert, at), **over)

    def _concluded(self, at: datetime, **asked: Any) -> dict[str, Any]:
        return answers.conclusion(at, **asked)

    def feed_back(self, hours: float, level: Level = Level.COUNTY) -> None:
        county = level is Level.COUNTY
        drafter = self.county.commission if county else "chenglc"
        leader = self.county.leader if county else "renys"
        recipients = [self.unit(self.county.hospital), self.unit(self.county.unit_mch)]
        said = common.notice(recipients=recipients, sign=self._sign(drafter, hours))
        self._act(drafter, "UT_notice", answers.notice(said), hours)
        issued = common.notice_issue(sign=self._sign(leader, hours + 4))
        self._act(leader, "UT_issue", issued, hours + 4)

    def registered(self) -> None:
        """Found, signed for, submitted, accepted."""
        self.report(3)
        self.receive(4)
        self.submit(60)
        self.verify(80)


def _event(now: datetime, hours: float) -> datetime:
    return (now - timedelta(hours=hours)).replace(second=0, microsecond=0)


def _found(play: Survival) -> list[dict[str, Any]]:
    """Other problems than those that the deaths have left at the same hospital."""
    calling, blood, anaemia = answers.problems(owner=play.unit(play.county.hospital))
    return [
        calling
        | {
            "text": "出血到 500 毫升由谁呼叫二线、几分钟到场，流程没有写明，靠值班人员经验。",
            "kind": "management",
        },
        blood | {"text": "红细胞 40 分钟到位，夜间取血没有指定人员和路线。", "kind": "management"},
        anaemia | {"text": "孕 36 周贫血没有复查，专案管理没有到期提醒。"},
    ]


def reviewed(stage: Stage, now: datetime) -> None:
    """整改: the city's review has ended, two problems are being put right."""
    play = Survival(stage, QH, _event(now, 24 * 40), "柳知春", "902")
    play.registered()
    play.select(100, "city")
    play.convene(120, Level.CITY, meeting=300)
    play.opine(180, Level.CITY)
    play.conclude(300, Level.CITY, problems=_found(play))
    play.feed_back(360, Level.CITY)
    play.sign_for(QH.office, 400)


def waiting(stage: Stage, now: datetime) -> None:
    """待选例: accepted yesterday; the commission has not chosen yet."""
    play = Survival(stage, BL, _event(now, 24 * 5), "苇如兰", "904")
    play.registered()


TWO = (reviewed, waiting)


def play(stage: Stage, now: datetime) -> None:
    """Both, each on a stage of its own."""
    for case in TWO:
        case(Stage(stage.session, stage.units, stage.upload), now)
