"""Checks of periodic duties: a month's report (A04), a quarter's notice (C01, C02)."""

from collections.abc import Iterator

from workflows.forms.checks.registry import Context, Found, cross_check
from workflows.forms.spec import Answers, Kind


@cross_check("month_is_complete")
def month_is_complete(answers: Answers, context: Context) -> Found:
    """A04 保证报送的…完整性: who counts otherwise than the system has found a missed case."""
    known, said = context.known.case.get("n_cases"), answers.get("n_cases")
    if known is None or said is None or known == said:
        return
    what = "少报的请先由发生机构登记报告" if said > known else "请核对下表"
    yield "n_cases", f"系统里本期有 {known} 例（含补报），与填写的 {said} 例不一致，{what}"


@cross_check("missing_areas_named")
def missing_areas_named(answers: Answers, context: Context) -> Found:
    missing = context.known.case.get("unfiled") or []
    if missing and not answers.get("missing_note"):
        yield (
            "missing_note",
            f"{'、'.join(missing)}还没有报送，请先催报；仍须先报的，写明原因和催报情况",
        )


@cross_check("zero_notice_said")
def zero_notice_said(answers: Answers, context: Context) -> Found:
    """A quarter without a reviewed case is said to be one, and nothing is made up for it."""
    reviewed, kind = context.known.case.get("reviewed"), answers.get("content")
    if reviewed is None or kind is None:
        return
    if reviewed == 0 and kind != "zero":
        yield "content", "本季度没有评审结束的病例，请选「零通报」"
    if reviewed > 0 and kind == "zero":
        yield "content", f"本季度有 {reviewed} 例评审结束，请选「有评审病例」"


@cross_check("nobody_named")
def nobody_named(answers: Answers, context: Context) -> Found:
    """A notice names no woman, whoever would confirm it."""
    for name, text in _texts(answers, context):
        for word in context.known.case.get("people") or []:
            if len(word) > 1 and word != "不详" and word in text:
                yield name, f"通报里不能出现当事人「{word}」，请改为案例代号"


@cross_check("nobody_recognisable")
def nobody_recognisable(answers: Answers, context: Context) -> Found:
    """The same, and a hospital only if the drafter says why it must."""
    yield from nobody_named(answers, context)
    for name, text in _texts(answers, context):
        for word in context.known.case.get("hospitals") or []:
            if len(word) > 1 and word in text and not answers.get("named_reason"):
                yield name, f"出现了机构名称「{word}」，请改写；确需点名的，在下面写明理由"
                break


def _texts(answers: Answers, context: Context) -> Iterator[tuple[str, str]]:
    for field in context.form.fields():
        if field.kind in (Kind.TEXT, Kind.LONG_TEXT) and field.name != "named_reason":
            yield field.name, answers.get(field.name) or ""
