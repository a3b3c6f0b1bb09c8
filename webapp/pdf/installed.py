"""What the machine needs before a PDF can be made, and what it lacks. Light: for every request."""

import os
from pathlib import Path

PROGRAM = Path("/usr/bin/wkhtmltopdf")
BUBBLEWRAP = Path("/usr/bin/bwrap")
SANDBOX = Path(__file__).with_name("wk-sandbox")
FONT_FOLDERS = (
    Path("/usr/share/fonts/opentype/noto"),
    Path("/usr/share/fonts/noto-cjk"),
    Path("/usr/local/share/fonts"),
)
FONT_FILES = {
    ("Sans", False): "NotoSansCJK-Regular.ttc",
    ("Sans", True): "NotoSansCJK-Bold.ttc",
    ("Serif", False): "NotoSerifCJK-Regular.ttc",
    ("Serif", True): "NotoSerifCJK-Bold.ttc",
}
USER_NAMESPACES = (  # switch, the value that forbids, the one that allows
    (Path("/proc/sys/kernel/unprivileged_userns_clone"), "0", "1"),
    (Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"), "1", "0"),
    (Path("/proc/sys/user/max_user_namespaces"), "0", "15000"),
)


def font_file(family: str, *, bold: bool) -> Path | None:
    """Where a face of Noto CJK (family Sans or Serif) is installed; None if it is not."""
    name = FONT_FILES[family, bold]
    return next((folder / name for folder in FONT_FOLDERS if (folder / name).is_file()), None)


def missing() -> str | None:
    """In Chinese, what stands in the way of any PDF and the command that puts it right."""
    lacking = [] if os.access(PROGRAM, os.X_OK) else [("排版程序 wkhtmltopdf", "wkhtmltopdf")]
    if not all(font_file(family, bold=bold) for family, bold in FONT_FILES):
        lacking.append(("中文字体 Noto CJK", "fonts-noto-cjk"))
    if lacking:
        things = "、".join(thing for thing, _ in lacking)
        packages = " ".join(["bubblewrap", *(package for _, package in lacking)])
        return f"暂不能生成 PDF，缺少{things}。请管理员运行：{_install(packages)}"
    if not os.access(SANDBOX, os.X_OK):
        return f"暂不能生成 PDF，隔离脚本不可执行。请管理员运行：chmod +x webapp/pdf/{SANDBOX.name}"
    return None


def unboxed() -> str:
    """In Chinese, why bubblewrap cannot shut the renderer in, and what would let it."""
    if not os.access(BUBBLEWRAP, os.X_OK):
        return f"缺少隔离程序 bubblewrap。请管理员运行：{_install('bubblewrap')}"
    for switch, forbids, allows in USER_NAMESPACES:
        if switch.exists() and switch.read_text(encoding="ascii").strip() == forbids:
            name = ".".join(switch.parts[3:])
            return f"系统不允许创建用户命名空间。请管理员运行：sysctl -w {name}={allows}"
    return "系统不允许创建用户命名空间。如在容器中运行，请在容器设置中放开。"


def _install(packages: str) -> str:
    return f"apt-get install -y --no-install-recommends {packages}"
