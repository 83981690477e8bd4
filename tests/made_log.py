"""A small audit log whose every field is filled."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from acir.governance.audit import Actor, AuditEvent, AuditLog

WHO = Actor("ada", "researcher", "10.0.0.1", "TREAT")
EVENT = AuditEvent(
    "search",
    WHO,
    collection="ct",
    patients=("0" * 31 + "1", "0" * 31 + "2"),
    query="ab" * 32,
    model="m1",
    index="index",
    verdict="known",
    count=3,
    detail="by the page",
)


def made_log(folder: Path, count: int = 4) -> AuditLog:
    """Begin a log of so many records."""
    log = AuditLog.create(folder)
    for _ in range(count):
        log.append(EVENT)
    return log


def today() -> date:
    """Return the day that a record of now has; a run of all tests may meet midnight."""
    return datetime.now(UTC).date()


NOBODY = 65534


@contextmanager
def as_nobody(folder: Path) -> Iterator[Path]:
    """Lay down root's right to write everywhere for the length of a block; others have none."""
    if os.geteuid() != 0:
        yield folder
        return
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
