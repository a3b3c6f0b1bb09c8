"""提醒、督导、约谈 as a commission decides on them: what is proposed, what was decided and why."""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from models import (
    Appointment,
    Attachment,
    Case,
    Measure,
    Motion,
    MotionObject,
    MotionState,
    Notice,
    Organisation,
    OrganisationKind,
    Rectification,
    Region,
    RegionLevel,
    Role,
    User,
)
from webapp import db, labels
from webapp.access import current
from webapp.attachments import stored
from webapp.errors import page as error_page
from webapp.paging import paged
from workflows import key_contacts, measures, two_desks
from workflows.actions import attachments, motion_files
from workflows.actions import motions as acts
from workflows.desks import on_duty
from workflows.item_scope import visible_items
from workflows.key_contacts import of_listed
from workflows.measure_readers import visible_motions
from workflows.permissions import OBJECT_ROLES, visible_cases, visible_notices
from workflows.rules import Rule

bp = Blueprint("motions", __name__, url_prefix="/motions")

SIZE = 50
VIEWS = {"open": "待决定", "taken": "已采取", "closed": "未采取与合并", "all": "全部"}
_STATES = {
    "open": (MotionState.OPEN,),
    "taken": (MotionState.TAKEN,),
    "closed": (MotionState.DROPPED, MotionState.COMBINED),
    "all": tuple(MotionState),
}
_MOST = 3000
MOST_FILES = 10
BOTH = "您审签过这一病例的评审结论：由本单位其他主管负责人或代理人决定；没有其他人的，写明说明"
DECIDED = "这项建议已经有了决定。回到列表看最新的情况。"


