"""What stands under a level's conclusion on paper: how the province's report card has it, views
that were reserved, and who signed. Hides from paper what pages hide. Knows neither HTML nor PDF."""

from datetime import datetime
from zoneinfo import ZoneInfo

from models import Document, Panel
from workflows import mappings, meetings
from workflows.dossier import Block, TableBlock, Text
from workflows.readers import Reader

_ZONE = ZoneInfo("Asia/Shanghai")


def card(carded: mappings.Carded) -> Text:
    """How the report card has it, with who confirmed that."""
    return Text("报告卡（二分类）", [part for part in (carded.words, carded.basis) if part])


def under(reader: Reader, panel: Panel, sheet: Document) -> list[Block]:
    """Of a panel's sheet, for somebody who may read it."""
    session, named = reader.session, reader.reads_panel(panel.level.value)
    reserved = [reader.scrub(text) for text in meetings.reserved(session, panel, sheet)]
    carded = mappings.of_sheet(session, panel, sheet)
    return [
        *([card(carded)] if carded.words else []),
        Text("保留意见（不记姓名）", reserved or ["没有"]),
        TableBlock(
            "签名",
            [30, 30, 40],
            ["", "姓名", "签署"],
            [
                [line.title, line.name, f"{_moment(line.at)} 签" if line.at else line.word]
                for line in meetings.lines(session, panel, sheet, named=named)
            ],
        ),
    ]


def _moment(at: datetime) -> str:
    return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")
