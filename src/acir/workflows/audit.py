"""`acir audit`: verify, export, report, archive."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from acir.amounts import amount
from acir.durable import whole
from acir.errors import AuditError, UsageError, suggestion
from acir.evaluation.document import Document, Section, Table
from acir.evaluation.report import refuse_unwritable_page, write_page
from acir.governance import archive as archives
from acir.governance import verification
from acir.governance.audit import AuditEvent, AuditLog, Head
from acir.governance.exports import FORMATS
from acir.governance.report import chosen, counts
from acir.workflows.recording import system_user


@dataclass(frozen=True)
class Which:
    """Which records are asked for.

    Attributes:
        since: First day in UTC; None for the first of all.
        until: Last day in UTC; None for the last of all.
        patient: Keyed hash of the patient that they are about; None for any.
    """

    since: date | None = None
    until: date | None = None
    patient: str | None = None


def verify(
    index: Path, head: str | None = None, archived: Sequence[Path] = ()
) -> tuple[Head, list[str]]:
    """Compute every hash of a log anew; return its head and each problem in words.

    Args:
        index: Folder of the index.
        head: SHA-256 of a record that was kept elsewhere: it must still be in the log.
        archived: Files of records that left the log, the oldest first.

    Raises:
        AuditError: The log is missing or cannot be read.
        UsageError: An archive cannot be read.
    """
    with AuditLog.open(index) as log:
        found = verification.problems(log, head)
        if archived:
            end, more = archives.archived(list(archived))
            found += more
            if end != log.anchor():
                found.append(
                    f"the archives end at record {end.seq}, and the log does not begin behind it"
                )
        return log.head(), found


def export(index: Path, to: Path, format_: str, which: Which) -> int:
    """Write records to a new file for another system and return how many; this is recorded.

    Raises:
        UsageError: There is no such format, or something is at `to`.
        AuditError: The log cannot be used, or the file not be written.
    """
    if format_ not in FORMATS:
        raise UsageError(
            f"there is no format {format_!r}; use one of {', '.join(FORMATS)}."
            f"{suggestion(format_, FORMATS)}"
        )
    if to.exists():
        raise UsageError(f"there is something at {to} already; name a new file")
    with AuditLog.open(index) as log:
        records = list(chosen(log.records(), **asdict(which)))
        log.append(_read_event(index, f"exported as {format_}", len(records)))
        try:
            with whole(to) as part, part.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in FORMATS[format_](records))
        except OSError as error:
            raise AuditError(f"cannot write {to}: {error.strerror}; name another file") from error
    return len(records)


def report(index: Path, which: Which, html: Path | None = None) -> Mapping[str, Mapping[str, int]]:
    """Count records by user, action, outcome, verdict, collection and day; this is recorded.

    Args:
        index: Folder of the index.
        which: Which records.
        html: Where to write a page of it; None for none.

    Raises:
        AuditError: The log cannot be used.
        UsageError: The page has no folder.
        StorageError: The page cannot be written.
    """
    if html is not None:
        refuse_unwritable_page(html)
    with AuditLog.open(index) as log:
        found = counts(chosen(log.records(), **asdict(which)))
        log.append(_read_event(index, "report", sum(found["action"].values())))
    if html is not None:
        records = amount(sum(found["action"].values()), "record", "records")
        intro = f"{records} of the audit log of {index.name}."
        tables = tuple(
            Table(f"By {name}", (name, "records"), tuple((k, str(n)) for k, n in rows.items()))
            for name, rows in found.items()
        )
        section = Section("Records", tables=tables)
        write_page(html, Document("Audit report", intro, (), sections=(section,)))
    return found


def archive(index: Path, before: date, to: Path) -> dict[str, Any]:
    """Move the records of earlier days to a file; return how many, and the head of the log."""
    with AuditLog.open(index) as log:
        moved = archives.archive(log, before, to, system_user())
        return {"archived": moved, **asdict(log.head())}


def _read_event(index: Path, detail: str, count: int) -> AuditEvent:
    name = index.absolute().name
    return AuditEvent("audit", system_user(), index=name, detail=detail, count=count)
