"""What is wrong outside the program when a request fails: the database away or busy, a disk full
or broken.

Says which it is and what a person can do, in Chinese. Knows no page.
"""

import enum
import errno
import sqlite3

from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError

FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
BROKEN_DISK = {errno.EIO, errno.EROFS}  # a file system that has seen errors becomes read-only


class Outage(enum.Enum):
    """`title` and `message` are what the page says."""

    AWAY = (
        "数据库暂时连不上",
        "这次操作可能没有保存。系统恢复后自动接上，不用重新登录：过一两分钟再试，"
        "同一页再次提交不会重复登记。急需上报的，先用电话报告。",
    )
    BUSY = ("系统繁忙", "这一步没有完成，数据没有改变。稍等片刻后再试。")
    FULL = (
        "服务器存储空间不足",
        "这次没有保存，数据没有改变；已有的内容仍可查看。请通知系统管理员检查服务器磁盘，"
        "处理好后再提交一次。急需上报的，先用电话报告。",
    )
    BROKEN = (
        "服务器磁盘写入失败",
        "这次操作可能没有保存；已有的内容仍可查看。请通知系统管理员：服务器磁盘可能已满、有故障，或变成了"
        "只读。处理好后再提交一次，同一页再次提交不会重复登记。急需上报的，先用电话报告。",
    )

    def __init__(self, title: str, message: str) -> None:
        self.title = title
        self.message = message


# https://www.sqlite.org/rescode.html, the primary codes
_SQLITE: dict[frozenset[int], Outage] = {
    frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}): Outage.BUSY,
    frozenset({sqlite3.SQLITE_FULL}): Outage.FULL,
    frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}): Outage.BROKEN,
    frozenset({sqlite3.SQLITE_CANTOPEN}): Outage.AWAY,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES: dict[frozenset[str], Outage] = {
    frozenset({"40001", "40P01", "53300", "55P03", "57014"}): Outage.BUSY,
    frozenset({"53100"}): Outage.FULL,
    frozenset({"58030", "25006"}): Outage.BROKEN,  # a file of its own; it may only read
}


def of(error: BaseException) -> Outage | None:
    """Which outage an exception tells of; None when it tells of none."""
    if isinstance(error, DBAPIError):
        return _of_database(error)
    if isinstance(error, exc.TimeoutError):  # no connection of the pool came free
        return Outage.BUSY
    if isinstance(error, PendingRollbackError):  # the connection died under a transaction
        return Outage.AWAY
    return _of_disk(error) if isinstance(error, OSError) else None


def _of_disk(error: OSError) -> Outage | None:
    if error.errno in FULL_DISK:
        return Outage.FULL
    return Outage.BROKEN if error.errno in BROKEN_DISK else None


def _of_database(error: DBAPIError) -> Outage | None:
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig)
    code = getattr(error.orig, "sqlstate", None) or ""
    for codes, outage in _POSTGRES.items():
        if code in codes:
            return outage
    silent = not code and isinstance(error, (exc.OperationalError, exc.InterfaceError))
    away = error.connection_invalidated or silent or code[:2] in ("08", "57")
    return Outage.AWAY if away else None


def _of_sqlite(error: sqlite3.Error) -> Outage | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return next((outage for codes, outage in _SQLITE.items() if code in codes), None)


def described(error: BaseException) -> str:
    """For the log: what the database or the system said, without what the statement carried."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(cause).__name__}: {cause}".split("\n", 1)[0]


CAUSES = (SQLAlchemyError, OSError)  # what may tell of an outage
