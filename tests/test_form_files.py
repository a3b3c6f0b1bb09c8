"""Form files: in order, complete, and never changed once released."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.base import DataClass
from tests.forms import GOOD
from workflows.forms import load
from workflows.forms.spec import Field, Form, Kind

FROZEN = Path(__file__).with_name("forms.sha256.json")
STEPS = {
    "archive", "case_record", "case_submission", "conclusion", "conclusion_chair",
    "conclusion_endorsement", "conclusion_signature", "death_card", "head_explanation",
    "in_hospital_discussion",
    "ledger_item", "extension_request", "extension_decision", "effect_check",
    "letter", "letter_check", "monthly_check", "monthly_report", "notice", "notice_issue",
    "notice_receipt", "notice_reply", "notice_reply_reading", "opinion", "panel",
    "nearmiss_card", "newborn_card", "review_selection",
    "quarterly_notice", "receipt", "record_inventory",
    "rectification_acceptance", "rectification_plan", "rectification_progress", "report",
    "second_discussion", "verification",
    "interview_close", "interview_filed", "interview_filing", "interview_object_sign",
    "interview_receipt", "interview_record", "interview_sign", "interview_summons",
    "reminder_letter", "reminder_receipt", "supervision_close", "supervision_receipt",
    "supervision_report", "supervision_team", "province_conclusion",
}  # fmt: skip


def digest(form: Form) -> str:
    """Of the form as it is asked: code lists copied in, parts by their questions."""
    return hashlib.sha256(msgspec.json.encode(form, order="sorted")).hexdigest()


def every_field(form: Form) -> list[Field]:
    """Top-level fields and those of groups and grids."""
    found = list(form.fields())
    return found + [child for field in found for child in field.fields]


def test_every_step_has_its_form() -> None:
    assert {load.base_name(form.name) for form in load.all_forms()} == STEPS
    assert {form.name for form in load.all_forms()} == set(GOOD)


def test_released_forms_are_frozen() -> None:
    """Old answers are read with the form they were given to: a changed question is a next version.

    Before a release: python -m tests.test_form_files
    """
    assert {form.name: digest(form) for form in load.all_forms()} == json.loads(FROZEN.read_text())


@pytest.mark.parametrize("form", load.all_forms(), ids=lambda form: form.name)
def test_a_section_is_short_enough_for_a_phone(form: Form) -> None:
    assert all(0 < len(section.fields) <= 12 for section in form.sections)


@pytest.mark.parametrize("form", load.all_forms(), ids=lambda form: form.name)
def test_who_a_person_is_is_personal(form: Form) -> None:
    """Names, numbers, phones and addresses are hidden from whoever may not know her."""
    for field in every_field(form):
        if field.kind in (Kind.ID_NUMBER, Kind.PHONE) or field.name in PERSONAL_NAMES:
            assert field.data_class is DataClass.PERSONAL, field.name


PERSONAL_NAMES = {
    "name", "id_other", "hospital_no", "husband_name", "age", "kin_phone", "addr_household",
    "addr_household_detail", "addr_usual", "addr_usual_detail", "addr_current",
    "addr_current_detail", "mother_name", "father_name", "mother_age", "reporter", "filler",
    "chair_name", "family_contact_doctor",
}  # fmt: skip


@pytest.mark.parametrize("form", load.all_forms(), ids=lambda form: form.name)
def test_words_are_chinese_and_say_enough(form: Form) -> None:
    texts = [form.title, *(section.title for section in form.sections)]
    texts += [field.label for field in every_field(form)]
    texts += [choice.label for field in every_field(form) for choice in field.choices]
    assert all(text == text.strip() and text for text in texts)
    assert not any("成功" in text for text in [*texts, form.intro, form.confirm, form.submit])


@pytest.mark.parametrize("base", sorted(STEPS))
def test_the_latest_version_is_found(base: str) -> None:
    forms = [form.name for form in load.all_forms() if form.name.startswith(f"{base}.v")]
    versions = [load.version(name) for name in forms if not load.variant(name)]
    assert load.latest(base) is load.load(f"{base}.v{max(versions)}")
    assert sorted(versions) == list(range(1, len(versions) + 1))


def test_versions_are_compared_as_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {f"card.v{number}": tmp_path / f"card.v{number}.json" for number in (2, 10)}
    for path in paths.values():
        path.write_text(json.dumps(SOUND))
    monkeypatch.setattr(load, "_paths", lambda: paths)
    assert load.latest("card").name == "card.v10"
    load.load.cache_clear()


def test_an_unknown_form_is_no_form() -> None:
    with pytest.raises(load.UnknownForm):
        load.load("report.v99")
    with pytest.raises(load.UnknownForm):
        load.latest("reprot")


def test_parts_come_first_with_their_names_and_checks() -> None:
    form = load.load("case_submission.v1")
    parts = [section.part for section in form.sections]
    assert [part for part in dict.fromkeys(parts) if part] == list(form.parts)
    assert parts[-1] == ""
    assert set(load.load("death_card.v1").checks) <= set(form.checks)


FIELD = {"name": "a", "kind": "text", "label": "甲", "data_class": "internal"}
SOUND: dict[str, Any] = {"title": "某表", "sections": [{"title": "一", "fields": [FIELD]}]}


def with_fields(*fields: dict[str, Any]) -> dict[str, Any]:
    return SOUND | {"sections": [{"title": "一", "fields": list(fields)}]}


BOOL = FIELD | {"name": "b", "kind": "bool"}
CHOICE = FIELD | {
    "name": "c",
    "kind": "choice",
    "choices": [{"code": "x", "label": "某"}, {"code": "y", "label": "别"}],
}
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"title": "无节"}, "no questions"),
    (SOUND | {"titel": "x"}, "titel"),
    (with_fields(FIELD | {"requried": True}), r"requried.*sections\[0\].fields\[0\]"),
    (with_fields(FIELD | {"kind": "texts"}), r"texts.*fields\[0\].kind"),
    (with_fields(FIELD, FIELD), "a: this name twice"),
    (with_fields(FIELD | {"label": ""}), "a: no label"),
    (with_fields({k: v for k, v in FIELD.items() if k != "data_class"}), "a: data_class"),
    (with_fields(FIELD | {"kind": "id_number"}), "a: class internal is too open"),
    (with_fields(FIELD | {"kind": "long_text"}), "a: class internal is too open"),
    (with_fields(FIELD | {"kind": "group"}), "a: a group or grid has fields"),
    (with_fields(FIELD | {"fields": [FIELD]}), "a: a group or grid has fields"),
    (with_fields(FIELD | {"kind": "choice"}), "a: a question with codes has choices"),
    (with_fields(FIELD | {"kind": "choice", "among": ["nowhere"]}), "a: no code list nowhere"),
    (
        with_fields(CHOICE | {"choices": CHOICE["choices"] + CHOICE["choices"][:1]}),
        "c: code x twice",
    ),
    (with_fields(FIELD | {"route": "a"}), "a: only a code"),
    (with_fields(BOOL | {"route": "r"}, CHOICE | {"route": "r"}), "route r twice"),
    (with_fields(FIELD | {"when": {"b": ["true"]}}, BOOL), "a: when: b is no earlier question"),
    (with_fields(BOOL, FIELD | {"when": {"b": ["yes"]}}), "a: when: b has no code yes"),
    (with_fields(CHOICE, FIELD | {"when": {"c": ["z"]}}), "a: when: c has no code z"),
    (
        SOUND | {"sections": [{"title": "一", "only": "rain", "fields": [FIELD]}]},
        "only: no circumstance called rain",
    ),
    (with_fields(FIELD, BOOL | {"when": {"a": ["x"]}}), "b: when: a is no earlier question"),
    (
        with_fields(
            {"name": "g", "kind": "group", "label": "组", "fields": [FIELD | {"label": ""}]}
        ),
        "a: no label",
    ),
    (with_fields(FIELD | {"kind": "date", "past": True, "future": True}), "past and future"),
    (SOUND | {"checks": ["no_such_check"]}, "no check called no_such_check"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_a_broken_file_is_named_with_its_key(
    content: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.v1.json"
    path.write_text(json.dumps(content))
    with pytest.raises(load.BrokenForm, match=rf"broken\.v1\.json: .*{message}"):
        load.read(path)


def test_the_sound_file_that_the_broken_ones_come_from(tmp_path: Path) -> None:
    path = tmp_path / "sound.v3.json"
    path.write_text(json.dumps(with_fields(BOOL, CHOICE, FIELD | {"when": {"c": ["x"]}})))
    assert load.read(path).name == "sound.v3"


def test_no_json_is_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "torn.v1.json"
    path.write_text('{"title": ')
    with pytest.raises(load.BrokenForm, match=r"torn\.v1\.json"):
        load.read(path)


if __name__ == "__main__":
    FROZEN.write_text(
        json.dumps({form.name: digest(form) for form in load.all_forms()}, indent=2) + "\n"
    )
    sys.exit(0)
