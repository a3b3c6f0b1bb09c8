"""Cross-field checks by name. Importing this package registers them all."""

from workflows.forms.checks import discovery, meeting
from workflows.forms.checks.registry import CHECKS, Check, Context, Found, Known, cross_check

__all__ = [
    "CHECKS",
    "Check",
    "Context",
    "Found",
    "Known",
    "cross_check",
    "discovery",
    "meeting",
]
