"""Retention: old records go to a file, and the chain begins behind them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from acir.durable import whole
from acir.errors import AuditError, UsageError
from acir.governance.audit import START, Actor, AuditEvent, AuditLog, Head, append

OLD = "select line from record where seq <= ? order by seq"
LAST = "select seq, sha256 from record where seq <= ? order by seq desc limit 1"


def archive(log: AuditLog, before: date, to: Path, by: Actor) -> int:
    """Move the records of earlier days to a new file, a line each, and return how many.

    The log keeps the place of the last one as its anchor, and a record that names this place and
    the SHA-256 of the file. Interrupted, it leaves the log as it was.

    Args:
        log: The log.
        before: First day, in UTC, whose records stay.
        to: New file; it is on the disk before a record leaves the log.
        by: Who archives.

    Raises:
        UsageError: The day is to come, there is something at `to`, or nothing is old enough.
        AuditError: The file or the log cannot be written.
    """
    if before > datetime.now(UTC).date():
        raise UsageError(f"{before} is yet to come; archive what is older than a day in the past")
    if to.exists():
        raise UsageError(f"there is something at {to} already; name a new file")
    first = next((r for r in log.records() if r.time >= before.isoformat()), None)
    last = first.seq - 1 if first else log.head().seq
    with log.writing() as connection:
        found = connection.execute(LAST, (last,)).fetchone()
        if found is None:
            raise UsageError(f"no record is older than {before}; nothing was archived")
        place = Head(*found)
        count, digest = _write(to, (line for (line,) in connection.execute(OLD, (place.seq,))))
        detail = f"{place.seq} {place.sha256} {to.name} {digest}"
        append(connection, AuditEvent("archive", by, count=count, detail=detail))
        connection.execute("update anchor set seq = ?, sha256 = ?", (place.seq, place.sha256))
        connection.execute("delete from record where seq <= ?", (place.seq,))
    return count


def archived(files: list[Path]) -> tuple[Head, list[str]]:
    """Check archives that follow one another from the first record on.

    Args:
        files: In their order.

    Returns:
        Where they end, which must be the anchor of the log, and each problem in words.

    Raises:
        UsageError: A file cannot be read.
    """
    last, found = Head(0, START), list[str]()
    for file in files:
        for number, line in enumerate(_lines(file), 1):
            before = f'"prev_sha256":"{last.sha256}"'.encode()
            if before not in line:
                found.append(f"{file.name}, line {number}: it does not follow the one before it")
            last = Head(last.seq + 1, sha256(line).hexdigest())
    return last, found


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as lines:
            yield from (line.removesuffix(b"\n") for line in lines)
    except OSError as error:
        raise UsageError(f"cannot read the archive {file}: {error.strerror}") from error


def _write(path: Path, lines: Iterable[bytes]) -> tuple[int, str]:
    """Write a new file to the disk, whole or not at all; return its lines' number and its hash."""
    count, digest = 0, sha256()
    try:
        with whole(path, synchronised=True) as part, part.open("wb") as file:
            for count, line in enumerate(lines, 1):  # noqa: B007 - the last one is the number
                file.write(line + b"\n")
                digest.update(line + b"\n")
    except OSError as error:
        raise AuditError(f"cannot write {path} ({error.strerror}); nothing was archived") from error
    return count, digest.hexdigest()
