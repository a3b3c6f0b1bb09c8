"""Dossiers and single sheets as PDF. The only package that knows pdfkit, pikepdf and reportlab.

missing()                  what must be installed before anything can be printed
weakened()                 which protection is lacking on this machine although printing works
dossier.build(…)           a whole case
sheet.build_sheet(…)       one sheet or one notice
"""

from webapp.pdf.installed import missing, unboxed
from webapp.pdf.render import box_failure

__all__ = ["missing", "weakened"]


def weakened() -> str | None:
    """For the start-up check, in Chinese: PDF works, but with reduced protection, and why.

    None when all protections are in force, and when no PDF can be made at all.
    """
    if missing() or box_failure() is None:
        return None
    return f"PDF 排版以较弱的隔离方式运行（无脚本、无本地文件、无网络代理、限时限额）：{unboxed()}"
