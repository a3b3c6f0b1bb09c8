"""What stored codes are called on the page: diseases, regions, organisations, people, files.

Reads reference rows through the request's session; what is unknown shows as it was typed.
"""

from sqlalchemy import select

from models import Appointment, Attachment, Organisation, User
from webapp import db
from workflows import icd10, regions
from workflows.forms.spec import Kind


def label(kind: Kind, text: str) -> str:
    """The words for a code that a picker holds; empty when it names nothing known."""
    if not text:
        return ""
    if kind is Kind.ICD10:
        return _disease(text)
    if kind is Kind.REGION:
        return regions.full_name(db.session, text)
    if not text.isdecimal() or len(text) > 9:
        return ""
    return _organisation(int(text)) if kind is Kind.ORGANISATION else _user(int(text))


def _disease(code: str) -> str:
    found = icd10.get(db.session, code)
    return f"{found.code} {found.title}" if found else ""


def _organisation(key: int) -> str:
    found = db.session.get(Organisation, key)
    return found.name if found else ""


def _user(key: int) -> str:
    found = db.session.get(User, key)
    return person(found, found.appointments) if found else ""


def person(user: User, appointments: list[Appointment]) -> str:
    """Name, unit and professional title: what one may know of any colleague."""
    unit = appointments[0].organisation.short_name if appointments else ""
    about = "，".join(part for part in (unit, user.title) if part)
    return f"{user.name}（{about}）" if about else user.name


def attachment(token: str) -> Attachment | None:
    """The uploaded file of that token."""
    return db.session.scalars(select(Attachment).where(Attachment.token == token)).one_or_none()


def size(count: int) -> str:
    """120 KB · 3.4 MB."""
    return f"{max(1, count // 1024)} KB" if count < 1024 * 1024 else f"{count / 1024**2:.1f} MB"
