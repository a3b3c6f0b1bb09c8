"""New versions of a process: one person hands in, another approves, new cases start on it.

Whoever brings a diagram decides what happens to every case; so it takes two people. The second may
be another system administrator or the security administrator, who answers for who may do what: the
lanes of a diagram say exactly that. The audit administrator judges both and stays out of it.
Every step leaves an event. Knows no page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Definition, DefinitionOrigin, DefinitionState, FormText
from workflows import diagrams, vocabulary
from workflows.actions.tasks import InvalidAnswers
from workflows.engine import definitions, diff, folder, lint, rehearsal
from workflows.engine.definitions import Files
from workflows.engine.lint import Finding
from workflows.events import EventName, record
from workflows.forms import load
from workflows.permissions import Forbidden, require

PROPOSE, DECIDE = "definition:propose", "definition:decide"
LONGEST_COMMENT = 1000
Handed = Mapping[str, bytes]  # name of a file → content


class NotSound(Exception):
    """The files break rules. `findings` say which, and what to do."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Examined:
    """What handed-in files would make of a process."""

    files: Files
    findings: list[Finding]
    changes: list[diff.Change]
    against: Definition | None


def names(session: Session) -> list[str]:
    """Processes that a case can start with, shipped or brought."""
    return sorted({*definitions.roots(), *session.scalars(select(Definition.name).distinct())})


def title_of(row: Definition) -> str:
    """The name its diagram gives it; its folder's name if it gives none."""
    return diagrams.read(row.files[f"{row.name}/process.bpmn"]).title or row.name


def files_in_force(session: Session, name: str) -> Files:
    """What a case opened now would run on, entered already or not. LookupError for no process."""
    row = definitions.in_force(session, name)
    return dict(row.files) if row is not None else dict(definitions.files_of(name))


def examine(session: Session, name: str, handed: Handed) -> Examined:
    """Judge files without keeping anything. LookupError for no process of that name."""
    base = files_in_force(session, name)
    files, found = folder.arranged(name, base, handed)
    found += judge(session, name, files)
    changes = [] if found else diff.changes(base, files)
    return Examined(files, found, changes, definitions.in_force(session, name))


def judge(session: Session | None, name: str, files: Files) -> list[Finding]:
    """Every finding in the files of a version, the versions before it in mind.

    Without a session: beside what the product has, and nothing else.
    """
    words = vocabulary.of(session) if session else vocabulary.vocabulary()
    found = list[Finding]()
    for key, text in files.items():
        if key.endswith(".json"):
            told, words = _form(session, key, text, words)
            found += told
    found += lint.lint_files(name, files, words)
    if not found:
        found += rehearsal.rehearse(name, files, words)
    if session and not found:
        for row in _approved(session, name):
            found += [each for each in folder.reused(row.files, files) if each not in found]
    return found


def _form(
    session: Session | None, key: str, text: str, words: lint.Vocabulary
) -> tuple[list[Finding], lint.Vocabulary]:
    name = key.rsplit("/", 1)[-1].removesuffix(".json")
    released = _released_form(session, name)
    if released is not None and released.strip() != text.strip():
        base, version = load.base_name(name), load.version(name)
        told = f"这个表单已经发布过，内容不能再改；改名为 {base}.v{version + 1} 或更后的版本"
        return [Finding(key, "文件", told)], words
    try:
        form = load.parse(name, text.encode())
    except (load.BrokenForm, load.UnknownForm) as error:
        return [Finding(key, "文件", f"表单不合格式：{error}")], words
    return [], vocabulary.knowing_forms(words, [form])


def _released_form(session: Session | None, name: str) -> str | None:
    on_disk = load.on_disk(name)
    if on_disk is not None:
        return on_disk.decode()
    query = select(FormText.text).where(FormText.name == name)
    return session.scalars(query).one_or_none() if session else None


def _approved(session: Session, name: str) -> list[Definition]:
    query = select(Definition).where(
        Definition.name == name, Definition.status == DefinitionState.APPROVED
    )
    return list(session.scalars(query))


def propose(
    session: Session, name: str, handed: Handed, comment: str, *, by: Appointment, now: datetime
) -> Definition:
    """Hand in a new version. Forbidden, LookupError, NotSound, InvalidAnswers."""
    require(by, PROPOSE)
    _check_comment(comment, "写明为什么改")
    examined = examine(session, name, handed)
    if examined.findings:
        raise NotSound(examined.findings)
    return _enter(session, name, examined.files, comment, by=by, now=now)


def propose_again(
    session: Session, row: Definition, comment: str, *, by: Appointment, now: datetime
) -> Definition:
    """Hand in an earlier version once more: the way back. Forbidden, NotSound, InvalidAnswers."""
    require(by, PROPOSE)
    _check_comment(comment, "写明为什么重新启用")
    if findings := judge(session, row.name, row.files):
        raise NotSound(findings)
    return _enter(session, row.name, dict(row.files), comment, by=by, now=now)


