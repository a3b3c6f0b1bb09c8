"""数据核对 over HTTP: figures of each level and of other systems beside what the system holds."""

import io
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from models import (
    Discrepancy,
    DiscrepancyState,
    DutyKind,
    FigureImport,
    ItemSource,
    Notification,
    RectificationState,
)
from tests import said
from tests.test_duties import arrive, check_month, file_month, hours_to, turn_to
from tests.walk import Move, StartWalk, Walk, faults
from workflows.demo import answers
from workflows.events import EventName

MONTH = DutyKind.MONTHLY_REPORT
HEAD = "月份,单位,死亡例数,报送例数,评审例数"
SYSTEM = "死因登记报告信息系统"
HERE = "/reconciliation"


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


def upload(walk: Walk, who: str, table: bytes, system: str = SYSTEM) -> TestResponse:
    data = {"system": system, "pasted": "", "file": (io.BytesIO(table), "导出.csv")}
    reply = walk.browser(who).post(f"{HERE}/import", data=data)
    walk.session.rollback()
    return reply


def act(walk: Walk, who: str, row: Discrepancy, verb: str, text: str = "已逐一核对。") -> str:
    """Press a button of a discrepancy; what the next page says."""
    browser = walk.browser(who)
    reply = browser.post(f"{HERE}/{row.id}/{verb}", data={"text": text})
    assert reply.status_code == 303, verb
    walk.session.rollback()
    return browser.get(reply.location).text


def found(walk: Walk) -> dict[tuple[str, str, str], Discrepancy]:
    """By county, source and measure."""
    walk.session.rollback()
    rows = walk.session.scalars(select(Discrepancy)).all()
    return {(row.region_code, row.source.value, row.measure): row for row in rows}