@bp.before_request
def require_permission() -> None:
    if not current.may("motion:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    """`?view=` what has become of it, `?measure=` which measure is proposed or taken."""
    view = request.args.get("view", "open")
    view = view if view in VIEWS else "open"
    asked = request.args.get("measure", "")
    asked = asked if asked in set(Measure) else ""
    query = visible_motions(current.appointment).where(Motion.state.in_(_STATES[view]))
    if asked:
        query = query.where(func.coalesce(Motion.taken, Motion.measure) == asked)
    first = (of_listed().desc(),) if view == "open" else ()
    page = paged(db.session, _with_names(query).order_by(*first, Motion.id.desc()), SIZE)
    keys = [motion.id for motion in page.rows]
    return render_template(
        "motions/index.html",
        page=page,
        listed=set(db.session.scalars(select(Motion.id).where(Motion.id.in_(keys), of_listed()))),
        keeps_list=_keeps_list(),
        view=view,
        views=VIEWS,
        asked=asked,
        measures=labels.choices(Measure),
    )


def _rule_of_list() -> Rule | None:
    return key_contacts.rule_of(current.appointment, key_contacts.LISTED, current.now)


def _keeps_list() -> bool:
    """Whether 重点联系单位 means anything here, in either of its two meanings."""
    support = key_contacts.rule_of(current.appointment, key_contacts.SUPPORT, current.now)
    return support is not None or _rule_of_list() is not None


def _with_names(query: Select[Motion]) -> Select[Motion]:
    return query.options(
        joinedload(Motion.organisation),
        joinedload(Motion.region),
        joinedload(Motion.person),
        joinedload(Motion.case),
    )


@bp.get("/<int:motion_id>")
def show(motion_id: int) -> ResponseReturnValue:
    return _page(_seen(motion_id), {})


def _page(motion: Motion, errors: dict[str, list[str]]) -> ResponseReturnValue:
    by = current.appointment
    decides = current.may("motion:decide") and motion.state is MotionState.OPEN
    case_id = visible_cases(by).where(Case.id == motion.case_id).with_only_columns(Case.id)
    item_id = (
        visible_items(by)
        .where(Rectification.id == motion.item_id)
        .with_only_columns(Rectification.id)
    )
    page = render_template(
        "motions/show.html",
        motion=motion,
        errors=errors,
        said=request.form,
        decides=decides,
        choices=acts.choices(db.session, motion, current.now) if decides else [],
        others=acts.others(db.session, motion) if decides else [],
        notice=_notice(motion),
        files=db.session.scalars(
            select(Attachment).where(Attachment.motion_id == motion.id).order_by(Attachment.id)
        ).all(),
        listed=key_contacts.is_listed(db.session, motion),
        both=two_desks.endorsed(db.session, motion, by.user_id) if decides else False,
        leaders=two_desks.other_leaders(db.session, motion, current.now) if decides else [],
        endorsed_too=two_desks.endorsed(db.session, motion, motion.decided_by_id),
        may_list=decides and _rule_of_list() is not None,
        case_id=db.session.scalar(case_id),
        item_id=db.session.scalar(item_id),
        combined=db.session.scalars(
            visible_motions(by).where(Motion.into_id == motion.id).order_by(Motion.id)
        ).all(),
    )
    return page, 422 if errors else 200


def _notice(motion: Motion) -> Notice | None:
    """What has made it known, once the desk has a draft of it."""
    begun = acts.notice_of(db.session, motion) if motion.taken else None
    if begun is None:
        return None
    seen = visible_notices(current.appointment).where(Notice.duty_id == begun.id)
    return db.session.scalars(seen).first()


@bp.post("/<int:motion_id>/decision")
def decide(motion_id: int) -> ResponseReturnValue:
    """The leader's. `decision`: take:<measure>, drop or combine:<motion>; always with a reason."""
    if not current.may("motion:decide"):
        abort(404)
    motion = _seen(motion_id)
    act, _, which = request.form.get("decision", "").partition(":")
    reason = request.form.get("reason", "").strip()
    errors = _wrong(act, which, reason)
    if errors:
        return _page(motion, errors)
    try:
        said = _carry_out(motion, act, which, reason)
    except acts.Decided:
        return error_page(409, DECIDED)
    except acts.LeftToAnother:
        db.write_nothing()
        return _page(_seen(motion_id), {"alone": [BOTH]})
    except acts.NotAllowed:
        db.write_nothing()
        wrong = "适用规则不允许对这一对象采取这项措施，请另选"
        return _page(_seen(motion_id), {"decision": [wrong]})
    db.session.commit()
    flash(said)
    return redirect(url_for("motions.show", motion_id=motion_id), 303)


def _wrong(act: str, which: str, reason: str) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    fits = {"take": which in set(Measure), "drop": True, "combine": which.isdecimal()}
    if not fits.get(act):
        errors["decision"] = ["选择采取哪项措施、不采取，或与哪一项合并"]
    if not 5 <= len(reason) <= 1000:
        errors["reason"] = ["写明理由，5 至 1000 字"]
    return errors


def _carry_out(motion: Motion, act: str, which: str, reason: str) -> str:
    by, now = current.appointment, current.now
    alone = request.form.get("alone", "").strip()[:1000]
    if act == "drop":
        acts.drop(db.session, motion, reason, by=by, now=now, alone=alone)
        return "已决定不采取措施，理由留存。"
    if act == "combine":
        into = db.session.scalars(visible_motions(by).where(Motion.id == int(which))).one_or_none()
        if into is None:
            raise acts.NotAllowed(which)
        acts.combine(db.session, motion, into, reason, by=by, now=now, alone=alone)
        return f"已并入 {into.number} 一起办理。"
    duty = acts.take(db.session, motion, Measure(which), reason, by=by, now=now, alone=alone)
    if duty is None:
        return "已决定通报，由经办到「通报」起草。"
    return f"已决定{labels.label(Measure(which))}，经办的待办里有了下一步。"


# By hand


@bp.get("/new")
def new() -> ResponseReturnValue:
    return _form({})


def _form(errors: dict[str, list[str]], kept: Sequence[Attachment] = ()) -> ResponseReturnValue:
    if not current.may("motion:add"):
        abort(404)
    rules = measures.rules_at(current.appointment.organisation.region_code, current.now)
    page = render_template(
        "motions/new.html",
        triggers=rules.triggers() if rules else [],
        codes={measure.value: labels.label(measure) for measure in Measure},
        units=deciding_units(),
        abouts=labels.choices(MotionObject),
        measures=labels.choices(Measure),
        said=request.form,
        kept=kept,
        errors=errors,
    )
    return page, 422 if errors else 200


def deciding_units() -> list[Organisation]:
    """Units that our leader may decide about: of our own level, and the commissions below us."""
    here = current.appointment.organisation
    below = select(Region.code).where(Region.parent_code == here.region_code)
    own = Organisation.level == here.level
    around = Organisation.region_code == here.region_code
    query = select(Organisation).where(Organisation.kind != OrganisationKind.COMMISSION, own)
    if here.level is RegionLevel.CITY:
        under = select(Organisation).where(
            Organisation.kind == OrganisationKind.COMMISSION, Organisation.region_code.in_(below)
        )
        query = query.where(around | Organisation.region_code.in_(below))
        rows = [*db.session.scalars(query.where(Organisation.active)), *db.session.scalars(under)]
    else:
        rows = list(db.session.scalars(query.where(around, Organisation.active)))
    return sorted(rows, key=lambda unit: (unit.region_code, unit.id))


@bp.post("/new")
def add() -> ResponseReturnValue:
    """A desk proposes what takes a judgement, or what lies outside this system."""
    if not current.may("motion:add"):
        abort(404)
    said, errors = _judged()
    files = _evidence(errors)
    if said is None or errors:
        return _again(errors, files)
    by, now = current.appointment, current.now
    try:
        motion = acts.add(db.session, said, by=by, now=now)
        motion_files.keep(db.session, motion, files)
    except acts.NotAllowed:
        wrong = "适用规则不允许据此对这一对象采取这项措施，请核对触发条款、对象和措施"
        return _again({"measure": [wrong]}, files)
    db.session.commit()
    flash("已提出，等待主管负责人决定。")
    return redirect(url_for("motions.show", motion_id=motion.id), 303)


def _again(errors: dict[str, list[str]], files: list[Attachment]) -> ResponseReturnValue:
    """The form with what is wrong; files that were sound stay, as uploads nobody has handed in."""
    db.session.commit()
    return _form(errors, files)


def _judged() -> tuple[acts.Said | None, dict[str, list[str]]]:
    """What was typed, if nothing is wrong with it; otherwise by field what to do."""
    form = request.form
    rules = measures.rules_at(current.appointment.organisation.region_code, current.now)
    rule = rules.find(form.get("trigger", "")) if rules else None
    unit = next((each for each in deciding_units() if str(each.id) == form.get("unit")), None)
    errors: dict[str, list[str]] = {}
    if rule is None or not rule.is_trigger:
        errors["trigger"] = ["选择触发条款"]
    if unit is None:
        errors["unit"] = ["选择单位"]
    if form.get("about") not in set(MotionObject):
        errors["about"] = ["选择对象是单位、地区还是个人"]
    if form.get("measure") not in set(Measure):
        errors["measure"] = ["选择建议的措施"]
    person, named = None, None
    if form.get("about") == MotionObject.PERSON:
        person, named = _person(unit, errors)
    case_id, item_id = _case(errors), _item(errors)
    facts = _facts(errors)
    if errors or rule is None or unit is None:
        return None, errors
    about, measure = MotionObject(form["about"]), Measure(form["measure"])
    return acts.Said(rule, measure, about, unit, facts, person, named, case_id, item_id), {}


def _evidence(errors: dict[str, list[str]]) -> list[Attachment]:
    """What an attempt before has kept and what was chosen now, stored; and what cannot be taken."""
    files = _kept()
    for chosen in request.files.getlist("files"):
        if not chosen.filename:
            continue
        if len(files) == MOST_FILES:
            errors["files"] = [*errors.get("files", []), f"最多 {MOST_FILES} 个文件"]
            break
        try:
            files.append(stored(chosen))
        except attachments.Unacceptable as refused:
            errors["files"] = [*errors.get("files", []), f"{chosen.filename}：{refused}"]
    return files


def _kept() -> list[Attachment]:
    """One's own uploads that nothing has yet, as the form names them."""
    query = select(Attachment).where(
        Attachment.token.in_(request.form.getlist("kept")[:MOST_FILES]),
        Attachment.uploaded_by_id == current.user.id,
        Attachment.form.is_(None),
    )
    return list(db.session.scalars(query.order_by(Attachment.id)))


def _facts(errors: dict[str, list[str]]) -> str:
    facts, evidence = (request.form.get(name, "").strip() for name in ("facts", "evidence"))
    if not 10 <= len(facts) <= _MOST:
        errors["facts"] = ["写明事实，10 至 3000 字"]
    if not 5 <= len(evidence) <= _MOST:
        errors["evidence"] = ["写明依据材料的名称、文号或日期，5 至 3000 字"]
    return f"{facts}\n依据材料：{evidence}"


def _person(
    unit: Organisation | None, errors: dict[str, list[str]]
) -> tuple[User | None, str | None]:
    """By name, among those who answer for the unit and have an account to sign with; somebody
    without one by the head of the unit, who brings the letters."""
    name = request.form.get("person", "").strip()
    if request.form.get("no_account"):
        return _head(unit, name, errors), name
    query = on_duty(unit.id if unit else 0, current.now).where(
        Appointment.role.in_(OBJECT_ROLES), User.name == name
    )
    found = {held.user_id: held.user for held in db.session.scalars(query)}
    if len(found) != 1:
        errors["person"] = ["写该单位负责人或经办人的姓名，须与其账号的姓名一致"]
        return None, None
    return next(iter(found.values())), None


def _head(unit: Organisation | None, name: str, errors: dict[str, list[str]]) -> User | None:
    if not 2 <= len(name) <= 50:
        errors["person"] = ["写被约谈人的姓名"]
    heads = on_duty(unit.id if unit else 0, current.now).where(Appointment.role == Role.HEAD)
    held = db.session.scalars(heads.order_by(Appointment.id).limit(1)).first()
    if held is None:
        errors["person"] = ["该单位没有负责人账号，通知书和记录无人转交，请先开通账号"]
        return None
    return held.user


def _case(errors: dict[str, list[str]]) -> int | None:
    number = request.form.get("case", "").strip()
    if not number:
        return None
    query = visible_cases(current.appointment).where(Case.number == number)
    found = db.session.scalar(query.with_only_columns(Case.id))
    if found is None:
        errors["case"] = ["没有这个编号的病例，请核对；与病例无关的留空"]
    return found


def _item(errors: dict[str, list[str]]) -> int | None:
    number = request.form.get("item", "").strip()
    if not number:
        return None
    query = visible_items(current.appointment).where(Rectification.number == number)
    found = db.session.scalar(query.with_only_columns(Rectification.id))
    if found is None:
        errors["item"] = ["没有这个编号的台账条目，请核对；与台账无关的留空"]
    return found


def _seen(motion_id: int) -> Motion:
    return db.one_or_404(
        _with_names(visible_motions(current.appointment)).where(Motion.id == motion_id)
    )
