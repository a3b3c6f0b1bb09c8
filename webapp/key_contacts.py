"""重点联系单位: whom the commission watches and what it does about it; where the place means
something else by the word, the units that support the others."""

from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from models import KeyAction, KeyActionKind, KeyContact, Motion, MotionObject
from webapp import db, labels
from webapp.access import current
from webapp.errors import page as error_page
from webapp.motions import deciding_units
from workflows import key_contacts
from workflows.actions import key_contacts as acts
from workflows.measure_readers import visible_contacts, visible_motions

bp = Blueprint("key_contacts", __name__, url_prefix="/key-contacts")

VIEWS = {"listed": "名单上", "ended": "已移出", "all": "全部"}
GONE = "这个单位已经移出，或者这项工作已经填了结果。回到名单看最新的情况。"
_MOST = 3000
Errors = dict[str, list[str]]


@bp.before_request
def require_permission() -> None:
    if not current.may("motion:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    view = request.args.get("view", "listed")
    view = view if view in VIEWS else "listed"
    query = _with_names(visible_contacts(current.appointment))
    if view != "all":
        off = KeyContact.ended_at.is_not(None)
        query = query.where(off if view == "ended" else ~off)
    by, now = current.appointment, current.now
    support = key_contacts.rule_of(by, key_contacts.SUPPORT, now)
    return render_template(
        "key_contacts/index.html",
        rows=db.session.scalars(query.order_by(KeyContact.id.desc())).all(),
        view=view,
        views=VIEWS,
        rule=key_contacts.rule_of(by, key_contacts.LISTED, now),
        support=support,
        units=key_contacts.support_units(db.session, by, support) if support else [],
    )


def _with_names(query: Select[KeyContact]) -> Select[KeyContact]:
    return query.options(
        joinedload(KeyContact.organisation),
        joinedload(KeyContact.region),
        joinedload(KeyContact.listed_by),
        joinedload(KeyContact.ended_by),
        joinedload(KeyContact.motion),
        selectinload(KeyContact.actions).joinedload(KeyAction.added_by),
        selectinload(KeyContact.actions).joinedload(KeyAction.done_by),
    )


# The decision


@bp.get("/new")
def new() -> ResponseReturnValue:
    """`?motion=`: the proposal whose facts suggest it."""
    return _form(_motion(request.args), {})


def _motion(given: dict[str, str]) -> Motion | None:
    number = given.get("motion", "")
    if not number.isdecimal():
        return None
    seen = visible_motions(current.appointment).where(Motion.id == int(number))
    return db.session.scalars(seen).one_or_none()


def _form(motion: Motion | None, errors: Errors) -> ResponseReturnValue:
    rule = key_contacts.rule_of(current.appointment, key_contacts.LISTED, current.now)
    if not current.may("motion:decide") or rule is None:
        abort(404)
    suggested = {}
    if motion is not None:
        about = motion.object if motion.object is MotionObject.AREA else MotionObject.UNIT
        suggested = {"unit": str(motion.organisation_id), "about": about.value}
        suggested["facts"] = f"{motion.number}：{motion.facts}"
    page = render_template(
        "key_contacts/new.html",
        rule=rule,
        motion=motion,
        said=request.form or suggested,
        errors=errors,
        units=deciding_units(),
        abouts=[row for row in labels.choices(MotionObject) if row[0] != MotionObject.PERSON],
    )
    return page, 422 if errors else 200


@bp.post("/new")
def enlist() -> ResponseReturnValue:
    """The leader's decision, with reason and facts."""
    if not current.may("motion:decide"):
        abort(404)
    form, errors = request.form, Errors()
    motion = _motion(form)
    unit = next((each for each in deciding_units() if str(each.id) == form.get("unit")), None)
    if unit is None:
        errors["unit"] = ["选择单位"]
    if form.get("about") not in (MotionObject.UNIT, MotionObject.AREA):
        errors["about"] = ["选择对象是单位还是地区"]
    facts, reason = _written("facts", 10, errors), _written("reason", 5, errors)
    if errors or unit is None:
        return _form(motion, errors)
    said = acts.Listing(MotionObject(form["about"]), unit, facts, reason, motion)
    try:
        made = acts.enlist(db.session, said, by=current.appointment, now=current.now)
    except acts.NotListable:
        db.write_nothing()
        wrong = "适用规则不允许把这一对象列入，或者它已经在名单上，请核对单位和对象"
        return _form(motion, {"about": [wrong]})
    db.session.commit()
    flash("已列入重点联系单位。下一步安排重点指导、重点督查、重点考核。")
    return redirect(url_for("key_contacts.show", contact_id=made.id), 303)


def _written(name: str, least: int, errors: Errors) -> str:
    text = request.form.get(name, "").strip()
    if not least <= len(text) <= _MOST:
        errors[name] = [f"{_NAMES[name]}写 {least} 至 {_MOST} 字"]
    return text


_NAMES = {
    "facts": "事实",
    "reason": "理由",
    "content": "内容",
    "outcome": "结果",
    "responsible": "责任人",
}


# One of the list


@bp.get("/<int:contact_id>")
def show(contact_id: int) -> ResponseReturnValue:
    return _page(_seen(contact_id), {})


def _seen(contact_id: int) -> KeyContact:
    seen = _with_names(visible_contacts(current.appointment))
    return db.one_or_404(seen.where(KeyContact.id == contact_id))


def _page(contact: KeyContact, errors: Errors) -> ResponseReturnValue:
    by = current.appointment
    before = _with_names(visible_contacts(by)).where(
        KeyContact.organisation_id == contact.organisation_id,
        KeyContact.object == contact.object,
        KeyContact.id != contact.id,
    )
    of_unit = select(Motion).where(
        Motion.organisation_id == contact.organisation_id,
        Motion.id.in_(visible_motions(by).with_only_columns(Motion.id)),
    )
    page = render_template(
        "key_contacts/show.html",
        contact=contact,
        kinds=labels.choices(KeyActionKind),
        said=request.form,
        errors=errors,
        before=db.session.scalars(before.order_by(KeyContact.id.desc())).all(),
        motions=db.session.scalars(of_unit.order_by(Motion.id.desc()).limit(20)).all(),
        decides=current.may("motion:decide") and contact.ended_at is None,
    )
    return page, 422 if errors else 200


@bp.post("/<int:contact_id>/actions")
def plan(contact_id: int) -> ResponseReturnValue:
    contact, errors, form = _seen(contact_id), Errors(), request.form
    if form.get("kind") not in set(KeyActionKind):
        errors["kind"] = ["选择重点指导、重点督查还是重点考核"]
    day = _day("planned_on", errors)
    content, who = _written("content", 5, errors), _written("responsible", 2, errors)
    if errors or day is None:
        return _page(contact, errors)
    by, now = current.appointment, current.now
    kind = KeyActionKind(form["kind"])
    try:
        acts.plan(db.session, contact, kind, day, who[:50], content, by=by, now=now)
    except acts.Ended:
        return error_page(409, GONE)
    return _back(contact_id, f"已安排{labels.label(kind)}。")


@bp.post("/<int:contact_id>/actions/<int:action_id>")
def settle(contact_id: int, action_id: int) -> ResponseReturnValue:
    contact, errors = _seen(contact_id), Errors()
    action = next((each for each in contact.actions if each.id == action_id), None)
    if action is None:
        abort(404)
    day, outcome = _day("done_on", errors), _written("outcome", 5, errors)
    if day is not None and day > current.today:
        errors["done_on"] = ["完成日期不能晚于今天"]
    if errors or day is None:
        return _page(contact, errors)
    try:
        acts.settle(db.session, action, day, outcome, by=current.appointment, now=current.now)
    except acts.Ended:
        return error_page(409, GONE)
    return _back(contact_id, "结果已记录。")


@bp.post("/<int:contact_id>/end")
def end(contact_id: int) -> ResponseReturnValue:
    """The leader takes it off the list, with a reason."""
    if not current.may("motion:decide"):
        abort(404)
    contact, errors = _seen(contact_id), Errors()
    reason = _written("reason", 5, errors)
    if errors:
        return _page(contact, errors)
    try:
        acts.end(db.session, contact, reason, by=current.appointment, now=current.now)
    except acts.Ended:
        return error_page(409, GONE)
    return _back(contact_id, "已移出重点联系单位，记录保留。")


def _day(name: str, errors: Errors) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        errors[name] = ["填写日期"]
        return None


def _back(contact_id: int, said: str) -> ResponseReturnValue:
    db.session.commit()
    flash(said)
    return redirect(url_for("key_contacts.show", contact_id=contact_id), 303)
