"""One case with a canary in every confidential field, as far as the opening and past it.

Who may meet which stands in `tests.test_leaks`; how everybody looks, in `tests.looking`.
"""

import io
from datetime import datetime, timedelta
from typing import Any

import pikepdf
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Case,
    Discrepancy,
    ItemSource,
    Lesson,
    LessonKind,
    Level,
    Measure,
    MotionObject,
    Panel,
    Task,
)
from tests import answering, elsewhere
from tests.played import NOW, Cast, _units, _upload
from tests.reviewing import submit
from workflows import measures
from workflows.actions import (
    attachments,
    drafts,
    ledger,
    motions,
    opinions,
    pressing,
    reconciliation,
    seats,
)
from workflows.actions import meetings as actions
from workflows.demo import FILES, answers
from workflows.demo.play import QH, Play
from workflows.demo.stage import Stage

DEATH = NOW - timedelta(days=25)

# Field → its canary. Those of `WHO` would tell who she was, where and by whom she was treated.
WHO = {
    "name": "雀名安",
    "kin_phone": "13977770001",
    "husband_name": "雀夫安",
    "hospital_no": "QUE-77001",
    "addr_household_detail": "雀址镇雀里村五组",
    "death_hospital": "金雀亡医院",
    "delivery_hospital": "金雀产医院",
    "first_contact_org": "金雀诊卫生院",
    "admit_from": "金雀转医院",
    "last_anc_org": "金雀检保健院",
    "filler": "雀填安",
    "coder": "雀码安",
    "family_contact_doctor": "雀通安",
    "timeline.people": "秦雀场",
    "attendees.name": "雀席安",
    "chair": "雀主安",
    "file name": "QUEFILENAME",
    "file author": "QUEFILEAUTHOR",
    "file note": "QUEFILENOTE",
}
SEALED = {
    "narrative": "QUENARRATIVE",
    "opinion": "QUEOPINIONTEXT",
    "opinion before": "QUEFIRSTTEXT",
    "opinion factor": "QUEFACTORTEXT",
    "why anew": "QUEWHYANEW",
    "draft of an opinion": "QUEDRAFTTEXT",
    "why the seat ended": "QUEENDEDTEXT",
    "why opened early": "QUEOPENEDEARLY",
    "draft of the conclusion": "QUECONCLUSION",
    "reason of a tie": "QUETIEREASON",
}
CALLED_TO_ACCOUNT = {
    "facts of a motion": "QUEMOTIONFACTS",
    "reason of a decision": "QUEDECISIONREASON",
    "letter to the object": "QUELETTERTEXT",
    "answer of the object": "QUEOBJECTANSWER",
}
LEARNED = {
    "advice of the rescue centre": "QUEGUIDANCE",
    "tracing of a figure": "QUETRACING",
    "draft of a lesson": "QUELESSON",
}
MEETING = {
    "name of a guest": "雀客安",
    "reserved view": "QUERESERVEDVIEW",
}
FIELDS = (
    WHO | SEALED | CALLED_TO_ACCOUNT | LEARNED | answering.CANARIES | MEETING | elsewhere.CANARIES
)

HOSPITAL = {"linxm", "zhougy", "helx"}
OFFICES = {"shenqm", "fangcf", "shaoxz"}
CONVENOR, LEADER, SECRETARY, CHAIR, AUTHOR, LATE, GONE = (
    "fangcf", "shaoxz", "wugs", "chenyf", "fengjc", "lixh", "chuys",
)  # fmt: skip
ANSWERING = {"zhougy", "helx"}
LOOKING_AFTER = {"fangcf", "shaoxz", "zhougy", "helx", "shenqm", "chenglc"}
REVIEWERS = {SECRETARY, CHAIR, AUTHOR, LATE}


