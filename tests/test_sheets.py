"""Readable sheets: what people read of a form, and what is kept from them."""

import pytest

from models.base import DataClass
from tests.forms import EVENT, GONE, GOOD, SIGN, spoilt
from workflows.demo import answers as demo
from workflows.forms.load import load
from workflows.forms.sheet import HIDDEN, MISSING, SheetRow, SheetSection, sheet
from workflows.forms.spec import Field


class Names:
    """Words for ids, so that a test sees which lookup was asked."""

    def organisation(self, key: int) -> str:
        return f"单位{key}"

    def user(self, key: int) -> str:
        return f"人员{key}"

    def region(self, code: str) -> str:
        return f"地区{code}"

    def icd10(self, code: str) -> str:
        return f"{code} 某病"

    def attachment(self, token: str) -> str:
        return f"{token}.pdf"

    def moment(self, value: str) -> str:
        return value[:16].replace("T", " ")

    def hidden(self, question: Field, value: object) -> str:
        return HIDDEN


NAMES = Names()


def rows(sections: list[SheetSection]) -> dict[str, SheetRow]:
    return {row.name or row.label: row for section in sections for row in section.rows}


def everything(sections: list[SheetSection]) -> str:
    """All text of a sheet."""
    found = [row for section in sections for row in section.rows]
    cells = [cell for row in found for line in row.table for cell in line]
    return "\n".join(row.value for row in found + cells)


@pytest.mark.parametrize("form", sorted(GOOD))
def test_every_form_can_be_read(form: str) -> None:
    sections = sheet(load(form), GOOD[form], NAMES)
    assert sections
    codes = {"conditionally_avoidable", "case_feedback", "institution", "have", "true", "True"}
    assert codes.isdisjoint(everything(sections).split("\n"))
    assert MISSING not in everything(sections)


def test_values_are_words() -> None:
    found = rows(sheet(load("report.v1"), GOOD["report.v1"], NAMES))
    assert found["event_dt"].value == "2026-11-21 03:40"
    assert found["age"].value == "31 岁"
    assert found["place_type"].value == "医疗机构内"
    assert found["reporter_org"].value == "单位1"
    assert "late_reason" not in found


def test_a_required_answer_that_is_missing_is_said() -> None:
    torn = spoilt("report.v1", {"name": GONE})
    found = rows(sheet(load("report.v1"), torn, NAMES))
    assert found["name"].value == MISSING
    assert "place_note" not in found  # not asked, so not missing


def test_tables_of_a_submission() -> None:
    form = "case_submission.v1"
    found = rows(sheet(load(form), GOOD[form], NAMES))
    first, second = found["causes"].table
    assert [cell.value for cell in first] == [
        "(a) 直接死因",
        "O72.3",
        "产后凝血功能障碍",
        "3 小时",
    ]
    assert second[1].value == "O72.1"
    timeline = found["timeline"].table
    assert len(timeline) == len(GOOD[form]["timeline"])
    assert len({tuple(cell.label for cell in line) for line in timeline}) == 1
    assert timeline[0][0].value == "2026-04-30"  # only the day is known
    assert timeline[-1][0].value == "2026-11-21 03:40"
    inventory = {line[0].value: line for line in found["record_inventory"].table}
    assert [cell.value for cell in inventory["住院病历"][1:]] == ["有", "42", "scan.pdf"]
    assert found["redacted_copy"].value == "redacted.pdf"


def test_that_nothing_was_found_is_said_only_where_it_is_so() -> None:
    form = "conclusion.v5"
    told = {
        said: "problems_none"
        in rows(sheet(load(form), spoilt(form, {"problems_none": said}), NAMES))
        for said in (True, False)
    }
    assert told == {True: True, False: False}


def test_what_is_computed_is_on_the_sheet() -> None:
    form = "case_submission.v1"
    found = rows(sheet(load(form), GOOD[form], NAMES))
    assert found["报告卡死亡时间"].value == "2026-11-21 4 时"
    assert found["产后天数"].value == "1 天"
    assert found["申请用血到开始输血"].value == "1 小时 12 分"
    assert found["完整率"].value == "92%"
    assert "黄☆" not in found
    star = spoilt(form, {"yellow_factors": 3})
    assert "黄☆" in rows(sheet(load(form), star, NAMES))


def test_a_death_at_half_past_eleven_is_on_the_next_days_card() -> None:
    late = EVENT.replace(hour=15, minute=30)
    answers = demo.death_card(late, organisation=1, region="990121")
    found = rows(sheet(load("death_card.v1"), answers, NAMES))
    assert found["death_dt"].value == "2026-11-20 23:30"
    assert found["报告卡死亡时间"].value == "2026-11-21 0 时"


def test_the_grid_reads_as_cells() -> None:
    found = rows(sheet(load("opinion.v2"), GOOD["opinion.v2"], NAMES))
    lines = found["grid"].table
    assert [line[0].value for line in lines] == [
        "2 个人家庭·态度",
        "5 医疗保健·知识技能",
        "8 医疗保健·管理系统",
    ]
    assert found["major"].value == "5 医疗保健·知识技能、8 医疗保健·管理系统"
    assert found["sign"].value == f"{SIGN['name']}　2026-11-21 08:40"


def test_parts_are_told_apart() -> None:
    sections = sheet(load("case_submission.v1"), GOOD["case_submission.v1"], NAMES)
    parts = list(dict.fromkeys(section.part for section in sections))
    assert parts == ["death_card.v1", "case_record.v1", "record_inventory.v1", ""]


@pytest.mark.parametrize("form", sorted(GOOD))
def test_who_she_was_is_kept_back(form: str) -> None:
    """Not only in the row of her name: nowhere on the sheet, tables included."""
    identity = [
        demo.NAME,
        demo.HUSBAND,
        demo.id_number(EVENT),
        "13900000099",
        "ZY26-0815",
        "春分村",
    ]
    sections = sheet(load(form), GOOD[form], NAMES, hide=frozenset({DataClass.PERSONAL}))
    text = everything(sections)
    assert not [word for word in identity if word in text]


def test_a_hidden_answer_is_said_to_be_hidden() -> None:
    form = "in_hospital_discussion.v1"
    found = rows(sheet(load(form), GOOD[form], NAMES, hide=frozenset({DataClass.PERSONAL})))
    assert found["chair"].value == HIDDEN
    assert {line[0].value for line in found["attendees"].table} == {HIDDEN}
    assert found["round"].value == "1"


def test_hidden_clinical_answers_leave_no_computed_rows() -> None:
    form = "case_submission.v1"
    sections = sheet(load(form), GOOD[form], NAMES, hide=frozenset({DataClass.SENSITIVE}))
    found = rows(sections)
    assert {"报告卡死亡时间", "产后天数", "完整率", "申请用血到开始输血"}.isdisjoint(found)
    assert "O72" not in everything(sections)
