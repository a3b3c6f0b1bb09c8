"""Changed versions of our processes, and the people who bring and approve them."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from models import Appointment, Definition, Role
from tests.people import World
from workflows.actions import definitions as actions
from workflows.engine import definitions

MAIN = "maternal_death"
NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)


def changed(name: str, *swaps: tuple[str, str]) -> bytes:
    """The shipped diagram of a process, with pieces of text replaced."""
    text = definitions.files_of(name)[f"{name}/process.bpmn"]
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def handed(name: str, *swaps: tuple[str, str]) -> dict[str, bytes]:
    """The same as a file somebody chose."""
    return {"process.bpmn": changed(name, *swaps)}


RENAMED = handed(MAIN, ('name="核实质控"', 'name="核实与质控"'))


def second_keeper(world: World) -> Appointment:
    """Another system administrator."""
    seat = world.appoint("second_admin", "city_mch", Role.SYSTEM_ADMIN)
    world.session.commit()
    return seat


def approved(
    session: Session, world: World, files: dict[str, bytes], now: datetime = NOW, name: str = MAIN
) -> Definition:
    """A new version, proposed by one administrator and approved by another; committed."""
    definitions.current(session, name, now)
    row = actions.propose(session, name, files, "试改", by=world.by["system_admin"], now=now)
    in_force = definitions.in_force(session, name)
    assert in_force is not None
    by = world.by["security_admin"]
    actions.approve(session, row, "同意", against=in_force.id, by=by, now=now)
    session.commit()
    return row
