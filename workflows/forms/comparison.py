"""In what one level's conclusion differs from another's, from their answers alone (B04).

Knows no rows, no names, no page.
"""

import enum
from collections import Counter
from typing import Any

from workflows.forms.spec import Answers


class Part(enum.StrEnum):
    """What is compared. The reason for a change is asked as difference_<part>."""

    CONCLUSION = "conclusion"
    CAUSE = "cause"
    FACTORS = "factors"
    FINDINGS = "findings"


PARTS = {
    Part.CONCLUSION: "结论",
    Part.CAUSE: "根本死因",
    Part.FACTORS: "影响因素",
    Part.FINDINGS: "问题",
}


def changed(lower: Answers, upper: Answers) -> list[Part]:
    """The parts in which the upper level does not say what the lower one said. Findings are told
    apart by unit, area and cell: their words always differ."""
    return [part for part in Part if _said(part, lower) != _said(part, upper)]


def reason(answers: Answers, part: Part) -> str:
    """Why a level changed a part; of sheets before each part was asked for, the one reason there
    was."""
    old = answers.get("difference_reason", "") if part is Part.CONCLUSION else ""
    return str(answers.get(f"difference_{part}") or old or "")


def finding_key(row: Answers) -> tuple[Any, ...]:
    """What makes two levels' problems the same one."""
    return row.get("organisation"), row.get("area"), row.get("cell") or ""


def _said(part: Part, answers: Answers) -> Any:
    match part:
        case Part.CONCLUSION:
            return answers.get("conclusion")
        case Part.CAUSE:
            return answers.get("underlying_icd")
        case Part.FACTORS:
            return set(answers.get("grid") or ()), set(answers.get("major_factors") or ())
        case Part.FINDINGS:
            return Counter(finding_key(row) for row in answers.get("problems") or ())
