"""A vault and a log in a folder, with a clock that the test turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acir.governance.audit import Actor, AuditLog
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault

ROOT = Actor("root")
PASSWORD = "correct horse battery"


@dataclass
class Clock:
    """Tells the time that it was set to."""

    time: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Office:
    """All that keeps people."""

    log: AuditLog
    vault: Vault
    clock: Clock

    @property
    def people(self) -> People:
        return People(self.vault)

    @property
    def sessions(self) -> Sessions:
        return Sessions(self.vault)

    def last(self) -> tuple[str, str, str, str]:
        """Action, user, outcome and detail of the last record."""
        event = list(self.log.records())[-1].event
        return event.action, event.actor.user, event.outcome, event.detail


@contextmanager
def office(folder: Path) -> Iterator[Office]:
    """Open the office of a folder, with one person, `ada`, who may do nothing."""
    clock = Clock()
    with AuditLog.create(folder) as log, Vault(folder, log, clock) as vault:
        made = Office(log, vault, clock)
        if not made.people.list():
            made.people.add("ada", PASSWORD, ROOT)
        yield made
