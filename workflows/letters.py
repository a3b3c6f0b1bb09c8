"""Notices as the official documents they are, drafts among them, as one reader may read them.

Reads a notice's answers, changes nothing, knows neither HTML nor PDF.
"""

from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import Appointment, Document, Notice
from workflows.dossier import Official
from workflows.forms.spec import Answers
from workflows.readers import PlainReader, Reader

UNNUMBERED = "（未编号）"

_ZONE = ZoneInfo("Asia/Shanghai")
_AREAS = (("care", "保健"), ("medical", "医疗"), ("admin", "管理"))


def official_for(
    session: Session, notice: Notice, document: Document, draft: bool, *, by: Appointment
) -> Official:
    """One edition of a notice, as this person may read it; `draft`: as it was before it was
    issued."""
    reader = Reader(session, notice.case, by) if notice.case else PlainReader(session)
    return official(notice, reader, document, draft=draft)


def official(
    notice: Notice,
    reader: Reader | PlainReader,
    document: Document | None = None,
    *,
    draft: bool | None = None,
) -> Official:
    """A notice as the official document it is (C02: 2 × 3 grid, guidance, measures), as this
    reader may read it. By default its newest edition, as it stands."""
    document = document or notice.document
    draft = notice.issued_at is None if draft is None else draft
    answers = document.answers
    dated = document.submitted_at if draft or notice.issued_at is None else notice.issued_at
    title = str(answers.get("title") or "关于孕产妇死亡病例评审情况的反馈通报")
    return Official(
        issuer=notice.organisation.name,
        number=UNNUMBERED if draft or notice.number is None else notice.number,
        title=reader.scrub(title),
        addressed_to=_addressed(notice, reader),
        paragraphs=[reader.scrub(paragraph) for paragraph in paragraphs(answers)],
        copies_to=str(answers.get("copies_to") or ""),
        signed_by=notice.organisation.name,
        signed_on=dated.astimezone(_ZONE).date(),
        issued_by=notice.organisation.name,
        draft=draft,
    )


def _addressed(notice: Notice, reader: Reader | PlainReader) -> str:
    if reader.blind:
        return "有关单位"
    return "、".join(row.organisation.name for row in notice.recipients)


def paragraphs(answers: Answers) -> list[str]:
    """The running text, headings among it, as the answers have it."""
    said = [_opening(answers)]
    for number, (scope, title) in enumerate((("general", "普遍问题"), ("specific", "个性化问题"))):
        said.append(f"{'一二'[number]}、{title}")
        if answers.get("content") == "zero":
            said.append("无。")
            continue
        for place, (area, label) in enumerate(_AREAS):
            said.append(f"（{'一二三'[place]}）{label}方面")
            said += str(answers.get(f"{scope}_{area}") or "无").splitlines()
    said += ["三、指导性意见", *str(answers.get("guidance", "")).splitlines()]
    said += ["四、改进措施", *str(answers.get("measures", "")).splitlines()]
    if answers.get("reply_due"):
        said.append(f"请于 {answers['reply_due']} 前书面回复整改情况。")
    return said


def _opening(answers: Answers) -> str:
    """What a notice is about: one case under another name, or a quarter with or without cases."""
    if "case_label" in answers:
        return f"评审病例：{answers['case_label']}。"
    period, deaths, reviewed = answers["period"], answers["deaths"], answers["reviewed"]
    if answers["content"] == "zero":
        return f"{period}全市报告孕产妇死亡 {deaths} 例，没有评审结束的病例，特此通报（零通报）。"
    return (
        f"{period}全市报告孕产妇死亡 {deaths} 例，评审结束 {reviewed} 例，现将发现的问题通报如下。"
    )
