"""Front-end files that other people wrote: which version, which bytes, where they lie.

Pages load nothing from elsewhere, so the few files they need are kept in the repository. The lock
beside this file names for each package its version, the checksum of the published archive and of
every file taken from it; it holds no download address. Knows nothing of the application.

    python -m tests.vendored check              offline: nothing changed, missing or unlisted
    python -m tests.vendored fetch              the same bytes again, through npm
    python -m tests.vendored add FOLDER NAME VERSION [FILE...]
    python -m tests.vendored icons NAME...      take these Bootstrap icons besides those taken

To take a new version: `add` again with it, read the diff of the lock, commit both.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = Path(__file__).with_suffix(".lock.json")
FOLDERS = (ROOT / "webapp/static/vendor", ROOT / "tests/vendor")
LICENCE = re.compile(r"package/(LICEN[CS]E[^/]*)")
ICONS, SPRITE = "bootstrap-icons", "icons.svg"

Entry = dict[str, Any]


class VendoringFailed(Exception):
    """The archive is not what the lock says, or lacks a file."""


def pack(name: str, version: str, folder: str) -> Path:
    """Download one package archive through npm; none of its scripts run."""
    command = ["npm", "pack", f"{name}@{version}", "--json", "--ignore-scripts"]
    done = subprocess.run(
        [*command, "--pack-destination", folder], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    first = answer[0] if isinstance(answer, list) else next(iter(answer.values()))
    return Path(folder, first["filename"])  # npm 10 answers with a list, npm 11 with an object


def contents(name: str, entry: Entry) -> dict[str, bytes]:
    """Every file of the archive, after comparing the archive with the lock."""
    with tempfile.TemporaryDirectory() as folder:
        archive = pack(name, entry["version"], folder)
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if entry.setdefault("integrity", f"sha512-{digest}") != f"sha512-{digest}":
            raise VendoringFailed(f"{name} {entry['version']}: archive differs from the lock")
        with tarfile.open(archive) as tar:  # read in memory, never extracted by path
            members = ((member.name, tar.extractfile(member)) for member in tar if member.isfile())
            return {path: body.read() for path, body in members if body is not None}


def sprite(names: list[str], archive: dict[str, bytes]) -> bytes:
    """One SVG with a <symbol> for each icon: pages say <use href="…/icons.svg#clock">."""
    symbols, looks = [], 'fill="currentColor"'  # the colour of the text beside it
    for name in sorted(names):
        picture = archive[f"package/icons/{name}.svg"].decode()
        found = re.fullmatch(r"<svg[^>]*viewBox=\"([^\"]+)\"[^>]*>(.*)</svg>\s*", picture, re.S)
        if found is None:
            raise VendoringFailed(f"icon {name} has an unexpected shape")
        body = re.sub(r"\s*\n\s*", "", found[2])
        symbols.append(f'<symbol id="{name}" {looks} viewBox="{found[1]}">{body}</symbol>')
    head = '<svg xmlns="http://www.w3.org/2000/svg">'
    return "\n".join([head, *symbols, "</svg>\n"]).encode()


def fetch(name: str, entry: Entry) -> None:
    """Write the package's files and note their checksums in the entry."""
    archive = contents(name, entry)
    licences = [found[1] for path in sorted(archive) if (found := LICENCE.fullmatch(path))]
    bodies = {}
    for file in dict.fromkeys([*entry["files"], *licences]):
        if f"package/{file}" not in archive:
            raise VendoringFailed(f"{name} {entry['version']} has no file {file}")
        bodies[file] = archive[f"package/{file}"]
    if entry["icons"]:
        bodies[SPRITE] = sprite(entry["icons"], archive)
    for file, body in bodies.items():
        target = ROOT / entry["folder"] / name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    entry["sha256"] = {file: hashlib.sha256(body).hexdigest() for file, body in bodies.items()}


def check(lock: dict[str, Entry]) -> list[str]:
    """Files that are missing, changed, or present without an entry."""
    wanted = {
        ROOT / entry["folder"] / name / file: digest
        for name, entry in lock.items()
        for file, digest in entry["sha256"].items()
    }
    found = {path for folder in FOLDERS for path in folder.rglob("*") if path.is_file()}
    changed = {
        path
        for path in wanted.keys() & found
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted[path]
    }
    return sorted(str(path.relative_to(ROOT)) for path in changed | (wanted.keys() ^ found))


def change(lock: dict[str, Entry], command: str, args: list[str]) -> bool:
    """Carry out a command that needs npm; False when it is not one."""
    if command == "add" and len(args) > 2:
        folder, name, version, *files = args
        icons = lock.get(name, {}).get("icons", [])
        lock[name] = {"folder": folder, "version": version, "files": files, "icons": icons}
        fetch(name, lock[name])
    elif command == "icons" and args:
        entry = lock[ICONS]
        entry["icons"] = sorted({*entry["icons"], *args})
        fetch(ICONS, entry)
    elif command == "fetch":
        for name, entry in lock.items():
            fetch(name, entry)
    else:
        return False
    LOCK.write_text(json.dumps(lock, indent=1, sort_keys=True) + "\n", "utf-8")
    return True


def main(command: str = "", *args: str) -> int:
    """Exit status 0 when every vendored file is as the lock says."""
    lock: dict[str, Entry] = json.loads(LOCK.read_text("utf-8")) if LOCK.exists() else {}
    if command != "check" and not change(lock, command, list(args)):
        print(__doc__)
        return 2
    bad = check(lock)
    for path in bad:
        print(f"changed, missing or unlisted: {path}")
    files = sum(len(entry["sha256"]) for entry in lock.values())
    print(json.dumps({"packages": len(lock), "files": files, "wrong": len(bad)}))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
