"""Definitions: process folders, content-hashed, kept for as long as a case runs on them."""

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree
from SpiffWorkflow.spiff.parser.process import VALIDATOR, SpiffBpmnParser
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Definition
from workflows.engine import store

FOLDER = Path(__file__).parents[1] / "processes"
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"

Files = dict[str, str]  # "review/process.bpmn" → text


def parse_xml(text: str) -> Any:
    """The document, with no entity resolved and no network touched."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(text.encode(), parser)


@cache
def files_of(name: str) -> Files:
    """The diagrams and tables of one process folder and of those it calls."""
    files: Files = {}
    waiting = [name]
    while waiting:
        folder = FOLDER / waiting.pop()
        for path in sorted([*folder.glob("*.bpmn"), *folder.glob("*.dmn")]):
            key = f"{folder.name}/{path.name}"
            if key in files:
                continue
            files[key] = path.read_text(encoding="utf-8")
            waiting += [
                called
                for node in parse_xml(files[key]).iter(f"{BPMN}callActivity")
                if (called := node.get("calledElement"))
            ]
    if not files:
        raise LookupError(f"no process folder {name}")
    return files


def digest(files: Files) -> str:
    """One name for exactly this content."""
    told = hashlib.sha256()
    for name in sorted(files):
        told.update(f"{name}\0{files[name]}\0".encode())
    return told.hexdigest()


def current(session: Session, name: str, now: datetime) -> Definition:
    """The row of the folder as it is now; made when first used."""
    files = files_of(name)
    key = digest(files)
    query = select(Definition).where(Definition.name == name, Definition.digest == key)
    row = session.scalars(query).one_or_none()
    if row is None:
        row = Definition(name=name, digest=key, files=dict(files), created_at=now)
        session.add(row)
        session.flush()
    return row


Specification = tuple[Any, dict[str, Any]]  # of the process, of its parts

_parsed: dict[str, Specification] = {}


def known(digest: str) -> Specification | None:
    """What was parsed before in this process, without a look at the row and its files."""
    return _parsed.get(digest)


def parsed(row: Definition) -> Specification:
    """(specification, those of its parts), parsed and wired once per process and definition."""
    if row.digest not in _parsed:
        parser = SpiffBpmnParser(validator=VALIDATOR)
        for name, text in row.files.items():
            if name.endswith(".bpmn"):
                parser.add_bpmn_xml(parse_xml(text), filename=name)
            else:
                parser.add_dmn_xml(parse_xml(text), filename=name)
        spec, parts = parser.get_spec(row.name), parser.get_subprocess_specs(row.name)
        _parsed[row.digest] = store.wire(spec, parts)
    return _parsed[row.digest]
