"""Whether an audit log is what was written: every record read, every hash computed again."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from acir.governance.audit import LINES, START, AuditLog, AuditRecord, Head, canonical, read
from acir.index.database import Database

MOST = 100  # problems after which the rest is counted as one


def problems(log: AuditLog, head: str | None = None) -> list[str]:
    """Return each problem of a log in words; an empty list when all is well.

    Found is every record that was altered, removed, added or moved by whoever did not compute the
    chain anew from there on. Who did is found by `head` alone.

    Args:
        log: The log.
        head: SHA-256 of a record, kept elsewhere since: it must still be in the log.

    Raises:
        AuditError: The log cannot be read at all.
    """
    with log.reading() as database:
        found = _Chain(_only(database, "anchor"), head)
        found.follow(database)
        found.end(_only(database, "head"))
    return found.problems


class _Chain:
    """What is known of the chain so far.

    Args:
        anchor: Where it begins; None where that is not known.
        kept: SHA-256 of a record that must be in it.
    """

    def __init__(self, anchor: Head | None, kept: str | None) -> None:
        self.problems: list[str] = []
        if anchor is None:
            self.problems.append("the anchor, which says where the log begins, was altered")
        self._anchor = self._last = anchor or Head(0, START)
        self._archived: Head | None = None
        self._kept, self._kept_seen = kept, kept in {None, self._last.sha256}

    def follow(self, database: Database) -> None:
        """Read all records."""
        for rows in database.batches(LINES):
            for seq, line, digest in rows:
                for problem in self._step(seq, line, digest):
                    self._report(f"record {seq!r}: {problem}")

    def end(self, head: Head | None) -> None:
        """Compare the end of the chain with what was said of it."""
        if head != self._last:
            said = "nothing" if head is None else f"record {head.seq}"
            self._report(
                f"the log ends at record {self._last.seq}, but its head names {said}: records at "
                "the end were removed or added"
            )
        if self._anchor.seq and self._archived != self._anchor:
            self._report(
                f"the records up to {self._anchor.seq} are gone, and no record says that they "
                "were archived"
            )
        if not self._kept_seen:
            self._report(f"the head {self._kept} that was kept elsewhere is not in the log")

    def _step(self, seq: Any, line: Any, digest: Any) -> Iterator[str]:  # noqa: ANN401 - a damaged file gives any
        record = _sound(line, digest)
        if record is None:
            yield "it was altered"
        else:
            if record.seq != seq:
                yield f"it was written as record {record.seq}"
            if record.prev_sha256 != self._last.sha256:
                yield "it does not follow the record before it"
            if record.event.action == "archive":
                self._archived = _place(record.event.detail)
        if seq != self._last.seq + 1:
            yield f"it should be record {self._last.seq + 1}; records were removed or moved"
        self._last = Head(seq, str(digest))
        self._kept_seen = self._kept_seen or self._last.sha256 == self._kept

    def _report(self, problem: str) -> None:
        if len(self.problems) < MOST:
            self.problems.append(problem)
        elif len(self.problems) == MOST:
            self.problems.append("there are more problems than are listed here")


def _sound(line: Any, digest: Any) -> AuditRecord | None:  # noqa: ANN401 - a damaged file gives any
    """Return the record of a line, or None where it is not as it was written."""
    if not isinstance(line, bytes) or sha256(line).hexdigest() != digest:
        return None
    try:
        record = read(line, digest)
    except (ValueError, KeyError, TypeError):
        return None
    plain = record.values
    del plain["sha256"]
    return record if canonical(plain) == line else None


def _only(database: Database, table: str) -> Head | None:
    """Return the one row of a table, or None where there is not one of the right types."""
    rows = database.read(f"select seq, sha256 from {table}")
    if len(rows) != 1 or not isinstance(rows[0][0], int) or not isinstance(rows[0][1], str):
        return None
    return Head(*rows[0])


def _place(detail: str) -> Head | None:
    """Read the place that an archive record names; see `acir.governance.archive`."""
    words = detail.split()
    try:
        return Head(int(words[0]), words[1])
    except (ValueError, IndexError):
        return None
