"""One person at work over HTTP: reports a case, looks at the list, hands in a step; once more.

A process of its own that knows the pages and nothing else. It signs in as the reporter and as the
one who hands in, on two connections that stay open as a browser's do; what each page needs to be
posted (its token against forgery, a key of its own for each hand-in) it reads or makes as the page
does. A cycle in which a step is not answered as it should be is an error, not a cycle.

    python -m tests.benchmarks.http_client FILE     # the file says what to do, and takes the answer
"""

import http.client
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

Pairs = list[tuple[str, str]]
TOKEN = re.compile(r'name="csrf[-_]token" (?:content|value)="([^"]+)"')
ROW = re.compile(r'<li class="inbox-row">.*?</li>', re.DOTALL)
TASK = re.compile(r'href="/tasks/(\d+)"')
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Errand:
    """What one client is to do: who reports what, who hands in what about which cases."""

    port: int
    reporter: str
    hands_in: str
    password: str
    report: list[list[str]]
    step: str  # title of the step that is handed in
    answers: list[list[str]]
    cases: list[str]  # numbers of the cases that wait for it, taken in turn
    begin: float  # when all clients begin to be measured, in seconds since 1970
    seconds: float


@dataclass
class Found:
    """Milliseconds of each request of the cycles that were measured."""

    start: list[float] = field(default_factory=list)
    list_: list[float] = field(default_factory=list)
    complete: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    processor_s: float = 0.0


class Wrong(Exception):
    """The answer was not what a cycle needs."""


class Browser:
    """A connection that stays open, its cookies, the token of its sign-in."""

    def __init__(self, port: int, username: str, password: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies: dict[str, str] = {}
        self.token = self._token("/sign-in")
        signed = {"username": username, "password": password, "csrf_token": self.token}
        self.post("/sign-in", list(signed.items()))
        self.token = self._token("/tasks")

    def _token(self, path: str) -> str:
        found = TOKEN.search(self.get(path))
        if found is None:
            raise Wrong(f"no token on {path}")
        return found[1]

    def get(self, path: str) -> str:
        status, _, body = self._ask("GET", path, b"", {})
        if status != 200:
            raise Wrong(f"GET {path}: {status}")
        return body.decode()

    def post(self, path: str, pairs: Pairs, looks: bool = True) -> str:
        """Where it leads. `looks`: whether a page is looked at after it: one that never is would
        have the cookie carry more and more of what it was to say."""
        body = urlencode([*pairs, ("csrf_token", self.token)]).encode()
        status, headers, answer = self._ask("POST", path, body, FORM, keeps=looks)
        if status != 303:
            text = re.sub(r"<[^>]+>|\s+", " ", answer.decode())
            raise Wrong(f"POST {path}: {status} {' '.join(text.split())[:300]}")
        return headers.get("Location", "")

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], keeps: bool = True
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = headers | ({"Cookie": sent} if sent else {})
        try:
            self.connection.request(method, path, body or None, headers)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.connection.close()  # idle for too long: as a browser does, on a new connection
            self.connection.request(method, path, body or None, headers)
            answer = self.connection.getresponse()
        told = answer.read()
        if keeps:
            self._keep(answer.headers)
        return answer.status, answer.headers, told

    def _keep(self, headers: http.client.HTTPMessage) -> None:
        for cookie in headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value


@dataclass
class Client:
    errand: Errand
    browser: Callable[[int, str, str], Browser] = Browser

    def __post_init__(self) -> None:
        errand = self.errand
        self.reporter = self.browser(errand.port, errand.reporter, errand.password)
        self.office = self.browser(errand.port, errand.hands_in, errand.password)
        self.turn = 0

    def cycle(self, found: Found) -> None:
        """Report, list, hand in."""
        number = self.errand.cases[self.turn % len(self.errand.cases)]
        self.turn += 1
        report = [(name, value) for name, value in self.errand.report]
        self._timed(found.start, lambda: self._report(report))
        page = self._timed(found.list_, lambda: self.office.get("/tasks"))
        task = self._waiting(page, number)
        answers = [(name, value) for name, value in self.errand.answers]
        self._timed(found.complete, lambda: self.office.post(f"/tasks/{task}", _keyed(answers)))

    def _report(self, report: Pairs) -> str:
        return self.reporter.post("/reports/new", _keyed(report), looks=False)

    def _timed(self, kept: list[float], act: Callable[[], str]) -> str:
        began = time.perf_counter()
        answer = act()
        kept.append((time.perf_counter() - began) * 1e3)
        return answer

    def _waiting(self, page: str, number: str) -> str:
        for row in ROW.findall(page):
            if number in row and self.errand.step in row and (task := TASK.search(row)):
                return task[1]
        raise Wrong(f"{number} does not wait for {self.errand.step}")

    def run(self) -> Found:
        """Cycles until all begin, unmeasured; then those that begin within the time."""
        while time.time() < self.errand.begin:
            self._tried(Found(), Found())
        found = Found()
        until, used = self.errand.begin + self.errand.seconds, time.process_time()
        while time.time() < until:
            self._tried(found, found)
        found.processor_s = time.process_time() - used
        return found

    def _tried(self, into: Found, errors: Found) -> None:
        one = Found()
        try:
            self.cycle(one)
        except (Wrong, OSError, http.client.HTTPException) as error:
            errors.errors.append(repr(error)[:500])
            time.sleep(0.1)
            return
        into.start += one.start
        into.list_ += one.list_
        into.complete += one.complete


def _keyed(pairs: Pairs) -> Pairs:
    return [*pairs, ("key", str(uuid4()))]


def main(path: Path) -> None:
    errand = Errand(**json.loads(path.read_text("utf-8")))
    found = Client(errand).run()
    path.with_suffix(".found").write_text(json.dumps(asdict(found)), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
