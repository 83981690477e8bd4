"""The audit log: one append-only SQLite file whose records are chained by their hashes.

A record is one line of canonical JSON: its number, its time, the SHA-256 of the record before, and
the event. Whoever alters, removes or reorders a record breaks the chain behind it. A cut tail is
told by the head that is written with every record; who cuts the tail and rewrites the head, or
computes the whole chain anew, is told by a head that was kept elsewhere alone.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from acir.errors import AuditError, StorageError, StoreError
from acir.governance.events import Actor, AuditEvent
from acir.index.database import Database

__all__ = ["FILE", "START", "Actor", "AuditEvent", "AuditLog", "AuditRecord", "Head"]

FILE = "audit.sqlite"
START = "0" * 64  # what the first record names as the hash before it
TABLES = (
    "create table record (seq integer primary key, line blob not null, sha256 text not null)",
    # Of one row each: the last record, and the last one that was archived.
    "create table head (seq integer not null, sha256 text not null)",
    "create table anchor (seq integer not null, sha256 text not null)",
)
LINES = "select seq, line, sha256 from record order by seq"
EVENT = tuple(field.name for field in fields(AuditEvent))


@dataclass(frozen=True)
class Head:
    """A place in the chain.

    Attributes:
        seq: Number of the record, from 1; 0 before the first.
        sha256: Its hash, which vouches for all records before it.
    """

    seq: int
    sha256: str


@dataclass(frozen=True)
class AuditRecord:
    """A record as it stands in the log.

    Attributes:
        seq: Its number; none is left out.
        time: When it was written, in UTC with microseconds, such as `2026-01-31T08:00:00.000000Z`.
        prev_sha256: Hash of the record before; `START` for the first.
        event: What happened.
        sha256: Hash of this record's line.
    """

    seq: int
    time: str
    prev_sha256: str
    event: AuditEvent
    sha256: str

    @property
    def values(self) -> dict[str, Any]:
        """The record as plain values: what its line holds, and its hash."""
        return _values(self.seq, self.time, self.prev_sha256, self.event) | {"sha256": self.sha256}


class AuditLog(AbstractContextManager["AuditLog"]):
    """The log of an index; `create` or `open` it, and close it or use it as a context.

    Any number of processes and threads append and read. An append returns once the record is on
    the disk; what was not written has not happened, so the caller must not answer.

    Attributes:
        folder: The folder that it lies in, that of an index.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        """Called by `create` and `open`."""
        self.folder = folder
        self._database = database

    @classmethod
    def create(cls, folder: Path) -> "AuditLog":
        """Open the log of a folder, and begin it where there is none.

        Raises:
            AuditError: It cannot be read or written.
        """
        with in_our_words(folder):
            database = Database(folder, name=FILE)
            try:
                with database.transaction() as connection:
                    if not database.read("select 1 from sqlite_master where name = 'record'"):
                        for table in TABLES:
                            connection.execute(table)
                        for table in ("head", "anchor"):
                            connection.execute(f"insert into {table} values (0, ?)", (START,))
            except BaseException:
                database.close()
                raise
        return cls(folder, database)

    @classmethod
    def open(cls, folder: Path) -> "AuditLog":
        """Open a log that exists.

        Raises:
            AuditError: It is missing, or cannot be read.
        """
        if not (folder / FILE).is_file():
            raise AuditError(
                f"the audit log at {folder / FILE} is missing, and without its record nothing is "
                "done; restore it from a copy (an index that was built without --audited has none)"
            )
        with in_our_words(folder):
            return cls(folder, Database(folder, name=FILE))

    def __exit__(self, *_: object) -> None:
        """Close the log."""
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._database.close()

    def append(self, *events: AuditEvent) -> Head:
        """Write records to the disk, all or none, and return the place of the last.

        The action waits for it.

        Raises:
            AuditError: They could not be written: the disk is full, the file cannot be written, or
                others write for too long. The log is as it was.
        """
        with self.writing() as connection:
            heads = [append(connection, event) for event in events]
        return heads[-1] if heads else self.head()

    def records(self, *, newest_first: bool = False) -> Iterator[AuditRecord]:
        """Yield all records, those of one moment.

        Args:
            newest_first: Whether the last one comes first; else they come in order.

        Raises:
            AuditError: The log cannot be read, or one is no record at all.
        """
        with self.reading() as database:
            for rows in database.batches(f"{LINES} desc" if newest_first else LINES):
                for seq, line, digest in rows:
                    try:
                        yield read(line, digest)
                    except (ValueError, KeyError, TypeError) as error:
                        raise AuditError(
                            f"record {seq} of the audit log at {self.folder / FILE} is damaged; "
                            "see what acir audit verify says"
                        ) from error

    def head(self) -> Head:
        """Return the place of the last record: what is worth keeping elsewhere.

        Raises:
            AuditError: The log cannot be read.
        """
        with self.reading() as database:
            return Head(*database.read("select seq, sha256 from head")[0])

    def anchor(self) -> Head:
        """Return the place behind which the log begins: that of the last archived record.

        Raises:
            AuditError: The log cannot be read.
        """
        with self.reading() as database:
            return Head(*database.read("select seq, sha256 from anchor")[0])

    def copy_to(self, folder: Path) -> None:
        """Copy one state of the log to a folder, whatever is appended meanwhile.

        Raises:
            AuditError: The log cannot be read, or the copy not be written.
        """
        with in_our_words(self.folder):
            self._database.copy_to(folder / FILE)

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Give a connection that sees one state, whatever is appended meanwhile.

        Raises:
            AuditError: The log cannot be read.
        """
        with in_our_words(self.folder):
            database = Database(self.folder, name=FILE)
            with closing(database), database.snapshot():
                yield database

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction, for what must be written with a record or not at all.

        Raises:
            AuditError: The log cannot be written.
        """
        with in_our_words(self.folder), self._database.transaction() as connection:
            yield connection


