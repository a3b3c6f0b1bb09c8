"""Names behind ids and codes, for readable sheets. One query a name, remembered for the sheet."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Attachment, Organisation, Region, User
from models.icd10 import Icd10
from workflows.forms.moment import moment, shown
from workflows.forms.sheet import HIDDEN
from workflows.forms.spec import Field


def acting(held: Appointment) -> str:
    """What somebody signs as: the own name, or 温雨水 代 周谷雨 in the place of somebody absent."""
    if held.stands_for_id is None:
        return held.user.name
    return f"{held.user.name} 代 {held.principal.name}"


class Names:
    """What `workflows.forms.sheet` asks when it meets an id, a code or a token."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._known: dict[tuple[str, str], str] = {}

    def _once(self, kind: str, key: object, find: Callable[[], str | None]) -> str:
        place = (kind, str(key))
        if place not in self._known:
            self._known[place] = find() or str(key)
        return self._known[place]

    def organisation(self, key: int) -> str:
        query = select(Organisation.name).where(Organisation.id == key)
        return self._once("organisation", key, lambda: self.session.scalar(query))

    def user(self, key: int) -> str:
        query = select(User.name).where(User.id == key)
        return self._once("user", key, lambda: self.session.scalar(query))

    def region(self, code: str) -> str:
        """The full path, such as 云江市青禾县禾场镇."""
        return self._once("region", code, lambda: self._path(code))

    def _path(self, code: str) -> str | None:
        names: list[str] = []
        place: str | None = code
        while place is not None:
            row = self.session.scalars(select(Region).where(Region.code == place)).one_or_none()
            if row is None:
                break
            names.append(row.name)
            place = row.parent_code
        return "".join(reversed(names)) or None

    def icd10(self, code: str) -> str:
        """Code and title, such as O72.1 其他即时产后出血."""
        query = select(Icd10.title).where(Icd10.code == code)

        def find() -> str | None:
            title = self.session.scalar(query)
            return f"{code} {title}" if title else None

        return self._once("icd10", code, find)

    def attachment(self, token: str) -> str:
        query = select(Attachment.filename).where(Attachment.token == token)
        return self._once("attachment", token, lambda: self.session.scalar(query))

    def moment(self, value: str) -> str:
        """2026-11-21 03:40, or the day alone."""
        return shown(moment(value)) if "T" in value else value

    def hidden(self, question: Field, value: Any) -> str:
        return HIDDEN
