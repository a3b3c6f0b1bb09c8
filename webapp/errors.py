"""Exceptions as pages: short, Chinese, saying what to do; nothing about the inside.

What may not be seen is answered like what does not exist. A failed POST keeps what was typed.
"""

from collections.abc import Callable

from flask import Flask, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from webapp import db, kept, outages
from webapp.access import current
from webapp.headers import request_id
from workflows.actions import incidents
from workflows.actions.cases import AlreadyRunning, NotVoidable
from workflows.actions.tasks import TaskClosed, TaskHeld
from workflows.engine import StepFailed
from workflows.permissions import Forbidden
from workflows.places import NoUnit
from workflows.rules import UnknownJurisdiction

# status: (title, what it means and what to do)
PAGES = {
    400: (
        "请求无法识别",
        "这次提交缺少必要的内容，或不是从本系统的页面发出的。返回上一页刷新后再试。",
    ),
    401: ("登录已失效", "重新登录后继续。"),
    404: (
        "没有找到",
        "这里没有内容，或者不在当前身份可以查看的范围内。核对编号，或切换任职后再试。",
    ),
    405: ("请求无法识别", "这个地址不接受这样的请求。从菜单重新进入。"),
    409: ("内容已有变化", "在提交之前，别人已经更新了这一步。先看最新的情况，再决定是否重新提交。"),
    413: ("文件或内容太大", "超过了允许的大小。文件压缩或拆分后再上传，过长的文字改为附件。"),
    415: ("文件类型不支持", "换成 PDF、图片或 Office 文档后再上传。"),
    422: ("内容需要修改", "有的内容不符合要求，修改后再提交。"),
    429: ("操作太频繁", "稍等一会儿再试。"),
    500: ("系统出错", "这一步没有完成，数据没有改变。稍后再试；仍不行时，把下面的编号告诉管理员。"),
    503: ("系统繁忙", "这一步没有完成，数据没有改变。稍等片刻后再试。"),
}
SAME_AS_MISSING = {403, 404, 410}
RETRY_AFTER_SECONDS = 30  # what a 503 tells proxies and programs

# exception: status; more specific answers are given by the views themselves
EXCEPTIONS: dict[type[Exception], int] = {
    AlreadyRunning: 409,
    Forbidden: 404,
    NotVoidable: 409,
    StaleDataError: 409,
    TaskClosed: 409,
    TaskHeld: 409,
}

GAPS = (NoUnit, UnknownJurisdiction)  # for the system administrator to fill


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _expired_page)
    app.register_error_handler(HTTPException, _http_page)
    app.register_error_handler(Exception, _failure_page)
    for exception, status in EXCEPTIONS.items():
        app.register_error_handler(exception, _as(status))
    app.register_error_handler(StepFailed, _step_page)
    for cause in outages.CAUSES:
        app.register_error_handler(cause, _outage_page)
    for gap in GAPS:
        app.register_error_handler(gap, _setup_page)


def _as(status: int) -> Callable[[Exception], ResponseReturnValue]:
    def answer(error: Exception) -> ResponseReturnValue:
        if status >= 500:
            current_app.logger.error("request %s: %s", request_id(), type(error).__name__)
        return page(status)

    return answer


def page(status: int, message: str | None = None, title: str | None = None) -> ResponseReturnValue:
    """The page for a status; `message` and `title` replace the usual ones."""
    if status >= 500 or not db.only_reads():
        db.give_up()  # a request that only read has nothing to undo, and all of it at hand
    named, usual = PAGES.get(status, PAGES[500 if status >= 500 else 400])
    title = title or named
    if request.accept_mimetypes.best == "application/json":
        return jsonify(error=title, message=message or usual, request=request_id()), status
    frame = "errors/bare.html" if status >= 500 else "errors/page.html"
    body = render_template(
        frame,
        status=status,
        title=title,
        message=message or usual,
        request_id=request_id(),
        fields=kept.typed() if _may_keep(status) else [],
        here=kept.here(),
        resumed=kept.RESUMED,
    )
    return body, status


def _may_keep(status: int) -> bool:
    keeping = status in (400, 409, 500, 503)
    return keeping and request.method == "POST" and kept.is_our_own()


def _http_page(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:  # a redirect raised on the way
        return error.get_response()
    status = error.code or 500
    return page(404 if status in SAME_AS_MISSING else status)


def _expired_page(_error: CSRFError) -> ResponseReturnValue:
    return page(400, "页面已过期（可能在别处重新登录过）。填写的内容还在，继续即可。")


def _setup_page(error: Exception) -> ResponseReturnValue:
    """A unit or a rule file is missing: nothing the person who typed can mend."""
    current_app.logger.error("setup is incomplete: %s", error)
    return page(
        409,
        "本地区的机构或规则尚未配置完整，这一步没有提交。填写的内容还在；"
        "请先用电话报告，并通知系统管理员补齐机构与规则设置。",
    )


def _step_page(error: StepFailed) -> ResponseReturnValue:
    """Nothing has happened but that the administrator hears of it."""
    current_app.logger.error("request %s: %s", request_id(), error, exc_info=error)
    db.give_up()
    told = ""
    try:
        with db.transaction() as session:
            kept_as = incidents.keep_failed_step(session, error, now=current.now)
            told = f"系统管理员已收到，异常编号 {kept_as.id}。"
    except SQLAlchemyError:
        current_app.logger.exception("request %s: the incident could not be kept", request_id())
    if isinstance(error.__cause__, GAPS):
        return _setup_page(error.__cause__)
    return page(500, f"这一步没有办成，数据没有改变，填写的内容还在。{told}处理好后再提交一次。")


def _outage_page(error: Exception) -> ResponseReturnValue:
    """The database or the disk: nobody's mistake, and it passes."""
    if (outage := outages.of(error)) is None:
        return _failure_page(error)
    current_app.logger.error("request %s: %s", request_id(), outages.described(error))
    reply = current_app.make_response(page(503, outage.message, outage.title))
    reply.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return reply


def _failure_page(error: Exception) -> ResponseReturnValue:
    if current_app.testing:
        raise error
    current_app.logger.exception("request %s failed", request_id())
    return page(500)
