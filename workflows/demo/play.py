"""How a case is played, part by part, by the people of one county. Times are hours after death."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from sqlalchemy import select

from models import Case, Duty, DutyKind, DutyState, Level, Panel, Rectification
from workflows.actions import meetings
from workflows.demo import answers, ledger
from workflows.demo.people import BAILU, QINGHE, seat_of
from workflows.demo.stage import Stage
from workflows.meetings import is_on, is_open

_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class County:
    """Who acts for a county and its hospital, by username; units by key."""

    region: str
    hospital: str
    hospital_name: str
    reporter: str
    office: str
    head: str
    mch: str
    secretary: str
    commission: str
    leader: str
    unit_mch: str
    unit_commission: str


QH = County(
    QINGHE, "qh_hospital", "青禾县人民医院", "linxm", "zhougy", "helx", "shenqm", "wugs", "fangcf",
    "shaoxz", "qh_mch", "qh_commission",
)  # fmt: skip
BL = County(
    BAILU, "bl_hospital", "白鹭县人民医院", "hexs", "subl", "chenjz", "gaomz", "yuedh", "guqf",
    "dongdz", "bl_mch", "bl_commission",
)  # fmt: skip

COUNTY_PANEL = ("chenyf", "qianqs", "fengjc", "chuys", "lixh")
CITY_PANEL = ("wangzy", "qianqs", "zhaocs", "sundq", "fengjc")
GUIDE = "qianqs"


@dataclass
class Play:
    """One case of one county. `name` and `serial` tell its woman apart from the others."""

    stage: Stage
    county: County
    death: datetime
    name: str
    serial: str
    guide: ClassVar[str] = GUIDE
    centre: ClassVar[str] = "maternal_centre"

    def at(self, hours: float) -> datetime:
        return (self.death + timedelta(hours=hours)).replace(second=0, microsecond=0)

    def unit(self, key: str) -> int:
        return self.stage.units[key].id

    def user(self, username: str) -> int:
        return seat_of(self.stage.session, username).user_id

    def _act(self, who: str, step: str, filled: dict[str, Any], hours: float) -> None:
        self.stage.act(who, step, filled, self.at(hours))

    def _sign(self, who: str, hours: float) -> dict[str, Any]:
        return self.stage.sign(who, self.at(hours))

    def report(self, hours: float) -> Case:
        """The department reports."""
        seat = seat_of(self.stage.session, self.county.reporter)
        filled = answers.report(
            self.death,
            organisation=self.unit(self.county.hospital),
            reporter=seat.user.name,
            name=self.name,
        )
        return self.stage.report(self.county.reporter, filled, self.at(hours))

    def receive(self, hours: float) -> None:
        filled = answers.receipt(
            self.at(hours),
            organisation=self.unit(self.county.unit_mch),
            commission=self.unit(self.county.unit_commission),
            upper_mch=self.unit("city_mch"),
            sign=self._sign(self.county.mch, hours),
        )
        self._act(self.county.mch, "UT_receive", filled, hours + 0.2)

    def discuss(self, hours: float) -> None:
        filled = answers.discussion(
            self.death, sign=self._sign(self.county.office, hours), held_at=self.at(hours)
        )
        self._act(self.county.office, "UT_discuss", filled, hours + 1)

    def explain(self, hours: float) -> None:
        filled = answers.explanation(
            self.death,
            commission=self.unit(self.county.unit_commission),
            sign=self._sign(self.county.head, hours),
            explained_at=self.at(hours),
        )
        self._act(self.county.head, "UT_explain", filled, hours + 0.3)

    def submit(self, hours: float, step: str = "UT_submit", **over: object) -> None:
        office = self.county.office
        seat = seat_of(self.stage.session, office)
        record = self.stage.upload(seat, "record.pdf", self.at(hours))
        redacted = self.stage.upload(seat, "redacted.pdf", self.at(hours))
        filled = answers.submission(
            self.death,
            organisation=self.unit(self.county.hospital),
            region=f"{self.county.region}100",
            record_file=record.token,
            redacted_file=redacted.token,
            sign=self._sign(office, hours),
            hospital=self.county.hospital_name,
            filed_at=self.at(hours),
            **(
                {
                    "name": self.name,
                    "id_no": answers.id_number(
                        self.death, region=self.county.region, serial=self.serial
                    ),
                }
                | over
            ),
        )
        self._act(office, step, filled, hours)

    def verify(self, hours: float, returned: bool = False) -> None:
        fill = answers.returned if returned else answers.verification
        counter = seat_of(self.stage.session, self.county.secretary).user.name
        filled = fill(
            self.at(hours), sign=self._sign(self.county.mch, hours), counter_checker=counter
        )
        self._act(self.county.mch, "UT_verify", filled, hours + 0.2)

    def convene(self, hours: float, level: Level, meeting: float) -> None:
        members = self._members(level)
        filled = answers.panel(
            self.at(meeting),
            organisation=self.unit(self._commission(level)),
            chair=members[0][0],
            secretary=self.user(self._secretary(level)),
            members=members,
            guide=self.unit(self.centre),
        )
        who = self.county.commission if level == Level.COUNTY else "chenglc"
        self._act(who, "UT_convene", filled, hours)
        for expert in self._experts(level):
            self.stage.declare(expert, self.at(hours + 0.5))

    def opine(self, hours: float, level: Level, experts: Sequence[str] | None = None) -> None:
        """Experts file, two hours apart; by default all of the panel."""
        for number, expert in enumerate(experts or self._experts(level)):
            at = hours + 2 * number
            filled = self._opinion(expert, at, number)
            self.stage.declare(expert, self.at(at))  # nothing, if done before
            self._act(expert, "UT_opinion", filled, at)

    def _opinion(self, expert: str, at: float, number: int) -> dict[str, Any]:
        """The sheet of the expert of that number: the second sees it otherwise than the rest."""
        over: dict[str, Any] = {}
        if number == 1:
            over = {
                "conclusion": "avoidable",
                "reason": "县医院具备处置能力，按规范称重计量并及时备血即可避免死亡。",
                "chance": "good",
            }
        return answers.opinion(sign=self._sign(expert, at), **over)

    def meet(self, hours: float, level: Level) -> None:
        """The secretary moves the meeting if it is another day; everybody signs in. Nothing when
        it has been held."""
        meeting, now = self._panel(level).meeting, self.at(hours)
        session, secretary = self.stage.session, self._secretary(level)
        if not is_open(session, meeting.panel):
            return
        if not is_on(meeting, now):
            meetings.plan(
                session,
                meeting,
                held_at=now,
                mode=meeting.mode,
                place=meeting.place,
                agenda=meeting.agenda,
                by=seat_of(session, secretary),
                now=now - timedelta(minutes=10),
            )
        for member in self._panel(level).members:
            if member.reads:
                by = seat_of(session, member.user.username)
                meetings.sign_in(session, meeting, by=by, now=now)

    def conclude(self, hours: float, level: Level, **over: object) -> None:
        """Meeting, minutes, the chair's signature, the members', the administration's."""
        self.meet(hours, level)
        panel = self._panel(level)
        members = [
            (each.user_id, each.organisation_id, each.is_guide)
            for each in panel.members
            if each.reads
        ]
        secretary = self._secretary(level)
        filled = self._concluded(
            self.at(hours),
            organisation=self.unit(self._commission(level)),
            chair=panel.chair_id,
            secretary=self.user(secretary),
            members=members,
            owner=self.unit(self.county.hospital),
            sign=self._sign(secretary, hours + 3),
            **over,
        )
        self._act(secretary, "UT_conclude", filled, hours + 3)
        chair, *others = sorted(
            (each for each in panel.members if each.reads),
            key=lambda each: each.user_id != panel.chair_id,
        )
        signed = answers.chair_signature(sign=self._sign(chair.user.username, hours + 5))
        self._act(chair.user.username, "UT_chair_sign", signed, hours + 5)
        for number, other in enumerate(others):
            self.countersign(hours + 6 + number / 4, other.user.username)
        leader = self.county.leader if level == Level.COUNTY else "renys"
        self._act(
            leader,
            "UT_endorse",
            answers.endorsement(sign=self._sign(leader, hours + 26)),
            hours + 26,
        )

    def _concluded(self, at: datetime, **asked: Any) -> dict[str, Any]:
        """The sheet: all for one conclusion, except one."""
        against = answers.votes(len(asked["members"]), against=1)
        return answers.conclusion(at, **(against | {"dissent": "一名专家认为不可避免。"} | asked))

    def countersign(self, hours: float, who: str, reserved: str = "") -> None:
        """One member signs the conclusion, with a view reserved or without."""
        filled = answers.member_signature(sign=self._sign(who, hours), reserved=reserved)
        self._act(who, "UT_member_sign", filled, hours)

    def _panel(self, level: Level) -> Panel:
        query = select(Panel).where(Panel.case == self.stage.case, Panel.level == level)
        return self.stage.session.scalars(query).one()

    def feed_back(self, hours: float) -> None:
        """Notice drafted and issued."""
        recipients = [self.unit(self.county.hospital), self.unit(self.county.unit_mch)]
        drafter, leader = self.county.commission, self.county.leader
        reply = (self.at(hours) + timedelta(days=30)).astimezone(_ZONE).date()
        filled = answers.notice(
            recipients=recipients, sign=self._sign(drafter, hours), reply_due=reply
        )
        self._act(drafter, "UT_notice", filled, hours)
        self._act(
            leader, "UT_issue", answers.notice_issue(sign=self._sign(leader, hours + 4)), hours + 4
        )

    def sign_for(self, who: str, hours: float) -> None:
        filled = answers.notice_receipt(sign=self._sign(who, hours))
        self._act(who, "UT_sign_notice", filled, hours)

    def answer(self, who: str, hours: float) -> None:
        """A unit answers the notice in writing; the commission accepts it."""
        session, seat = self.stage.session, seat_of(self.stage.session, who)
        asked = (
            select(Duty)
            .where(
                Duty.kind == DutyKind.NOTICE_REPLY,
                Duty.organisation_id == seat.organisation_id,
                Duty.state == DutyState.OPEN,
            )
            .order_by(Duty.id.desc())
        )
        self.stage.duty = session.scalars(asked.limit(1)).one()
        said = answers.reply(sign=self._sign(who, hours), contact=seat.user.name)
        self._act(who, "UT_reply", said, hours)
        reader, later = self.county.commission, hours + 20
        read = answers.reply_reading(sign=self._sign(reader, later))
        self._act(reader, "UT_reply_read", read, later)
        self.stage.duty = None

    def plan(self, hours: float, days: int) -> date:
        """The hospital plans its first item without a plan; returns the deadline."""
        deadline = (self.at(hours) + timedelta(days=days)).astimezone(_ZONE).date()
        self._act(self.county.office, "UT_plan", answers.plan(deadline), hours)
        return deadline

    def progress(self, hours: float, percent: int = 100) -> None:
        seat = seat_of(self.stage.session, self.county.office)
        evidence = [self.stage.upload(seat, "drill.jpg", self.at(hours)).token]
        filled = answers.progress(percent=percent, evidence=evidence)
        self._act(self.county.office, "UT_progress", filled, hours)

    def extend(self, hours: float, days: int) -> None:
        """The hospital asks more time for its first item under way; the leader agrees."""
        office = seat_of(self.stage.session, self.county.office)
        task = self.stage.step_of(office, "UT_progress")
        item = self.stage.session.get_one(Rectification, task.rectification_id)
        who = (self.county.office, self.county.leader)
        ledger.extend(self.stage, item, *who, days=days, at=self.at(hours))

    def accept(self, hours: float, level: Level = Level.COUNTY) -> None:
        who = self.county.commission if level == Level.COUNTY else "chenglc"
        filled = answers.acceptance(self.at(hours), sign=self._sign(who, hours))
        self._act(who, "UT_accept", filled, hours + 0.2)

    def reject(self, hours: float) -> None:
        who = self.county.commission
        filled = answers.rejection(self.at(hours), sign=self._sign(who, hours))
        self._act(who, "UT_accept", filled, hours + 0.2)

    def archive(self, hours: float) -> None:
        office = self.county.office
        self._act(office, "UT_archive", answers.archive(sign=self._sign(office, hours)), hours)

    def first_48h(self) -> None:
        """Everything in time."""
        self.report(1.5)
        self.receive(2.5)
        self.discuss(10)
        self.explain(20)
        self.submit(40)

    def county_review(self, hours: float) -> None:
        """From convening to the issued notice, in time for a meeting five days later."""
        self.convene(hours, Level.COUNTY, meeting=hours + 120)
        self.opine(hours + 48, Level.COUNTY)
        self.conclude(hours + 120, Level.COUNTY)
        self.feed_back(hours + 170)

    def _experts(self, level: Level) -> tuple[str, ...]:
        return COUNTY_PANEL if level == Level.COUNTY else CITY_PANEL

    def _members(self, level: Level) -> list[answers.Member]:
        seats = [(name, seat_of(self.stage.session, name)) for name in self._experts(level)]
        return [(seat.user_id, seat.organisation_id, name == self.guide) for name, seat in seats]

    def _secretary(self, level: Level) -> str:
        return self.county.secretary if level == Level.COUNTY else "zhengdh"

    def _commission(self, level: Level) -> str:
        return self.county.unit_commission if level == Level.COUNTY else "city_commission"
