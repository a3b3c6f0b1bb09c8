"""What a panel's meeting gets on paper: the de-identified file as one, and the sheet of what was
concluded, for signing and seal.

Both hide from paper what pages hide from the same reader. The pack is given to reviewers alone, who
are told no name and no day before the review. Knows neither HTML nor PDF.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, BlindCopy, Document, Panel
from workflows import conclusion_paper, meetings
from workflows.dossier import (
    AttachmentFile,
    Block,
    Dossier,
    Reader,
    Section,
    Sheet,
    Signatures,
    TableBlock,
    Text,
)
from workflows.gather import LEVELS, Gatherer
from workflows.permissions import Forbidden

_ZONE = ZoneInfo("Asia/Shanghai")
_HIDDEN = "（已隐去）"
_ENDS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
_MODES = {"on_site": "现场", "online": "线上", "mixed": "现场与线上结合"}
NOTES = (
    "本材料已去标识，仅供本次评审会使用，会后交回或销毁，不得复制、转借、对外公布。",
    "姓名、证件号码、住址、医疗机构和医务人员姓名已隐去，日期改为距死亡或发生的时间。",
)


class NothingYet(Exception):
    """There is no conclusion to print."""


class _Pack(Gatherer):
    """The file as reviewers read it, without a day or a hand under its sheets."""

    def pack(self, panel: Panel) -> Dossier:
        if not self.seen.blind or not self.seen.dayless:
            raise Forbidden("a pack for somebody who reads names")
        title = f"{LEVELS[panel.level.value]}评审会材料（去标识）"
        return Dossier(
            number=self.case.number,
            title=title,
            subject_masked=_HIDDEN,
            organisation=panel.organisation.name,
            event_at=None,
            produced_at=self.now,
            reader=Reader(self.by.user.name, self.by.organisation.name),
            rule_set_title="",
            whose="组织单位",
            sections=[part for part in self._of_pack(panel) if part.blocks],
            attachments=list(self._copies()),
            notes=NOTES,
        )

    def _of_pack(self, panel: Panel) -> Iterator[Section]:
        yield Section("agenda", "会议安排与议程", _agenda(panel))
        yield Section("submission", self.kind.submission, self._sheets("case_submission"))
        yield Section(
            "discussion",
            "院内死亡病例讨论",
            self._sheets("in_hospital_discussion", "head_explanation", "second_discussion"),
        )
        yield Section("verification", "核实质控", self._sheets("verification"))
        yield Section("differences", "下级评审结论", self._differences(panel.level))

    def _sheet(self, document: Document) -> Iterator[Block]:
        for block in super()._sheet(document):
            if not isinstance(block, Signatures):
                yield block

    def _copies(self) -> Iterator[AttachmentFile]:
        """The cleaned copies, under numbers; what could not be cleaned is left out."""
        for number, row in enumerate(self.seen.for_reviewers(), 1):
            copy = self.session.scalars(
                select(BlindCopy).where(BlindCopy.attachment_id == row.id)
            ).one_or_none()
            if copy is None or copy.token is None:
                continue
            path = self.files / copy.token
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            name = f"材料{number}.{_ENDS[copy.media_type]}"
            yield AttachmentFile(name, digest, copy.media_type, path, f"去标识病历：{name}")

    def sheet(self, panel: Panel) -> Dossier:
        """The newest conclusion with its signatures. Raises NothingYet."""
        document = meetings.sheet_of(self.session, self.case, panel.level)
        title = f"{LEVELS[panel.level.value]}评审结论表"
        if document is None or not self.seen.reads_conclusion(panel.level.value):
            raise NothingYet(panel.id)
        return Dossier(
            number=self.case.number,
            title=title,
            subject_masked=self._subject(),
            organisation=panel.organisation.name,
            event_at=None,
            produced_at=self.now,
            reader=Reader(self.by.user.name, self.by.organisation.name),
            rule_set_title="",
            sections=[Section("sheet", self.kind.title + title, self._of_sheet(panel, document))],
            bound=False,
        )

    def _of_sheet(self, panel: Panel, document: Document) -> list[Block]:
        return [
            *map(_without_hands, self._sheet(document)),
            *conclusion_paper.under(self.seen, panel, document),
            TableBlock(
                "签署与盖章",
                [50, 50],
                ["行政负责人（签字）", "组织单位（盖章）"],
                [["　\n　\n　", "　\n　\n　　　年　　月　　日"]],
                note="评审结论不对社会公布，不作为医疗事故鉴定依据。（声明文字待确认）",
            ),
        ]


def _without_hands(block: Block) -> Block:
    """A sheet without its own title and part of signatures: all of them stand together below it."""
    if not isinstance(block, Sheet):
        return block
    return replace(
        block, title="", groups=[group for group in block.groups if group.title != "签名"]
    )


def _agenda(panel: Panel) -> list[Block]:
    meeting = panel.meeting
    held = meeting.held_at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")
    said = [f"时间：{held}", f"方式：{_MODES[meeting.mode.value]}"]
    said += [f"地点：{meeting.place}"] if meeting.place else []
    items = [line.strip() for line in meeting.agenda.splitlines() if line.strip()]
    numbered = [f"{number}. {item}" for number, item in enumerate(items, 1)]
    return [Text("会议安排", said), Text("议程", numbered)]


def pack(session: Session, panel: Panel, *, by: Appointment, files: Path, now: datetime) -> Dossier:
    """The de-identified file for the panel's meeting. Raises Forbidden for whoever reads names."""
    return _Pack(session, panel.case, by, files, str, now).pack(panel)


def sheet(
    session: Session, panel: Panel, *, by: Appointment, files: Path, now: datetime
) -> Dossier:
    """The conclusion of the panel, to be signed and sealed. Raises NothingYet."""
    return _Pack(session, panel.case, by, files, str, now).sheet(panel)
