"""Definitions: process folders, content-hashed, kept for as long as a case runs on them.

Which version is in force is decided here; who may propose and approve one is not known here.
"""

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree
from SpiffWorkflow.spiff.parser.process import VALIDATOR, SpiffBpmnParser
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from models import Definition, DefinitionOrigin, DefinitionState
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
            waiting += called_in(files[key])
    if not files:
        raise LookupError(f"no process folder {name}")
    return files


def called_in(text: str) -> set[str]:
    """Processes that a diagram calls."""
    nodes = parse_xml(text).iter(f"{BPMN}callActivity")
    return {called for node in nodes if (called := node.get("calledElement"))}


def folders() -> list[str]:
    """Names of the process folders."""
    return sorted(path.parent.name for path in FOLDER.glob("*/process.bpmn"))


@cache
def roots() -> tuple[str, ...]:
    """The folders that no other calls: a case starts with one of them."""
    called = {
        inner for name in folders() for text in files_of(name).values() for inner in called_in(text)
    }
    return tuple(name for name in folders() if name not in called)


def digest(files: Files) -> str:
    """One name for exactly this content."""
    told = hashlib.sha256()
    for name in sorted(files):
        told.update(f"{name}\0{files[name]}\0".encode())
    return told.hexdigest()


def in_force(session: Session, name: str) -> Definition | None:
    """What a new case starts on: the version approved last.

    Where that one came with the product, it is the one that this release has on disk. None while
    that was never entered.
    """
    newest = session.scalars(_APPROVED, {"named": name}).first()
    on_disk = _digest_on_disk(name)
    if newest is None or newest.digest == on_disk or newest.origin is DefinitionOrigin.UPLOADED:
        return newest
    shipped = _APPROVED.where(
        Definition.digest == on_disk, Definition.origin == DefinitionOrigin.SHIPPED
    )
    return session.scalars(shipped, {"named": name}).first()


def current(session: Session, name: str, now: datetime) -> Definition:
    """The same; what this release has on disk is entered when it is first needed.

    LookupError when there is neither a version nor a folder of that name.
    """
    if (there := in_force(session, name)) is not None:
        return there
    try:
        with session.begin_nested():
            return _enter(session, name, DefinitionState.APPROVED, now)
    except IntegrityError:  # another case started at this moment, and entered it
        if (entered := in_force(session, name)) is None:
            raise
        return entered


def ship(session: Session, now: datetime) -> list[Definition]:
    """Enter what this release brings and the database does not have yet.

    It takes effect at once, but not over a version that people here made and approved: then it
    waits, like any other, for somebody to approve it.
    """
    return [row for name in roots() if (row := _ship(session, name, now)) is not None]


def _ship(session: Session, name: str, now: datetime) -> Definition | None:
    key = digest(files_of(name))
    known = select(Definition.id).where(
        Definition.name == name,
        Definition.digest == key,
        Definition.origin == DefinitionOrigin.SHIPPED,
    )
    if session.scalars(known.limit(1)).first() is not None:
        return None
    newest = session.scalars(_APPROVED, {"named": name}).first()
    local = newest is not None and newest.origin is DefinitionOrigin.UPLOADED
    state = DefinitionState.PROPOSED if local else DefinitionState.APPROVED
    return _enter(session, name, state, now)


def _enter(session: Session, name: str, state: DefinitionState, now: datetime) -> Definition:
    files = files_of(name)
    row = Definition(
        name=name,
        number=next_number(session, name),
        digest=digest(files),
        files=dict(files),
        created_at=now,
        status=state,
        decided_at=now if state is DefinitionState.APPROVED else None,
    )
    session.add(row)
    session.flush()
    return row


def next_number(session: Session, name: str) -> int:
    """Of the version that comes next. Two at once: the database refuses the second."""
    newest = select(func.max(Definition.number)).where(Definition.name == name)
    return (session.scalar(newest) or 0) + 1


_APPROVED = (
    select(Definition)
    .options(defer(Definition.files))  # looked at when they are parsed: once in a process
    .where(Definition.name == bindparam("named"), Definition.status == DefinitionState.APPROVED)
    .order_by(Definition.decided_at.desc(), Definition.id.desc())
    .limit(1)
)


def _digest_on_disk(name: str) -> str | None:
    try:
        return digest(files_of(name))
    except LookupError:  # made here, not shipped
        return None


Specification = tuple[Any, dict[str, Any]]  # of the process, of its parts

_parsed: dict[str, Specification] = {}


def known(digest: str) -> Specification | None:
    """What was parsed before in this process, without a look at the row and its files."""
    return _parsed.get(digest)


def parsed(row: Definition) -> Specification:
    """(specification, those of its parts), parsed and wired once per process and definition."""
    if row.digest not in _parsed:
        _parsed[row.digest] = parse(row.name, row.files)
    return _parsed[row.digest]


def parse(name: str, files: Files) -> Specification:
    """The same of files that are no row. SpiffWorkflow's ValidationException if they are no use."""
    parser = SpiffBpmnParser(validator=VALIDATOR)
    for file, text in files.items():
        if file.endswith(".bpmn"):
            parser.add_bpmn_xml(parse_xml(text), filename=file)
        elif file.endswith(".dmn"):
            parser.add_dmn_xml(parse_xml(text), filename=file)
    return store.wire(parser.get_spec(name), parser.get_subprocess_specs(name))
