"""Who sees what of 提醒、督导、约谈: the commission that decides, the one above once it is filed,
and whom it is addressed to. Never a reviewer of the case it is about. Queries; knows no page.
"""

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from models import Appointment, Attachment, Duty, KeyContact, Motion
from workflows.permissions import may, reviewed_cases


def visible_motions(by: Appointment) -> Select[Motion]:
    """Proposals that our leader decides, for whoever has no part in the review of their case: who
    reviews a death has nothing to do with what follows for people and units."""
    if not may(by, "motion:view"):
        return select(Motion).where(false())
    reviewed = select(Motion.id).where(Motion.case_id.in_(reviewed_cases(by)))
    return select(Motion).where(
        Motion.commission_id == by.organisation_id, Motion.id.not_in(reviewed)
    )


def visible_contacts(by: Appointment) -> Select[KeyContact]:
    """重点联系单位 of one's own commission, those taken off included; nobody else reads reasons.

    None that a motion suggested which one may not see.
    """
    if not may(by, "motion:view"):
        return select(KeyContact).where(false())
    seen = visible_motions(by).with_only_columns(Motion.id)
    return select(KeyContact).where(
        KeyContact.commission_id == by.organisation_id,
        or_(KeyContact.motion_id.is_(None), KeyContact.motion_id.in_(seen)),
    )


def told_contacts(by: Appointment) -> Select[KeyContact]:
    """Stays of one's own unit on somebody's list, for who answers for it: since when and until
    when, by which clause. Reason, facts and what is planned are the commission's."""
    if not may(by, "measure:view"):
        return select(KeyContact).where(false())
    return select(KeyContact).where(KeyContact.organisation_id == by.organisation_id)


def visible_measures(by: Appointment) -> Select[Duty]:
    """Measures our commission takes, those filed with it, and those addressed to our unit or to
    oneself, from the moment of the first letter."""
    if not may(by, "measure:view"):
        return select(Duty).where(false())
    ours = visible_motions(by).with_only_columns(Motion.duty_id).where(Motion.duty_id.is_not(None))
    return select(Duty).where(or_(Duty.id.in_(ours), Duty.id.in_(_told(by))))


def _told(by: Appointment) -> Select[int | None]:
    """Measures that we were told of: as their object, or as the commission they are filed with."""
    here = by.organisation_id
    to_us = and_(Motion.organisation_id == here, Motion.person_id.is_(None))
    to_me = and_(Motion.organisation_id == here, Motion.person_id == by.user_id)
    filed = Motion.filed_with_id == here if may(by, "motion:view") else false()
    return select(Motion.duty_id).where(
        Motion.duty_id.is_not(None),
        or_(and_(Motion.notified_at.is_not(None), or_(to_us, to_me)), filed),
    )


def files_of_motions(by: Appointment) -> ColumnElement[bool]:
    """Which evidence of proposed measures one may have: of those one sees."""
    return Attachment.motion_id.in_(visible_motions(by).with_only_columns(Motion.id))


def files_of_measures(by: Appointment) -> ColumnElement[bool]:
    """Which files of measures one may have: of those one sees; what goes to the commission above
    only as one of the two."""
    here = by.organisation_id
    hosts = or_(Motion.commission_id == here, Motion.filed_with_id == here)
    inner = select(Motion.duty_id).where(Motion.duty_id.is_not(None), hosts)
    return and_(
        Attachment.duty_id.in_(visible_measures(by).with_only_columns(Duty.id)),
        Attachment.form.not_like("rectification%"),
        or_(Attachment.form.not_like("interview_fil%"), Attachment.duty_id.in_(inner)),
    )
