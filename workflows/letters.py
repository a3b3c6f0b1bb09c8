"""Issued notices as the official documents they are, as one reader may read them.

Reads a notice's answers, changes nothing, knows neither HTML nor PDF.
"""

from typing import Any
from zoneinfo import ZoneInfo

from models import Notice
from workflows.dossier import Official
from workflows.readers import PlainReader, Reader

_ZONE = ZoneInfo("Asia/Shanghai")
_AREAS = (("care", "保健"), ("medical", "医疗"), ("admin", "管理"))


def official(notice: Notice, reader: Reader | PlainReader) -> Official:
    """An issued notice as the official document it is (C02: 2 × 3 grid, guidance, measures), as
    this reader may read it."""
    answers: dict[str, Any] = notice.document.answers
    paragraphs: list[str] = [_opening(answers)]
    for number, (scope, title) in enumerate((("general", "普遍问题"), ("specific", "个性化问题"))):
        paragraphs.append(f"{'一二'[number]}、{title}")
        if answers.get("content") == "zero":
            paragraphs.append("无。")
            continue
        for place, (area, label) in enumerate(_AREAS):
            text = answers.get(f"{scope}_{area}") or "无"
            paragraphs.append(f"（{'一二三'[place]}）{label}方面")
            paragraphs += str(text).splitlines()
    paragraphs += ["三、指导性意见", *str(answers.get("guidance", "")).splitlines()]
    paragraphs += ["四、改进措施", *str(answers.get("measures", "")).splitlines()]
    if answers.get("reply_due"):
        paragraphs.append(f"请于 {answers['reply_due']} 前书面回复整改情况。")
    issued_at = (notice.issued_at or notice.document.submitted_at).astimezone(_ZONE)
    return Official(
        issuer=notice.organisation.name,
        number=notice.number or "（未编号）",
        title=reader.scrub(str(answers.get("title") or "关于孕产妇死亡病例评审情况的反馈通报")),
        addressed_to="有关单位"
        if reader.blind
        else "、".join(row.organisation.name for row in notice.recipients),
        paragraphs=[reader.scrub(paragraph) for paragraph in paragraphs],
        signed_by=notice.organisation.name,
        signed_on=issued_at.date(),
        issued_by=notice.issued_by.name if notice.issued_by else "",
    )


def _opening(answers: dict[str, Any]) -> str:
    """What a notice is about: one case under another name, or a quarter with or without cases."""
    if "case_label" in answers:
        return f"评审病例：{answers['case_label']}。"
    period, deaths, reviewed = answers["period"], answers["deaths"], answers["reviewed"]
    if answers["content"] == "zero":
        return f"{period}全市报告孕产妇死亡 {deaths} 例，没有评审结束的病例，特此通报（零通报）。"
    return (
        f"{period}全市报告孕产妇死亡 {deaths} 例，评审结束 {reviewed} 例，现将发现的问题通报如下。"
    )