class Planted:
    """One case with a canary in each field, as far as it goes before the opening."""

    def __init__(self, session: Session, cast: Cast) -> None:
        self.session, self.cast = session, cast
        stage = Stage(session, _units(session), self.upload)
        self.play = Play(stage, QH, DEATH, WHO["name"], "772")
        self.plain = _upload(session, cast.folder)

    def upload(self, by: Appointment, name: str, at: datetime) -> Attachment:
        if name not in ("redacted.pdf", "record.pdf"):
            return self.plain(by, name, at)
        with pikepdf.open(FILES / name) as pdf:
            pdf.docinfo["/Author"] = WHO["file author"]
            note = pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Text,
                Rect=[0, 0, 9, 9],
                Contents=WHO["file note"],
            )
            pdf.pages[0].Annots = pdf.make_indirect([pdf.make_indirect(note)])
            out = io.BytesIO()
            pdf.save(out)
        return attachments.store(
            self.session,
            self.cast.folder,
            io.BytesIO(out.getvalue()),
            f"{WHO['file name']}.pdf",
            most_bytes=1 << 20,
            by=by,
            now=at,
        )

    @property
    def case(self) -> Case:
        assert self.play.stage.case is not None
        return self.play.stage.case

    @property
    def panel(self) -> Panel:
        return self.session.scalars(select(Panel).where(Panel.case_id == self.case.id)).one()

    def seat(self, who: str) -> Appointment:
        return self.cast.seat(who)

    def before(self) -> None:
        """Everything up to the last sealed moment."""
        self._forms()
        submit(self.play, **self._submission())
        self.play.convene(100, Level.COUNTY, meeting=220)
        at = self.play.at(150)
        self._file(AUTHOR, 151, reason=f"{SEALED['opinion before']}：出血后用血不及时，监测不足。")
        opinions.revise(
            self.session,
            self.panel,
            self._opinion(AUTHOR, 152, reason=f"{SEALED['opinion']}：出血后用血不及时，监测不足。"),
            f"{SEALED['why anew']}：复看护理记录。",
            key="anew",
            by=self.seat(AUTHOR),
            now=self.play.at(152),
        )
        self._file(CHAIR, 153)
        self._file(GONE, 154)
        gone = next(each for each in self.panel.members if each.user.username == GONE)
        seats.end_seat(
            self.session,
            gone,
            f"{SEALED['why the seat ended']}：曾参与会诊。",
            by=self.seat(CONVENOR),
            now=self.play.at(155),
        )
        step = self.session.scalars(
            select(Task).where(
                Task.case_id == self.case.id, Task.user_id == self.seat(LATE).user_id
            )
        ).one()
        typed = [("reason", SEALED["draft of an opinion"])]
        place = f"task:{step.id}"
        drafts.save_draft(self.session, place, typed, 10, by=self.seat(LATE), now=at)
        self.session.commit()

    def call_to_account(self) -> None:
        """A reminder about the case: proposed by the desk, decided, sent, answered."""
        desk, leader, at = self.seat(CONVENOR), self.seat(LEADER), self.play.at(156)
        rules = measures.rules_at(self.case.county_code, at)
        assert rules is not None
        motion = motions.add(
            self.session,
            motions.Said(
                rules.get("trigger.late_report"),
                Measure.REMIND,
                MotionObject.UNIT,
                self.case.organisation,
                f"{CALLED_TO_ACCOUNT['facts of a motion']}：报送超过时限。",
                case_id=self.case.id,
            ),
            by=desk,
            now=at,
        )
        why = f"{CALLED_TO_ACCOUNT['reason of a decision']}：报送超过时限。"
        duty = motions.take(self.session, motion, Measure.REMIND, why, by=leader, now=at)
        assert duty is not None
        stage = Stage(self.session, self.play.stage.units, self.upload, duty=duty)
        letter = answers.reminder_letter(
            sign=stage.sign(CONVENOR, at),
            facts="已通知。",
            matter=f"{CALLED_TO_ACCOUNT['letter to the object']}：请按时报送。",
        )
        stage.act(CONVENOR, "UT_reminder", letter, at)
        answer = answers.reminder_receipt(
            sign=stage.sign("helx", at),
            done=f"{CALLED_TO_ACCOUNT['answer of the object']}：已明确责任人。",
        )
        stage.act("helx", "UT_reminder_receipt", answer, at)
        self.session.commit()

    def learn(self) -> None:
        """An item that its guide presses, a figure that differs, a lesson not yet published."""
        session, at, mch = self.session, self.play.at(157), self.seat("shenqm")
        units = self.play.stage.units
        item = ledger.open_item(
            session,
            problem=ledger.Problem("抽查发现催产素无双人核对。", "medical", "specific"),
            source=ItemSource.SPOT_CHECK,
            owner=units["qh_hospital"],
            acceptor=units["qh_commission"],
            by=mch,
            now=at,
        )
        advice = f"{LEARNED['advice of the rescue centre']}：写进流程。"
        guide = self.seat("songqh")
        pressing.press(session, item, text="请说明进度。", guidance=advice, by=guide, now=at)
        table = "月份,单位,死亡例数,报送例数,评审例数\n2026-01,青禾县,1,0,0"
        reconciliation.take_in(session, table, system="他系统", filename="a", by=mch, now=at)
        [row] = session.scalars(select(Discrepancy))
        tracing = f"{LEARNED['tracing of a figure']}：医院漏报。"
        reconciliation.explain(session, row, tracing, by=mch, now=at)
        words = {"title": "草稿", "situation": "经过", "text": "教训", "advice": "建议"}
        session.add(
            Lesson(
                **{key: f"{LEARNED['draft of a lesson']}{word}" for key, word in words.items()},
                number="JY-1",
                kind=LessonKind.LESSON,
                city_code=self.case.city_code,
                organisation_id=mch.organisation_id,
                case=self.case,
                area="care",
                scope="general",
                author_id=mch.user_id,
                drafted_at=at,
            )
        )
        session.commit()

    def _forms(self) -> None:
        """What the hospital's people write in their discussion and the first report."""
        act = self.play.stage.act

        def planted(who: str, step: str, filled: dict[str, Any], at: datetime) -> Task:
            if step == "UT_discuss":
                filled["attendees"][0]["name"] = WHO["attendees.name"]
                filled["chair"] = WHO["chair"]
            return act(who, step, filled, at)

        report = self.play.stage.report

        def reported(who: str, filled: dict[str, Any], at: datetime) -> Case:
            return report(who, {**filled, "hospital_no": WHO["hospital_no"]}, at)

        self.play.stage.act = planted  # type: ignore[method-assign]
        self.play.stage.report = reported  # type: ignore[method-assign]

    def _submission(self) -> dict[str, Any]:
        plain = ("kin_phone", "husband_name", "addr_household_detail", "death_hospital",
                 "delivery_hospital", "first_contact_org", "admit_from", "last_anc_org", "filler",
                 "coder", "family_contact_doctor")  # fmt: skip
        said = {name: WHO[name] for name in plain}
        rows = answers.submission(
            DEATH, organisation=1, region="990121100", record_file="", redacted_file="", sign={}
        )["timeline"]
        rows[3]["people"] = f"{WHO['timeline.people']}、助产士"
        everything = "、".join(word for name, word in WHO.items() if not name.startswith("file "))
        narrative = (
            f"{SEALED['narrative']}：孕妇瘢痕子宫、轻度贫血，入院后急诊剖宫产，术后宫缩乏力出血，"
            "用血到位晚，切除子宫后凝血功能障碍，抢救无效死亡。"
        )
        return {**said, "timeline": rows, "narrative": narrative, "high_risk": everything}

    def _opinion(self, who: str, hours: float, **over: object) -> dict[str, Any]:
        sheet = answers.opinion(sign=self.play.stage.sign(who, self.play.at(hours)), **over)
        sheet["grid"]["5"]["factor"] = f"{SEALED['opinion factor']}：目测估计。"
        return sheet if who == AUTHOR else sheet | {"grid": answers.grid()}

    def _file(self, who: str, hours: float, **over: object) -> None:
        self.play.stage.act(
            who, "UT_opinion", self._opinion(who, hours, **over), self.play.at(hours)
        )

    def after(self) -> None:
        """Opened early by the chair; the secretary has drafted the conclusion."""
        opinions.open_early(
            self.session,
            self.panel,
            f"{SEALED['why opened early']}：不能再等。",
            by=self.seat(CHAIR),
            now=self.play.at(230),
        )
        self.play.meet(234, Level.COUNTY)
        secretary = {"by": self.seat(SECRETARY), "now": self.play.at(234.9)}
        guest = actions.receive(
            self.session,
            self.panel.meeting,
            name=MEETING["name of a guest"],
            organisation_id=self.case.organisation_id,
            title=next(iter(actions.titles())),
            **secretary,
        )
        actions.dismiss(self.session, guest, **secretary)
        tie = f"{SEALED['reason of a tie']}：死亡前仍有处理余地。"
        actions.break_tie(
            self.session,
            self.panel.meeting,
            code="conditionally_avoidable",
            reason=tie,
            by=self.seat(CHAIR),
            now=self.play.at(235),
        )
        real = self.play._act
        self.play._act = (  # type: ignore[method-assign]
            lambda *said: real(*said) if said[1] in ("UT_conclude", "UT_chair_sign") else None
        )
        reason = f"{SEALED['draft of the conclusion']}：经表决，创造条件可以避免，理由如上。"
        tied = answers.votes(4, against=2) | {"tie_reason": tie}
        self.play.conclude(240, Level.COUNTY, reason=reason, **tied)
        self.play._act = real  # type: ignore[method-assign]
        view = f"{MEETING['reserved view']}：用血仍可更早。"
        self.play.countersign(246, AUTHOR, reserved=view)
        self.session.commit()
