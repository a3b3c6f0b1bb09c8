"""Codes of what is learned from cases, as people read them; `webapp.labels` takes them in."""

from workflows.events import EventName

EVENTS: dict[str, str] = {
    EventName.ITEM_PRESS_DUE: "到期督促整改",
    EventName.ITEM_PRESS_AGREED: "约定督促日期",
    EventName.GUIDANCE_ANSWERED: "答复指导意见",
}

WORDS: dict[str, dict[str, str]] = {
    "guidance": {"adopted": "采纳", "partly": "部分采纳", "declined": "未采纳"},
}
