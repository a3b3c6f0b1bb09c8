"""Cross-field checks by name. Importing this package registers them all."""

from workflows.forms.checks import (
    card,
    causes,
    conclusion,
    discovery,
    duty,
    followup,
    identity,
    measure,
    meeting,
    nearmiss,
    newborn,
    record,
    review,
)
from workflows.forms.checks.registry import CHECKS, Check, Context, Found, Known, cross_check

__all__ = [
    "CHECKS",
    "Check",
    "Context",
    "Found",
    "Known",
    "card",
    "causes",
    "conclusion",
    "cross_check",
    "discovery",
    "duty",
    "followup",
    "identity",
    "measure",
    "meeting",
    "nearmiss",
    "newborn",
    "record",
    "review",
]
