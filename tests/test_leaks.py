"""A canary in every confidential field; everybody looks everywhere, before the opening and after.

Prints who met which. What is met must be what the table allows, no more and no less.
"""

import dataclasses
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pikepdf
import pypdfium2
import pytest
from flask import Flask
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Case,
    Discrepancy,
    Document,
    DossierRequest,
    Duty,
    ItemSource,
    KeyContact,
    Lesson,
    LessonKind,
    Level,
    Measure,
    Motion,
    MotionObject,
    Notice,
    NoticeRecipient,
    Notification,
    Panel,
    Process,
    Rectification,
    Task,
)
from tests import answering
from tests.pages import Client
from tests.played import NOW, Browse, Cast, _units, _upload, quick
from tests.reviewing import submit
from tests.test_blind import every_byte
from webapp import errors
from workflows import gather, measures
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
from workflows.permissions import may

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
FIELDS = WHO | SEALED | CALLED_TO_ACCOUNT | LEARNED | answering.CANARIES | MEETING

HOSPITAL = {"linxm", "zhougy", "helx"}
OFFICES = {"shenqm", "fangcf", "shaoxz"}
CONVENOR, LEADER, SECRETARY, CHAIR, AUTHOR, LATE, GONE = (
    "fangcf", "shaoxz", "wugs", "chenyf", "fengjc", "lixh", "chuys",
)  # fmt: skip
ANSWERING = {"zhougy", "helx"}
STRANGERS = {"subl", "gaomz", "chenglc", "wangzy", "xitong", "anquan", "shenji"}
LOOKING_AFTER = {"fangcf", "shaoxz", "zhougy", "helx", "shenqm", "chenglc"}
REVIEWERS = {SECRETARY, CHAIR, AUTHOR, LATE}
PEOPLE = sorted({*HOSPITAL, *OFFICES, *REVIEWERS, GONE, *STRANGERS})

BEFORE: dict[str, set[str]] = {
    **dict.fromkeys(WHO, HOSPITAL - {"linxm"} | OFFICES | {"linxm"}),
    "narrative": HOSPITAL | OFFICES | REVIEWERS,
    "opinion": {AUTHOR},
    "opinion before": {AUTHOR},
    "opinion factor": {AUTHOR},
    "why anew": set(),
    "draft of an opinion": {LATE},
    "why the seat ended": {CONVENOR},
    "why opened early": set(),
    "draft of the conclusion": set(),
    "reason of a tie": set(),
    # A commission calls to account, the unit answers; never a reviewer, nor others of the case
    "facts of a motion": {CONVENOR, LEADER},
    "reason of a decision": {CONVENOR, LEADER},
    "letter to the object": {CONVENOR, LEADER, *ANSWERING},
    "answer of the object": {CONVENOR, LEADER, *ANSWERING},
    # Of an item whoever follows it; of figures the offices; of a draft whoever may publish it
    "advice of the rescue centre": {*ANSWERING, *OFFICES, "chenglc"},
    "tracing of a figure": {*OFFICES, "chenglc"},
    "draft of a lesson": OFFICES,
    # Of a ledger item of no case: owner, acceptor, who looks after the area, who found it
    **dict.fromkeys(("why more time", "why no more time", "effect of an item"), LOOKING_AFTER),
    "answer to a notice": {CONVENOR, LEADER, *ANSWERING},
    "what is said of an answer": {CONVENOR, LEADER, *ANSWERING},
    "why it is watched": {CONVENOR, LEADER},
    "what came of watching": {CONVENOR, LEADER},
    "name of a guest": set(),
    "reserved view": set(),
}
AFTER: dict[str, set[str]] = {
    **BEFORE,
    "opinion": REVIEWERS,
    "opinion before": REVIEWERS,
    "opinion factor": REVIEWERS,
    "why anew": REVIEWERS,
    "draft of an opinion": set(),
    "why opened early": REVIEWERS,
    "draft of the conclusion": REVIEWERS | {CONVENOR, LEADER},
    "name of a guest": {SECRETARY},
    "reserved view": {AUTHOR},  # told without a name when nobody's signature is waited for
    "reason of a tie": REVIEWERS | {CONVENOR, LEADER},
}


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


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


# Looking


def addresses(app: Flask, session: Session, case: Case) -> list[str]:
    """Every address that can be asked for with GET, with each key of the case's that fits."""
    of_case = {
        "case_id": [case.id],
        "document_id": session.scalars(
            select(Document.id).where(Document.case_id == case.id)
        ).all(),
        "task_id": session.scalars(select(Task.id).where(Task.case_id == case.id)).all(),
        "panel_id": session.scalars(select(Panel.id).where(Panel.case_id == case.id)).all(),
        "token": session.scalars(
            select(Attachment.token).where(Attachment.case_id == case.id)
        ).all(),
        "process_id": session.scalars(select(Process.id).where(Process.case_id == case.id)).all(),
        "line_id": session.scalars(
            select(Notification.id).where(Notification.case_id == case.id)
        ).all(),
        "dossier_id": session.scalars(
            select(DossierRequest.id).where(DossierRequest.case_id == case.id)
        ).all(),
        "item_id": session.scalars(
            select(Rectification.id).where(
                or_(Rectification.case_id == case.id, Rectification.duty_id.is_not(None))
            )
        ).all(),
        "lesson_id": session.scalars(select(Lesson.id)).all(),
        "notice_id": session.scalars(select(Notice.id).order_by(Notice.id.desc()).limit(1)).all(),
        "recipient_id": session.scalars(
            select(NoticeRecipient.id).order_by(NoticeRecipient.id.desc()).limit(1)
        ).all(),
        "contact_id": session.scalars(select(KeyContact.id)).all(),
        "key": ["maternal_death", "review-county"],
        "motion_id": session.scalars(select(Motion.id)).all(),
        "duty_id": session.scalars(select(Duty.id)).all(),
    }
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        choices: list[dict[str, Any]] = [{}]
        for name in sorted(rule.arguments):
            values: Iterable[Any] = of_case.get(name) or [1]
            choices = [{**given, name: value} for given in choices for value in values]
        for given in choices:
            built = rule.build(given, append_unknown=False)
            assert built is not None, rule
            found.append(built[1])
    found += [f"/cases/{case.id}?kind=reminders", f"/cases/{case.id}?kind=traces"]
    found += [
        "/ledger?view=all",
        "/motions?view=all",
        "/measures?view=all",
        "/lessons?view=drafts",
        f"/cases?number={case.number}",
    ]
    return found


