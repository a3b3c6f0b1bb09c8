"""Answers about ledger items beside their own steps: entered, extended, looked at again."""

from collections.abc import Sequence
from datetime import date

from workflows.forms.spec import Answers


def problem(
    *, owner: int, acceptor: int, found_on: date, files: Sequence[str] = (), **over: object
) -> Answers:
    """新增台账事项, from a spot check."""
    shown: Answers = {"files": list(files)} if files else {}
    return (
        shown
        | {
            "source": "spot_check",
            "found_on": found_on.isoformat(),
            "problem": "抽查产房急救药品，缩宫素、卡前列素氨丁三醇近效期未更换，交接无签字。",
            "area": "management",
            "scope": "specific",
            "kind": "resource",
            "owner": owner,
            "acceptor": acceptor,
            "resp_level": "department",
        }
        | over
    )


def extension(until: date, **over: object) -> Answers:
    """申请整改延期."""
    return {
        "until": until.isoformat(),
        "reason": "称重设备招标流标一次，第二次开标在下月初；培训和记录单已经完成。",
    } | over


def extension_granted(*, sign: Answers) -> Answers:
    """同意."""
    return {"extension_decision": "approve", "sign": sign}


def extension_refused(*, sign: Answers, reason: str = "设备可先向市级医院借用。") -> Answers:
    """不同意."""
    return {"extension_decision": "refuse", "decision_reason": reason, "sign": sign}


def effect(*, sign: Answers, **over: object) -> Answers:
    """整改效果评估, effective."""
    return {
        "basis": "indicator",
        "indicator": "产后 2 小时出血称重计量的比例",
        "before": "2/20（10%）",
        "after": "19/20（95%）",
        "effect_judgement": "effective",
        "sign": sign,
    } | over
