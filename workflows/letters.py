"""Notices as the official documents they are, drafts among them, as one reader may read them.

Reads a notice's answers, changes nothing, knows neither HTML nor PDF.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models import Appointment, Document, Duty, DutyKind, Notice, NoticeKind
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
    answers, newer = document.answers, notice.recalled_by
    dated = document.submitted_at if draft or notice.issued_at is None else notice.issued_at
    title = str(answers.get("title") or "关于病例评审情况的反馈通报")
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
        recalled=(newer.number or "") if newer and not draft else "",
    )


def _addressed(notice: Notice, reader: Reader | PlainReader) -> str:
    if reader.blind:
        return "有关单位"
    return "、".join(row.organisation.name for row in notice.recipients)


def paragraphs(answers: Answers) -> list[str]:
    """The running text, headings among it, as the answers have it."""
    tell = None if "case_label" in answers else _OWN.get(answers.get("kind", ""))
    if tell is not None:
        return [*tell(answers), *_reply(answers)]
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
    return [*said, *_reply(answers)]


def _reply(answers: Answers) -> list[str]:
    due = answers.get("reply_due")
    return [f"请于{_in_words(due)}前书面回复整改落实情况。"] if due else []


def _in_words(day: str) -> str:
    """2026年10月9日, as official documents write a day."""
    said = date.fromisoformat(day)
    return f"{said.year}年{said.month}月{said.day}日"


def _interview(answers: Answers) -> Iterator[str]:
    number = answers.get("interview_no")
    yield f"因存在下列问题，已进行约谈{f'（{number}）' if number else ''}，现通报如下。"
    yield "一、约谈对象"
    for row in answers.get("objects", ()):
        yield f"{_OBJECTS[row['object_kind']]}：{row['object']}"
    yield "二、存在的突出问题"
    yield from answers["problems"].splitlines()
    yield "三、工作要求"
    yield from answers["requirements"].splitlines()


def _commendation(answers: Answers) -> Iterator[str]:
    yield "一、工作进展"
    yield from answers["progress"].splitlines()
    yield "二、典型机构、人员和事例"
    for number, row in enumerate(answers.get("examples", ()), 1):
        yield f"{number}. {_EXAMPLES[row['example_kind']]}：{row['example']}"
        yield from row["deed"].splitlines()


def _work(answers: Answers) -> Iterator[str]:
    yield "一、工作进展"
    yield from answers["progress"].splitlines()
    yield "二、工作要求"
    yield from answers["requirements"].splitlines()


def _recall(answers: Answers) -> Iterator[str]:
    yield f"{answers['recalled']}因下列原因撤回，自本通知印发之日起停止使用。请各收文单位签收。"
    yield from answers["recall_reason"].splitlines()
    if due := answers.get("moved_due"):
        yield f"尚未回复的单位不再回复原通报，请于{_in_words(due)}前就本通知书面回复。"
    elif answers.get("replies") == "end":
        yield "原通报要求的书面回复不再要求。"


_OBJECTS = {"area": "地区", "institution": "机构", "person": "个人"}
_EXAMPLES = {"institution": "典型机构", "person": "典型人员", "deed": "典型事例"}
_OWN: Mapping[str, Callable[[Answers], Iterator[str]]] = {
    NoticeKind.INTERVIEW.value: _interview,
    NoticeKind.COMMENDATION.value: _commendation,
    NoticeKind.WORK.value: _work,
    NoticeKind.RECALL.value: _recall,
}


def prefill(session: Session, duty: Duty) -> dict[str, Any]:
    """Values that the draft of a notice of its own starts with, by dotted path."""
    begun = duty.content or {}
    if duty.kind is not DutyKind.NOTICE:
        return {}
    values = {"letter.kind": begun["kind"], "letter.interview": begun.get("interview")}
    if (key := begun.get("recalls")) is None:
        return values
    old = session.get_one(Notice, key)
    title = str(old.document.answers.get("title") or "通报")
    return values | {
        "letter.title": f"关于撤回{old.number}的通知",
        "letter.recalled": f"{old.number}《{title}》",
        "letter.recipients": [{"organisation": row.organisation_id} for row in old.recipients],
    }


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
