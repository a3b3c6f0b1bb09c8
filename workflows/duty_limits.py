"""Whose limits of duties one sees: of ledger items, of 提醒、督导、约谈, of answers to notices.

Whoever may see the duty sees its limits, by the same queries. Knows no page.
"""

from sqlalchemy import ColumnElement, Select, or_, select, union_all

from models import (
    Appointment,
    Clock,
    Duty,
    DutyState,
    Motion,
    NoticeRecipient,
    Rectification,
    Reopening,
)
from workflows.item_scope import visible_items
from workflows.measure_readers import visible_measures
from workflows.replies import visible_replies

_OF_ITEMS = ("clock.rectification", "clock.extension", "clock.effect_check")
_FILING, _REMINDER, _REPLY = "clock.interview_filing", "clock.reminder_reply", "clock.notice_reply"


def visible(by: Appointment) -> Select[Clock]:
    """Limits of the duties one may see. What was never met and is over with its duty, such as an
    answer to a notice that was taken back, is a limit no longer."""
    return (
        select(Clock)
        .join(Duty, Duty.id == Clock.duty_id)
        .where(
            Clock.duty_id > 0,  # found by the index that holds only these, whatever the order
            or_(Duty.state == DutyState.OPEN, Clock.met_at.is_not(None)),
            or_(
                Clock.rule_key.in_(_OF_ITEMS) & _hosts_items(by),
                (Clock.rule_key == _FILING) & Clock.duty_id.in_(_hosted(by)),
                (Clock.rule_key == _REMINDER)
                & Clock.duty_id.in_(visible_measures(by).with_only_columns(Duty.id)),
                (Clock.rule_key == _REPLY)
                & visible_replies(by)
                .where(NoticeRecipient.reply_duty_id == Clock.duty_id)
                .exists(),
            ),
        )
    )


def _hosts_items(by: Appointment) -> ColumnElement[bool]:
    """The duty was entered for a visible item, is about one, or has opened one again."""
    entered = select(Rectification.id).where(Rectification.duty_id == Duty.id)
    again = select(Reopening.item_id).where(Reopening.duty_id == Duty.id)
    of_duty = union_all(*(keys.correlate(Duty) for keys in (entered, select(Duty.item_id), again)))
    return visible_items(by).where(Rectification.id.in_(of_duty)).exists()


def _hosted(by: Appointment) -> Select[int | None]:
    """Interviews that our commission holds, or that are filed with it: of the filing nobody else
    learns."""
    here = by.organisation_id
    hosts = or_(Motion.commission_id == here, Motion.filed_with_id == here)
    seen = visible_measures(by).with_only_columns(Duty.id)
    return select(Motion.duty_id).where(hosts, Motion.duty_id.in_(seen))
