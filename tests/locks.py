"""Whether the lock files pin everything, by checksum, and name no address.

Also whether what the code imports is what the requirements ask for, so that nothing works only
because some other package happens to bring it. Needs no network.

    python -m tests.locks      exit status 1 names what is wrong
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NPM_LOCK = "webapp/diagrams/package-lock.json"
RUNTIME = ("models", "workflows", "webapp")
ADDRESS = re.compile(r"\w+://|^\s*(-[ief]\b|--(index-url|extra-index-url|find-links|trusted-host))")
PIN = re.compile(r"^([a-z0-9-]+)==[\w.]+( ; [^\\]+?)? \\$")


def canonical(name: str) -> str:
    """A distribution's name as lock files spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(text: str) -> set[str]:
    """Names in a requirements.in file."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    wanted = (line for line in lines if line and not line.startswith("-"))
    return {canonical(re.split(r"[\[=<>~! ;]", line)[0]) for line in wanted}


def pinned(text: str) -> set[str]:
    """Names in a requirements lock."""
    return {found[1] for line in text.splitlines() if (found := PIN.match(line))}


def faults_of_text(name: str, text: str) -> Iterator[str]:
    """Lines of any lock file that name an address or a machine's path."""
    for number, line in enumerate(text.splitlines(), 1):
        if ADDRESS.search(line) or re.search(r"-r /|file:", line):
            yield f"{name}:{number}: names an address: {line.strip()}"


def faults_of_pins(name: str, text: str) -> Iterator[str]:
    """Requirements that are not pinned, or carry no checksum."""
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for requirement in re.split(r"\n(?=\S)", body.strip()):
        first, _, rest = requirement.partition("\n")
        hashes = [line.strip().rstrip("\\ ") for line in rest.splitlines()]
        if not PIN.match(first) or not hashes:
            yield f"{name}: not pinned with a checksum: {first}"
        for line in hashes:
            if not re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line):
                yield f"{name}: {first}: not a checksum: {line}"


def faults_of_npm(text: str) -> Iterator[str]:
    """Packages of npm's lock without a checksum, or with a place to fetch them from."""
    for path, entry in json.loads(text)["packages"].items():
        if path and ("integrity" not in entry or "resolved" in entry):
            yield f"{NPM_LOCK}: {path}: wants a checksum and no address"


def imported(folder: Path) -> dict[str, Path]:
    """Top-level modules imported below a folder, each with one file that does."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            found.update({name.partition(".")[0]: path for name in names})
    return found


def faults_of_imports(folders: tuple[str, ...], names: set[str]) -> Iterator[str]:
    """Imports of a distribution that the requirements do not ask for."""
    distributions = packages_distributions()
    for folder in folders:
        for module, path in imported(ROOT / folder).items():
            owners = {canonical(name) for name in distributions.get(module, [])}
            if module not in sys.stdlib_module_names and owners and not owners & names:
                yield f"{path.relative_to(ROOT)}: imports {module}, which no requirement asks for"


def faults() -> Iterator[str]:
    """Everything that is wrong with the lock files."""
    texts = {path.name: path.read_text("utf-8") for path in ROOT.glob("requirements*")}
    texts[NPM_LOCK] = (ROOT / NPM_LOCK).read_text("utf-8")
    texts["tests/vendored.lock.json"] = (ROOT / "tests/vendored.lock.json").read_text("utf-8")
    for name, text in texts.items():
        yield from faults_of_text(name, text)
        if name.endswith(".lock"):
            yield from faults_of_pins(name, text)
    yield from faults_of_npm(texts[NPM_LOCK])
    wanted = {name: asked_for(texts[f"requirements{name}.in"]) for name in ("", "-dev")}
    for name, names in wanted.items():
        for missing in sorted(names - pinned(texts[f"requirements{name}.lock"])):
            yield f"requirements{name}.lock: lacks {missing}: make lock"
    yield from faults_of_imports(RUNTIME, wanted[""])
    yield from faults_of_imports(("tests",), wanted[""] | wanted["-dev"])


def main() -> int:
    """Print the faults; the last line is figures."""
    found = list(faults())
    for fault in found:
        print(fault)
    print(json.dumps({"faults": len(found)}))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
