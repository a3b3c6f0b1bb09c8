"""评审会: agenda, signing in, those who treated her leaving; and the sheet of the conclusion."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from models import (
    Case,
    Document,
    DossierKind,
    Guest,
    Meeting,
    MeetingMode,
    Organisation,
    OrganisationKind,
    Panel,
    PanelMember,
)
from webapp import copies, dates, db, words
from webapp.access import current
from webapp.cases.documents import Part, parts_of
from webapp.cases.page import leave_trace
from webapp.errors import page as error_page
from workflows import mappings, meetings
from workflows.actions import dossiers
from workflows.actions import meetings as actions
from workflows.actions.seats import seat_of
from workflows.actions.tasks import InvalidAnswers
from workflows.forms.checks.review import VOTES
from workflows.forms.moment import moment
from workflows.kinds import DEATHS
from workflows.permissions import visible_cases
from workflows.readers import Reader

bp = Blueprint("meetings", __name__, url_prefix="/meetings")

NOT_NOW = (
    "现在不能登记：意见启封以后、会议当天、结论提交以前可以签到和登记。"
    "会议改了日期的，请秘书先改会议安排。"
)
TREATING = (OrganisationKind.HOSPITAL, OrganisationKind.RESCUE_CENTRE, OrganisationKind.MCH)
LONGEST = 4000  # characters read of what is typed; the action says what is too long


@dataclass(frozen=True, slots=True)
class Room:
    """One meeting in front of one reader. `seat`: the reader's own; `open`: signing in is possible
    but for the day; `today`: it is the day."""

    panel: Panel
    meeting: Meeting
    reader: Reader
    seat: PanelMember | None
    is_secretary: bool
    is_chair: bool
    open: bool
    today: bool

    @property
    def knows(self) -> bool:
        """Whether the reader may know who sits on the panel."""
        return self.reader.reads_panel(self.panel.level.value)

    @property
    def signed_in(self) -> bool:
        return self.seat is not None and self.seat.id in meetings.present(self.meeting)

    @property
    def may_sign_in(self) -> bool:
        return self.seat is not None and self.open and self.today and not self.signed_in

    @property
    def votes(self) -> bool:
        """Whether this panel decides by votes: that of a near miss does not."""
        return self.panel.case.kind in DEATHS

    @property
    def guests_in(self) -> int:
        return meetings.guests_in(self.meeting)

    def at(self, member: PanelMember) -> datetime | None:
        """When a member signed in."""
        return next((row.at for row in self.meeting.attendance if row.member_id == member.id), None)


def may_see(reader: Reader, panel: Panel) -> bool:
    """Whose meeting it is: its members, its secretary, the administration that called it."""
    seat = seat_of(panel, reader.by)
    return (seat is not None and seat.reads) or reader.convenes(panel.level.value)


@bp.get("/<int:panel_id>")
def show(panel_id: int) -> ResponseReturnValue:
    return _page(_room(panel_id))


@bp.post("/<int:panel_id>/plan")
def plan(panel_id: int) -> ResponseReturnValue:
    room, said = _room(panel_id), request.form
    try:
        actions.plan(
            db.session,
            room.meeting,
            held_at=_moment(said.get("held_at", "")),
            mode=said.get("mode", ""),
            place=said.get("place", "")[:LONGEST],
            agenda=said.get("agenda", "")[:LONGEST].replace("\r\n", "\n"),
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        return _refused(panel_id, wrong)
    except actions.NotNow:
        db.write_nothing()
        return error_page(409, "已有专家签到，或结论已经提交，不能再改会议安排。")
    return _done(panel_id, "会议安排已保存")


@bp.post("/<int:panel_id>/sign-in")
def sign_in(panel_id: int) -> ResponseReturnValue:
    room = _room(panel_id)
    if room.seat is None or not room.seat.reads:
        abort(404)
    try:
        actions.sign_in(db.session, room.meeting, by=current.appointment, now=current.now)
    except actions.NotNow:
        db.write_nothing()
        return error_page(409, NOT_NOW)
    return _done(panel_id, "已签到")


@bp.post("/<int:panel_id>/guests")
def receive(panel_id: int) -> ResponseReturnValue:
    room, said = _served(panel_id), request.form
    try:
        actions.receive(
            db.session,
            room.meeting,
            name=said.get("name", "")[:LONGEST],
            organisation_id=said.get("organisation", type=int),
            title=said.get("title", ""),
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        return _refused(panel_id, wrong)
    except actions.NotNow:
        db.write_nothing()
        return error_page(409, NOT_NOW)
    return _done(panel_id, "已登记到会")


@bp.post("/<int:panel_id>/guests/<int:guest_id>/leave")
def dismiss(panel_id: int, guest_id: int) -> ResponseReturnValue:
    room = _served(panel_id)
    query = select(Guest).where(Guest.id == guest_id, Guest.meeting_id == room.meeting.id)
    try:
        actions.dismiss(db.session, db.one_or_404(query), by=current.appointment, now=current.now)
    except actions.NotNow:
        db.write_nothing()
        return error_page(409, NOT_NOW)
    return _done(panel_id, "已登记离场")


@bp.post("/<int:panel_id>/tie")
def break_tie(panel_id: int) -> ResponseReturnValue:
    """The chair's alone; 404 for everybody else."""
    room, said = _room(panel_id), request.form
    if not room.is_chair or not room.votes:
        abort(404)
    try:
        actions.break_tie(
            db.session,
            room.meeting,
            code=said.get("code", ""),
            reason=said.get("tie_reason", "")[:LONGEST],
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        return _refused(panel_id, wrong)
    except actions.NotNow:
        db.write_nothing()
        return error_page(
            409, "现在不能裁定：会议当天起、经治人员全部离场以后、结论提交以前可以裁定。"
        )
    return _done(panel_id, "裁定已记录，秘书据此填写结论。")


# The sheet


@bp.get("/<int:panel_id>/sheet")
def sheet(panel_id: int) -> ResponseReturnValue:
    """评审结论表: what was concluded, with the signatures under it, to be printed and sealed."""
    panel = _panel(panel_id)
    reader = Reader(db.session, panel.case, current.appointment)
    level = panel.level.value
    document = meetings.sheet_of(db.session, panel.case, panel.level)
    if document is None or not reader.reads_conclusion(level):
        abort(404)
    dates.tell_by(panel.case)
    leave_trace(panel.case, "评审结论表")
    return render_template(
        "meetings/sheet.html",
        panel=panel,
        case=panel.case,
        reader=reader,
        document=document,
        parts=_parts(document, reader),
        lines=meetings.lines(db.session, panel, document, named=reader.reads_panel(level)),
        reserved=[reader.scrub(text) for text in meetings.reserved(db.session, panel, document)],
        concluded=level in reader.concluded,
        carded=mappings.of_sheet(db.session, panel, document),
        prints=current.may("sheet:request") and may_see(reader, panel),
    )


def _parts(document: Document, reader: Reader) -> list[Part]:
    return [part for part in parts_of(document, reader) if part.title != "签名"]


# On paper


@bp.post("/<int:panel_id>/pack")
def pack(panel_id: int) -> ResponseReturnValue:
    """The de-identified file as one PDF, made by the worker; its copies are made before."""
    room = _room(panel_id)
    if not current.may("pack:request"):
        abort(404)
    db.write_nothing()  # copies are written beside this request, which must not be in their way
    room = _room(panel_id)
    copies.materials(room.reader, room.reader.for_reviewers())
    return _asked(room.panel, DossierKind.PACK)


@bp.post("/<int:panel_id>/sheet")
def print_sheet(panel_id: int) -> ResponseReturnValue:
    """The sheet of the conclusion as a PDF."""
    room = _room(panel_id)
    level = room.panel.level
    document = meetings.sheet_of(db.session, room.panel.case, level)
    if not current.may("sheet:request") or document is None:
        abort(404)
    if not room.reader.reads_conclusion(level.value):
        abort(404)
    return _asked(room.panel, DossierKind.SHEET)


def _asked(panel: Panel, kind: DossierKind) -> ResponseReturnValue:
    db.write_nothing()
    with db.transaction() as session:
        row = dossiers.request_for_meeting(
            session, session.get_one(Panel, panel.id), kind, by=current.appointment, now=current.now
        )
        number = row.id
    return redirect(url_for("dossiers.show", dossier_id=number), 303)


# What every page needs


def _panel(panel_id: int) -> Panel:
    """A panel of a case that one may open; 404 otherwise."""
    return db.one_or_404(
        select(Panel)
        .where(
            Panel.id == panel_id,
            Panel.case_id.in_(visible_cases(current.appointment).with_only_columns(Case.id)),
        )
        .options(
            joinedload(Panel.case).joinedload(Case.person),
            joinedload(Panel.meeting).options(
                selectinload(Meeting.attendance),
                selectinload(Meeting.guests).joinedload(Guest.organisation),
            ),
            selectinload(Panel.members).options(
                joinedload(PanelMember.user), joinedload(PanelMember.organisation)
            ),
        )
    )


def _room(panel_id: int) -> Room:
    panel = _panel(panel_id)
    reader = Reader(db.session, panel.case, current.appointment)
    if not may_see(reader, panel):
        abort(404)
    seat = seat_of(panel, current.appointment)
    return Room(
        panel=panel,
        meeting=panel.meeting,
        reader=reader,
        seat=seat if seat is not None and seat.reads else None,
        is_secretary=actions.is_secretary(panel, current.appointment),
        is_chair=actions.is_chair(panel, current.appointment),
        open=meetings.is_open(db.session, panel),
        today=meetings.is_on(panel.meeting, current.now),
    )


def _served(panel_id: int) -> Room:
    """Of the meeting's own secretary; 404 for everybody else."""
    room = _room(panel_id)
    return room if room.is_secretary else abort(404)


def _moment(text: str) -> datetime | None:
    """What a browser sends of a day and a time in China."""
    try:
        return moment(f"{text}+08:00")
    except ValueError:
        return None


def _done(panel_id: int, said: str) -> ResponseReturnValue:
    db.session.commit()
    flash(said)
    return redirect(url_for("meetings.show", panel_id=panel_id), 303)


def _refused(panel_id: int, wrong: InvalidAnswers) -> ResponseReturnValue:
    db.write_nothing()
    return _page(_room(panel_id), wrong.errors)


def _page(room: Room, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    dates.tell_by(room.panel.case)
    leave_trace(room.panel.case, "评审会")
    level = room.panel.level
    page = render_template(
        "meetings/show.html",
        room=room,
        panel=room.panel,
        meeting=room.meeting,
        reader=room.reader,
        case=room.panel.case,
        modes=list(MeetingMode),
        planned=words.local(room.meeting.held_at).strftime("%Y-%m-%dT%H:%M"),
        titles=actions.titles(),
        units=_units(room) if room.is_secretary else [],
        sheet=room.reader.reads_conclusion(level.value)
        and meetings.sheet_of(db.session, room.panel.case, level) is not None,
        tie=meetings.tie_break(db.session, room.panel),
        votes=meetings.may_vote(db.session, room.meeting, current.now),
        conclusions=VOTES,
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200


def _units(room: Room) -> list[Organisation]:
    """Where guests may come from: every treating unit of the city, so that it tells nothing."""
    area = room.panel.case.city_code[:4]
    query = select(Organisation).where(
        Organisation.active,
        Organisation.kind.in_(TREATING),
        Organisation.region_code.startswith(area, autoescape=True),
    )
    return list(db.session.scalars(query.order_by(Organisation.region_code, Organisation.id)))
