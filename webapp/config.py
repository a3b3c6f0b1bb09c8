"""Settings, all from the environment. Knows no page and opens no database.

| variable           | default                 | meaning                                          |
|--------------------|-------------------------|--------------------------------------------------|
| DATABASE_URL       | sqlite:///<var>/yili.db | where rows are kept; or postgresql+psycopg://…   |
| HOST               | 127.0.0.1               | address the web server listens on                |
| PORT               | 8000                    | its port                                         |
| YILI_VAR           | var                     | folder of database, uploads, dossiers, secret    |
| YILI_SECRET_KEY    | <var>/secret.key        | signs cookies and form tokens; made once, 0600   |
| YILI_HTTPS         | 0                       | 1 behind TLS: Secure cookie, HSTS                |
| YILI_PROXIES       | 0                       | how many proxies of ours stand in front          |
| YILI_TRUSTED_HOSTS | (any)                   | host names answered, separated by commas         |
| YILI_IDLE_MINUTES  | 30                      | a sign-in ends after so long without a request   |
| YILI_SESSION_HOURS | 8                       | a sign-in ends after so long in any case         |
| YILI_LONGEST_SECONDS | 30                    | PostgreSQL is given up after so long             |
| YILI_UPLOAD_MB     | 20                      | largest uploaded file                            |
| YILI_KEEP_UPLOADS_DAYS | 30                  | uploads that nobody handed in go after so long   |
| YILI_KEEP_JOBS_DAYS | 90                     | records of finished jobs go after so long        |
| YILI_SCARCE_MB     | 1024                    | administrators are told of a disk with less left |
| YILI_SCARCE_PERCENT | 5                      | and, of a small disk, with less of it left       |
"""

import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

MEGABYTE = 1024 * 1024
FORM_TEXT_BYTES = 4 * MEGABYTE  # what one form may hold besides a file; urlencoded Chinese is long


def from_environment(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The settings as Flask wants them. Makes the folder and the secret where they are missing.

    ValueError when a number is none.
    """
    var = Path(environ.get("YILI_VAR", "var")).resolve()
    https = environ.get("YILI_HTTPS", "0") == "1"
    hosts = [name.strip() for name in environ.get("YILI_TRUSTED_HOSTS", "").split(",")]
    upload = int(environ.get("YILI_UPLOAD_MB", "20")) * MEGABYTE
    return {
        "VAR": var,
        "DATABASE_URL": environ.get("DATABASE_URL") or f"sqlite:///{var / 'yili.db'}",
        "HOST": environ.get("HOST", "127.0.0.1"),
        "PORT": int(environ.get("PORT", "8000")),
        "SECRET_KEY": environ.get("YILI_SECRET_KEY") or secret_key(var / "secret.key"),
        "HTTPS": https,
        "PROXIES": int(environ.get("YILI_PROXIES", "0")),
        "TRUSTED_HOSTS": [name for name in hosts if name] or None,
        "IDLE": timedelta(minutes=int(environ.get("YILI_IDLE_MINUTES", "30"))),
        "ABSOLUTE": timedelta(hours=int(environ.get("YILI_SESSION_HOURS", "8"))),
        "LONGEST": int(environ.get("YILI_LONGEST_SECONDS", "30")),
        "UPLOAD_BYTES": upload,
        "KEEP_UPLOADS": _days(environ.get("YILI_KEEP_UPLOADS_DAYS", "30")),
        "KEEP_JOBS": _days(environ.get("YILI_KEEP_JOBS_DAYS", "90")),
        "SCARCE_BYTES": int(environ.get("YILI_SCARCE_MB", "1024")) * MEGABYTE,
        "SCARCE_SHARE": int(environ.get("YILI_SCARCE_PERCENT", "5")) / 100,
        "MAX_CONTENT_LENGTH": upload + FORM_TEXT_BYTES,
        "MAX_FORM_MEMORY_SIZE": FORM_TEXT_BYTES,
        "MAX_FORM_PARTS": 5000,
        "SESSION_COOKIE_NAME": "__Host-sid" if https else "sid",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the sign-in: a half-written form must not expire
        "WTF_CSRF_SSL_STRICT": False,  # the intranet's proxies strip referrers
        "WTF_I18N_ENABLED": False,
    }


def _days(number: str) -> timedelta:
    """At least one: what was uploaded a moment ago is about to be handed in."""
    if int(number) < 1:
        raise ValueError(f"things are kept for a day at least, not {number}")
    return timedelta(days=int(number))


def secret_key(path: Path) -> str:
    """Read the key, making it on first use so that only its owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the database lies here too
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii")
