"""django-viewflow 2.4 (AGPL: for measuring only) on the benchmark process, SQLite (WAL, FULL).

python viewflow_peer.py CASES LOOPS FOLDER
"""

import statistics
import sys
import time
from pathlib import Path

import django
from django.conf import settings

CASES, LOOPS, FOLDER = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
sys.path.insert(0, str(Path(__file__).resolve().parent))
FILE = FOLDER / "viewflow.db"
for suffix in ("", "-wal", "-shm"):
    FILE.with_name(FILE.name + suffix).unlink(missing_ok=True)
settings.configure(
    SECRET_KEY="benchmark",
    USE_TZ=True,
    ROOT_URLCONF="viewflow_app",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes",
        "viewflow", "viewflow.workflow", "viewflow_app",
    ],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FILE,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=wal; PRAGMA synchronous=full;",
        },
    }},
)  # fmt: skip
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from viewflow.workflow import STATUS  # noqa: E402
from viewflow.workflow.models import Process, Task  # noqa: E402
from viewflow_app.flows import Bench  # noqa: E402

SCRIPT = ["submit", "accept", *["supplement", "accept"] * LOOPS, *["review"] * 7, "sign"]


class Request:
    """What activation.start wants of a request."""

    user = None


def step(process_id, name, last):
    node = getattr(Bench.instance, name)
    tasks = Task.objects.filter(process_id=process_id, flow_task=node, status=STATUS.ASSIGNED)
    with tasks.order_by("pk").first().activation() as activation:
        if name == "accept":
            activation.process.data = {"supplement": not last}
            activation.process.save()
        activation.start(Request)
        activation.execute()


def main():
    call_command("migrate", verbosity=0)
    Request.user = User.objects.create(username="u")
    processes = []
    for _ in range(CASES + 1):
        Bench.start.run()
        processes.append(Process.objects.latest("pk").pk)
    for number, name in enumerate(SCRIPT):  # not measured: all engines are warm
        step(processes[0], name, last=number >= len(SCRIPT) - 9)
    times = []
    wall, cpu = time.perf_counter(), time.process_time()
    for number, name in enumerate(SCRIPT):
        for process_id in processes[1:]:
            began = time.perf_counter()
            step(process_id, name, last=number >= len(SCRIPT) - 9)
            times.append((time.perf_counter() - began) * 1e3)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert set(Process.objects.values_list("status", flat=True)) == {STATUS.DONE}, "not completed"
    times.sort()
    sys.stdout.write(
        f"viewflow     cases={CASES} loops={LOOPS} {len(times) / wall:6.0f} steps/s, "
        f"cpu {cpu / len(times) * 1e3:.2f} ms/step, median {statistics.median(times):.2f} ms, "
        f"p90 {times[int(len(times) * 0.9)]:.2f} ms, "
        f"{Task.objects.count() / len(processes):.0f} task rows a case"
    )


main()