def _enter(
    session: Session, name: str, files: Files, comment: str, *, by: Appointment, now: datetime
) -> Definition:
    digest = definitions.digest(files)
    if digest == definitions.digest(files_in_force(session, name)):
        raise InvalidAnswers({"files": ["和现行版本完全相同，没有要改的"]})
    waiting = select(Definition).where(
        Definition.name == name, Definition.status == DefinitionState.PROPOSED
    )
    for other in session.scalars(waiting):
        if other.digest == digest:  # sent twice, or by a colleague
            return other
    row = Definition(
        name=name,
        number=definitions.next_number(session, name),
        digest=digest,
        files=files,
        created_at=now,
        origin=DefinitionOrigin.UPLOADED,
        status=DefinitionState.PROPOSED,
        author_id=by.user_id,
        comment=comment.strip(),
    )
    session.add(row)
    session.flush()
    _record(session, EventName.DEFINITION_PROPOSED, row, by=by, now=now)
    return row


def approve(
    session: Session,
    row: Definition,
    comment: str,
    *,
    against: int | None,
    by: Appointment,
    now: datetime,
) -> None:
    """New cases start on it from now on.

    `against`: the version in force that the approver compared it with. Forbidden (to the author,
    too), NotSound, InvalidAnswers.
    """
    _lock(session, row, by)
    _check_comment(comment, "写明批准意见")
    in_force = definitions.in_force(session, row.name)
    if against != (in_force.id if in_force else None):
        raise InvalidAnswers({"": ["现行版本刚刚换过，请看过新的对比再批准"]})
    if findings := judge(session, row.name, row.files):  # the product may have moved on since
        raise NotSound(findings)
    _release_forms(session, row)
    row.status = DefinitionState.APPROVED
    _decided(session, row, comment, EventName.DEFINITION_APPROVED, by=by, now=now)


def reject(
    session: Session, row: Definition, comment: str, *, by: Appointment, now: datetime
) -> None:
    """Not like this; the author hands in another. Forbidden, InvalidAnswers."""
    _lock(session, row, by)
    _check_comment(comment, "写明为什么不批准、要改什么")
    row.status = DefinitionState.REJECTED
    _decided(session, row, comment, EventName.DEFINITION_REJECTED, by=by, now=now)


def withdraw(session: Session, row: Definition, *, by: Appointment, now: datetime) -> None:
    """The author takes back what is not decided yet. Forbidden, InvalidAnswers."""
    require(by, PROPOSE)
    _open(session, row)
    if row.author_id != by.user_id:
        raise Forbidden(row.id)
    row.status = DefinitionState.WITHDRAWN
    _decided(session, row, "", EventName.DEFINITION_WITHDRAWN, by=by, now=now)


def may_decide(row: Definition, by: Appointment) -> bool:
    """Whether this person is a second one."""
    return row.status is DefinitionState.PROPOSED and row.author_id != by.user_id


def _lock(session: Session, row: Definition, by: Appointment) -> None:
    require(by, DECIDE)
    _open(session, row)
    if not may_decide(row, by):
        raise Forbidden(row.id)


def _open(session: Session, row: Definition) -> None:
    session.refresh(row, with_for_update=True)
    if row.status is not DefinitionState.PROPOSED:
        raise InvalidAnswers({"": ["这个版本已经有结果了，刷新页面看看"]})


def _decided(
    session: Session,
    row: Definition,
    comment: str,
    event: EventName,
    *,
    by: Appointment,
    now: datetime,
) -> None:
    row.decided_by_id, row.decided_at, row.decision = by.user_id, now, comment.strip()
    session.flush()
    _record(session, event, row, by=by, now=now)


def _release_forms(session: Session, row: Definition) -> None:
    for key, text in row.files.items():
        name = key.rsplit("/", 1)[-1].removesuffix(".json")
        if key.endswith(".json") and _released_form(session, name) is None:
            session.add(FormText(name=name, text=text, definition_id=row.id))
    session.flush()


def ship(session: Session, *, now: datetime) -> list[Definition]:
    """Enter what this release brings; what it displaces nothing of takes effect at once."""
    rows = definitions.ship(session, now)
    for row in rows:
        _record(session, EventName.DEFINITION_SHIPPED, row, by=None, now=now)
    return rows


def _record(
    session: Session, event: EventName, row: Definition, *, by: Appointment | None, now: datetime
) -> None:
    title = title_of(row)
    record(session, event, by=by, now=now, definition=row.id, title=title, version=row.number)


def _check_comment(comment: str, missing: str) -> None:
    if not comment.strip():
        raise InvalidAnswers({"comment": [missing]})
    if len(comment) > LONGEST_COMMENT:
        raise InvalidAnswers({"comment": [f"不超过 {LONGEST_COMMENT} 个字"]})