def append(connection: Connection, event: AuditEvent) -> Head:
    """Write a record within a transaction that is open."""
    seq, before = connection.execute("select seq, sha256 from head").fetchone()
    time = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    line = canonical(_values(seq + 1, time, before, event))
    head = Head(seq + 1, sha256(line).hexdigest())
    connection.execute("insert into record values (?, ?, ?)", (head.seq, line, head.sha256))
    connection.execute("update head set seq = ?, sha256 = ?", (head.seq, head.sha256))
    return head


def canonical(values: Mapping[str, Any]) -> bytes:
    """Return the one line of JSON that these values have: sorted keys, no blanks, ASCII."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read(line: bytes, digest: str) -> AuditRecord:
    """Return the record of a line.

    Raises:
        ValueError: The line is no record.
        KeyError: Likewise.
        TypeError: Likewise.
    """
    found = json.loads(line)
    given = {name: found[name] for name in EVENT if name != "actor"}
    given["patients"] = tuple(given["patients"])
    event = AuditEvent(actor=Actor(**found["actor"]), **given)
    return AuditRecord(found["seq"], found["time"], found["prev_sha256"], event, digest)


def _values(seq: int, time: str, before: str, event: AuditEvent) -> dict[str, Any]:
    place = {"seq": seq, "time": time, "prev_sha256": before}
    return place | asdict(event) | {"patients": list(event.patients)}


@contextmanager
def in_our_words(folder: Path) -> Iterator[None]:
    """Say of any failure of the file that it is the audit log's, and that nothing is done.

    Raises:
        AuditError: It failed.
    """
    try:
        yield
    except AuditError:
        raise
    except (StorageError, StoreError) as error:
        raise AuditError(
            f"the audit log at {folder / FILE} cannot be used, and without its record nothing is "
            f"done: {error}"
        ) from error