def met(
    client: Client, places: list[str], fields: Mapping[str, str] = FIELDS
) -> Iterator[tuple[str, str]]:
    """Canary met → where. Files are read with their metadata."""
    for place in places:
        with quick(client, place) as reply:
            content = reply.data
        said = content.decode("utf-8", "replace")
        if reply.mimetype == "application/pdf":
            said = every_byte(content).decode("utf-8", "replace")
            with pypdfium2.PdfDocument(content) as document:
                said += "".join(page.get_textpage().get_text_range() for page in document)
        said += " ".join(f"{name}: {value}" for name, value in reply.headers)
        said = re.sub(r'<header class="top">.*?</header>', "", said, flags=re.S)
        for field, canary in fields.items():
            if canary in said:
                yield field, place


def asked(client: Client) -> Iterator[tuple[str, str]]:
    """Searches, by number and by what is looked for."""
    for words in ("99", WHO["name"], WHO["death_hospital"], SEALED["opinion"]):
        for place in ("/search", "/cases"):
            said = quick_post(client, place, words)
            for field, canary in FIELDS.items():
                if canary in said and canary != words:
                    yield field, place


def quick_post(client: Client, place: str, words: str) -> str:
    reply = client.post(place, data={"q": words})
    return str(reply.text)


def on_paper(session: Session, case: Case, cast: Cast, who: str) -> Iterator[tuple[str, str]]:
    """What a dossier would hold, for whoever may ask for one."""
    by = cast.seat(who)
    if not may(by, "dossier:request") or quick_sees(session, case, by) is False:
        return
    made = gather.gather(
        session, case, by=by, files=cast.folder, wording=lambda name: name, now=NOW
    )
    said = repr(dataclasses.asdict(made))
    for field, canary in FIELDS.items():
        if canary in said:
            yield field, "dossier"


def quick_sees(session: Session, case: Case, by: Appointment) -> bool:
    from workflows.permissions import visible_cases

    return session.scalar(visible_cases(by).where(Case.id == case.id)) is not None


def _unframed(_name: str, **said: Any) -> str:
    """A refusal without its frame: there are thousands, and every page that is shown has one."""
    return " ".join(map(str, said.values()))


def looked(
    app: Flask, session: Session, cast: Cast, browse: Browse, case: Case
) -> dict[str, dict[str, set[str]]]:
    """Field → person → where it was met."""
    found: dict[str, dict[str, set[str]]] = {field: {} for field in FIELDS}
    places = addresses(app, session, case)
    for who in PEOPLE:
        client = browse(who)
        seen = [*asked(client), *on_paper(session, case, cast, who)]
        with patch.object(errors, "render_template", _unframed):
            seen += met(client, places)
        session.rollback()
        for field, place in seen:
            found[field].setdefault(who, set()).add(place)
    return found


def table(found: dict[str, dict[str, set[str]]]) -> str:
    """Person × field; ● met."""
    width = max(map(len, FIELDS)) + 1
    lines = [" " * width + " ".join(f"{who:>7}" for who in PEOPLE)]
    for field in FIELDS:
        marks = " ".join(f"{'●' if who in found[field] else '·':>7}" for who in PEOPLE)
        lines.append(f"{field:<{width}}{marks}")
    return "\n".join(lines)


def test_each_canary_is_met_by_whom_the_table_allows(
    app: Flask, browse: Browse, session: Session, cast: Cast
) -> None:
    planted = Planted(session, cast)
    planted.before()
    planted.call_to_account()
    planted.learn()
    answering.plant(session, planted.play)
    for stage, act, allowed in (
        ("sealed", None, BEFORE),
        ("opened", planted.after, AFTER),
    ):
        if act is not None:
            act()
        found = looked(app, session, cast, browse, planted.case)
        print(f"\n{stage}\n{table(found)}")  # noqa: T201 - what the test is for
        for field in FIELDS:
            where = {who: sorted(places)[:3] for who, places in found[field].items()}
            assert set(where) == allowed[field], (stage, field, where)
        behind = [  # the firewall: where units and people are called to account
            (field, who, place)
            for field in SEALED
            for who, places in found[field].items()
            for place in places
            if place.startswith(("/motions", "/measures", "/ledger", "/duties"))
        ]
        assert behind == []
