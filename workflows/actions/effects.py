"""What follows from a step, by the name its diagram gives it. The registry, nothing else."""

from collections.abc import Callable

from workflows.actions import (
    archive,
    duties,
    effect_checks,
    extensions,
    ledger,
    letters,
    measures,
    meetings,
    notices,
    replies,
    reports,
    reviews,
)
from workflows.actions.tasks import Handing
from workflows.engine import Flags

EFFECTS: dict[str, Callable[[Handing], Flags]] = {
    "forward_report": reports.forward_report,
    "record_discussion": reports.record_discussion,
    "file_case": reports.file_case,
    "verify_case": reports.verify_case,
    "appoint_panel": reviews.appoint_panel,
    "file_opinion": reviews.file_opinion,
    "draft_conclusion": reviews.draft_conclusion,
    "chair_conclusion": reviews.chair_conclusion,
    "sign_conclusion": meetings.sign_conclusion,
    "endorse_conclusion": reviews.endorse_conclusion,
    "draft_notice": notices.draft_notice,
    "issue_notice": notices.issue_notice,
    "sign_notice": notices.sign_notice,
    "check_letter": letters.check_letter,
    "file_reply": replies.file_reply,
    "read_reply": replies.read_reply,
    "file_month": duties.file_month,
    "check_month": duties.check_month,
    "plan_rectification": ledger.plan_rectification,
    "report_rectification": ledger.report_rectification,
    "accept_rectification": ledger.accept_rectification,
    "send_letter": measures.send_letter,
    "receive_letter": measures.receive_letter,
    "receive_reminder": measures.receive_reminder,
    "send_experts": measures.send_experts,
    "report_supervision": measures.report_supervision,
    "record_interview": measures.record_interview,
    "sign_as_object": measures.sign_as_object,
    "sign_as_interviewer": measures.sign_as_interviewer,
    "file_interview": measures.file_interview,
    "register_filing": measures.register_filing,
    "close_measure": measures.close_measure,
    "decide_extension": extensions.decide,
    "judge_effect": effect_checks.judge,
    "archive_case": archive.archive_case,
}
