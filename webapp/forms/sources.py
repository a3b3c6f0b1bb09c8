"""Where a value that comes filled in was taken from, in words. Pure."""

from workflows.forms import load
from workflows.forms.spec import Field

SOURCES = {
    "case": "病例登记",
    "person": "病例登记",
    "zone": "片区对应关系",
    "panel": "专家组名单",
    "proposal": "系统建议名单",
    "member": "阅卷前的声明",
    "item": "整改台账",
    "measure": "处置建议与决定",
    "me": "当前登录人",
    "my_organisation": "当前任职单位",
}


def source_of(field: Field) -> str:
    """By the field's `default`; empty where the origin says nothing (now, a plain answer)."""
    root, _, rest = field.default.partition(".")
    if root == "latest":
        return f"《{_title(rest.partition('.')[0])}》"
    return SOURCES.get(root, "")


def _title(base: str) -> str:
    try:
        return load.latest(base).title
    except load.UnknownForm:
        return "前面的表单"
