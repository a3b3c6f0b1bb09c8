"""Tables of other systems: what is taken in, and what each bad one is told."""

from datetime import date

import pytest

from workflows import figures
from workflows.figures import BadTable

TODAY = date(2026, 12, 3)
HEAD = "月份,单位,死亡例数,报送例数,评审例数"
GOOD = f"{HEAD}\r\n2026-11,青禾县,1,1,0\r\n2026/11,白鹭县人民医院, 2 ,2,1\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_a_table_is_read_in_the_encodings_of_spreadsheets(encoding: str) -> None:
    first, second = figures.read(GOOD.encode(encoding), TODAY)
    assert (first.line, first.month, first.unit) == (2, date(2026, 11, 1), "青禾县")
    assert second.figures == {"deaths": 2, "reported": 2, "reviewed": 1}


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", "\t"),  # pasted from a spreadsheet
        GOOD.replace(",", ";"),
        GOOD.replace("2026-11", "2026年11月").replace("2026/11", "202611"),
        GOOD.replace("1,1,0", "１,１,０"),
        GOOD + "\n,,,,\n",
        "备注,评审例数,报送例数,死亡例数,单位,月份\n无,0,1,1,青禾县,2026-11\n,1,2,2,白鹭县,2026-11",
    ],
)
def test_what_people_paste_is_read(text: str) -> None:
    rows = figures.read(text, TODAY)
    assert [row.figures["deaths"] for row in rows] == [1, 2]


def test_the_template_is_a_table_without_rows() -> None:
    assert figures.template().startswith(b"\xef\xbb\xbf")
    with pytest.raises(BadTable, match="没有数据"):
        figures.read(figures.template(), TODAY)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "没有内容"),
        (b"PK\x03\x04rest", "Excel 工作簿"),
        (b"\xd0\xcf\x11\xe0rest", "旧版 Excel"),
        (b"%PDF-1.7", "PDF"),
        (GOOD.encode("utf-16"), "UTF-16"),
        (b"\x00\x01\x02", "不是文本文件"),
        (b"\xff\xff\x80\x81\xfe\xff", "编码"),
        (b"x" * (figures.MOST_BYTES + 1), "超过 512 KB"),
        (f"{HEAD}\n" + "2026-11,青禾县,1,1,0\n" * 2001, "超过 2000 行"),
        ("姓名,单位\n甲,乙", "表头缺少「月份」「死亡例数」「报送例数」「评审例数」"),
        (f"{HEAD},单位\n", "「单位」出现了两次"),
        (f'{HEAD}\n2026-11,"青禾县,1,1,0', "引号或换行不完整"),
        (f"{HEAD}\n2026-11,青禾县,=A1+1,1,0", "第 2 行：「死亡例数」以 = 开头，像是公式"),
        (f"{HEAD}\n2026-11,@SUM(1),1,1,0", "「单位」以 @ 开头"),
        (f"{HEAD}\n2026-11,青禾县,-1,1,0", "以 - 开头"),
        (f"{HEAD}\n2026-13,青禾县,1,1,0", "月份「2026-13」写成 2026-01 的样子"),
        (f"{HEAD}\n2027-01,青禾县,1,1,0", "还没有到"),
        (f"{HEAD}\n2026-11,,1,1,0", "没有写单位"),
        (f"{HEAD}\n2026-11,青禾县,1,,0", "没有填「报送例数」，没有发生的填 0"),
        (f"{HEAD}\n2026-11,青禾县,1.5,1,0", "应为 0 至 9999 的整数，现在是「1.5」"),
        (f"{HEAD}\n2026-11,青禾县,99999,1,0", "应为 0 至 9999"),
        (f"{HEAD}\n2026-11,青禾县,1,1,0\n2026-11,青禾县,2,2,0", "第 3 行与第 2 行是同一单位"),
        (f"{HEAD}\n2026-11,青禾县,1\n", "没有填「评审例数」"),
    ],
)
def test_a_bad_table_is_told_what_to_do(content: bytes | str, words: str) -> None:
    with pytest.raises(BadTable) as bad:
        figures.read(content, TODAY)
    assert words in str(bad.value)


def test_all_faults_are_told_at_once_but_not_without_end() -> None:
    lines = "\n".join(f"2026-11,单位{number},x,1,0" for number in range(50))
    with pytest.raises(BadTable) as bad:
        figures.read(f"{HEAD}\n{lines}", TODAY)
    assert len(bad.value.faults) == figures.MOST_FAULTS + 1
    assert bad.value.faults[-1] == "另有 30 处问题"