@pytest.mark.clause("C12")
def test_figures_of_all_levels_and_systems_are_reconciled_traced_and_put_right(
    start_walk: StartWalk,
) -> None:
    """将逐级收集的数据与信息系统导出数据核对，追踪核实、督促整改情况: what differs from what the
    system holds is a row until the institution above has cleared it; an error goes through the
    ledger."""
    walk = start_walk()
    arrive(walk, "2026-12-02")
    turn_to(walk, MONTH, "qh_mch", "2026-11-01")
    assert file_month(walk, "shenqm", 0).status_code == 303
    check_month(walk, "liangxh")
    turn_to(walk, MONTH, "bl_mch", "2026-11-01")
    assert file_month(walk, "gaomz", 0).status_code == 303
    check_month(walk, "liangxh")
    turn_to(walk, MONTH, "city_mch", "2026-11-01")
    assert file_month(walk, "liangxh", 0).status_code == 303
    check_month(walk, "chenglc")
    assert found(walk) == {}  # every level's report says what the system holds
    walk.duty_id = None
    later = hours_to(walk, "2026-12-09")
    walk.make(
        Move(later, "linxm", "report", said.report(), "receive:shenqm discuss:zhougy submit:zhougy")
    )
    arrive(walk, "2027-01-03")
    turn_to(walk, MONTH, "qh_mch", "2026-12-01")
    assert file_month(walk, "shenqm", 1).status_code == 303
    check_month(walk, "liangxh")  # December's report tells of a death of November
    late = found(walk)["990121", "report", "deaths"]
    assert (late.month.isoformat(), late.said, late.held) == ("2026-11-01", 0, 1)
    rolled = found(walk)["990121", "rollup", "deaths"]  # what the city said of the county
    assert (rolled.month, rolled.said, rolled.held) == (late.month, 0, 1)
    told = select(Notification.user_id).where(
        Notification.name == EventName.DISCREPANCY_FOUND.value
    )
    assert set(walk.session.scalars(told)) == {walk.user("shenqm"), walk.user("fangcf")}

    # Another system's export says of a hospital of the other county what this system has not.
    table = f"{HEAD}\r\n2026-11,白鹭县医院,1,1,0\r\n2026-11,青禾县,1,0,0\r\n".encode("gbk")
    strange = table.replace("白鹭县医院".encode("gbk"), "无名医院".encode("gbk"))
    for who, bad, words in (
        ("liangxh", strange, "「无名医院」不是本单位管理范围内的县或机构"),
        ("gaomz", table, "「青禾县」不是本单位管理范围内"),
        ("liangxh", b"PK\x03\x04", "另存为「CSV"),
    ):
        reply = upload(walk, who, bad)
        assert reply.status_code == 422
        assert words in reply.text
    assert upload(walk, "liangxh", table, system="").status_code == 422
    assert upload(walk, "liangxh", table).status_code == 303
    assert upload(walk, "liangxh", table).status_code == 303  # twice is once
    assert len(walk.session.scalars(select(FigureImport)).all()) == 1
    missed = found(walk)["990122", "import", "deaths"]
    assert (missed.said, missed.held, missed.organisation_id) == (1, 0, walk.units["bl_hospital"])
    assert ("990121", "import", "deaths") not in found(walk)  # both say one
    for who, rows in (("shenqm", "青禾县"), ("gaomz", "白鹭县医院"), ("liangxh", "白鹭县医院")):
        assert rows in walk.browser(who).get(HERE).text
    assert "白鹭县医院" not in walk.browser("shenqm").get(HERE).text
    assert walk.browser("zhougy").get(HERE).status_code == 404
    assert walk.browser("gaomz").post(f"{HERE}/{late.id}/explain", data={}).status_code == 404

    # Traced by the county, judged by the city: explained and cleared …
    assert "先追踪核实" in act(walk, "liangxh", late, "clear")
    assert walk.browser("liangxh").post(f"{HERE}/{late.id}/explain", data={}).status_code == 404
    assert walk.browser("shenqm").post(f"{HERE}/{late.id}/clear", data={}).status_code == 404
    act(walk, "shenqm", late, "explain", "十二月九日补报，十一月月报时尚未发现。")
    act(walk, "liangxh", late, "give-back", "请说明为何当时没有发现。")
    assert late.state is DiscrepancyState.OPEN
    act(walk, "shenqm", late, "explain", "家属自行转院，死因登记十二月才核对到。")
    act(walk, "liangxh", late, "clear", "情况属实，已计入十二月补报。")
    assert late.state is DiscrepancyState.CLEARED
    browser = walk.browser("liangxh")
    browser.post(f"{HERE}/compare", data={"month": "2026-11"})
    assert "家属自行转院" in browser.get(f"{HERE}?view=cleared").text
    assert found(walk)["990121", "report", "deaths"].id == late.id  # what is cleared stays so
    act(walk, "shenqm", rolled, "explain", "市级汇总时该例尚未报告。")
    act(walk, "liangxh", rolled, "clear", "同县级月报，情况属实。")

    # … or an error, which is followed through the ledger until another unit accepts it.
    act(walk, "gaomz", missed, "explain", "医院登记了死亡，没有报告本系统。")
    act(walk, "liangxh", missed, "correct", "漏报，须补报并改正登记核对流程。")
    item = missed.item
    assert item is not None
    assert item.source is ItemSource.RECONCILIATION
    assert (item.owner_id, item.acceptor_id) == (
        walk.units["bl_hospital"],
        walk.units["city_mch"],
    )
    assert "还没有销号" in act(walk, "liangxh", missed, "clear")
    assert "数据核对" in walk.browser("subl").get(f"/ledger/{item.id}").text
    walk.duty_id = item.duty_id
    for who, step, filled in (
        ("subl", "plan", said.plan(20)(walk)),
        ("subl", "progress", said.progress("subl")(walk)),
        ("liangxh", "accept", said.acceptance()(walk)),
    ):
        reply = walk.hand_in(who, step, filled)
        assert reply.status_code == 303, (step, faults(reply))
    walk.session.rollback()
    assert item.state is RectificationState.CLOSED
    act(walk, "liangxh", missed, "clear", "已补报，流程已改。")
    open_rows = [row for row in found(walk).values() if row.cleared_at is None]
    assert {(row.region_code, row.measure) for row in open_rows} == {("990122", "reported")}
    assert "未核清 1 处" in walk.browser("liangxh").get(HERE).text


def test_a_figure_that_has_become_right_is_still_cleared_by_somebody(start_walk: StartWalk) -> None:
    walk = start_walk()
    arrive(walk, "2026-12-02")
    first, second = (f"{HEAD}\n2026-11,青禾县,{count},0,0\n".encode() for count in (1, 0))
    assert upload(walk, "shenqm", first).status_code == 303
    [row] = found(walk).values()
    assert upload(walk, "shenqm", second).status_code == 303
    [row] = found(walk).values()
    assert (row.said, row.held, row.state) == (0, 0, DiscrepancyState.OPEN)
    assert row.agrees_since is not None
    assert "现已一致" in walk.browser("liangxh").get(HERE).text
    pasted = {"system": SYSTEM, "pasted": f"{HEAD}\n2026-11,青禾县,3,0,0".replace(",", "\t")}
    assert walk.browser("liangxh").post(f"{HERE}/import", data=pasted).status_code == 303
    [row] = found(walk).values()
    assert (row.said, row.agrees_since) == (3, None)
    assert walk.browser("jiasj").get(HERE).status_code == 200  # who audits, reads
    for path in ("import", "compare"):
        assert walk.browser("jiasj").post(f"{HERE}/{path}", data=pasted).status_code == 404
    reply = walk.browser("shenqm").get(f"{HERE}/template.csv")
    assert reply.data.startswith(b"\xef\xbb\xbf")
    assert answers.NAME not in reply.text
