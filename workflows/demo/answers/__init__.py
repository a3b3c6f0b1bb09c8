"""One good set of answers for every form, telling one invented case: bleeding after a caesarean
section. The demonstration and the tests hand in these.

Everything hangs on `event_at`, the moment of death. Ids of organisations and users and tokens of
attachments are passed in; `over` replaces or adds answers. Nobody in here ever lived.
"""

from workflows.demo.answers.duty import month_check, monthly_report, quarterly_notice
from workflows.demo.answers.followup import (
    acceptance,
    archive,
    notice,
    notice_issue,
    notice_receipt,
    notice_return,
    plan,
    progress,
    rejection,
)
from workflows.demo.answers.hospital import (
    discussion,
    explanation,
    receipt,
    report,
    second_discussion,
)
from workflows.demo.answers.person import (
    AGE,
    DIAGNOSES,
    HOSPITAL,
    HUSBAND,
    NAME,
    causes,
    id_number,
    signature,
)
from workflows.demo.answers.review import (
    Member,
    chair_return,
    chair_signature,
    conclusion,
    endorsement,
    grid,
    opinion,
    panel,
    problems,
    votes,
)
from workflows.demo.answers.submission import (
    case_record,
    death_card,
    inventory,
    returned,
    submission,
    verification,
)

__all__ = [
    "AGE",
    "DIAGNOSES",
    "HOSPITAL",
    "HUSBAND",
    "NAME",
    "Member",
    "acceptance",
    "archive",
    "case_record",
    "causes",
    "chair_return",
    "chair_signature",
    "conclusion",
    "death_card",
    "discussion",
    "endorsement",
    "explanation",
    "grid",
    "id_number",
    "inventory",
    "month_check",
    "monthly_report",
    "notice",
    "notice_issue",
    "notice_receipt",
    "notice_return",
    "opinion",
    "panel",
    "plan",
    "problems",
    "progress",
    "quarterly_notice",
    "receipt",
    "rejection",
    "report",
    "returned",
    "second_discussion",
    "signature",
    "submission",
    "verification",
    "votes",
]
