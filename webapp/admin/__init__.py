"""管理: what the three administrators keep. One module a noun; none of them shows a patient."""

from webapp.admin import (
    accounts,
    appointments,
    calendar,
    definitions,
    definitions_moves,
    definitions_new,
    health,
    index,
    log,
    operations,
    organisations,
    people,
    rules,
    zones,
)
from webapp.admin.blueprint import bp

__all__ = [
    "accounts",
    "appointments",
    "bp",
    "calendar",
    "definitions",
    "definitions_moves",
    "definitions_new",
    "health",
    "index",
    "log",
    "operations",
    "organisations",
    "people",
    "rules",
    "zones",
]
