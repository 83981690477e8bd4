"""The SQLite file of an index: its tables, its connection, and its errors in our words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acir.errors import AcirError, StorageError, StoreError

SCHEMA = "1"
WAIT = 30  # seconds for another process that writes
TABLES = (
    "create table meta (key text primary key, value text not null) without rowid",
    # autoincrement: the row of a deleted picture is never given to another.
    """create table item (
        row integer primary key autoincrement, id text not null unique, code blob not null,
        label text not null, path text, patient text, pixel_hash text not null,
        checksum blob not null)""",
    """create table embedding (
        row integer primary key references item on delete cascade, v blob not null)""",
    """create table thumbnail (
        row integer primary key references item on delete cascade, png blob)""",
    """create table metadata (
        row integer not null references item on delete cascade, key text not null,
        value text not null, primary key (row, key)) without rowid""",
    # Holds all that opening needs in the order that it needs: id, code, and always the row.
    "create index item_gallery on item (id, code)",
    "create index item_label on item (label)",
    "create index item_patient on item (patient)",
    "create index item_pixels on item (pixel_hash)",
    "create index metadata_value on metadata (key, value)",
)
PRAGMAS = (
    "journal_mode = wal",
    "synchronous = full",
    "foreign_keys = on",
    "secure_delete = on",  # what is deleted is overwritten
    "cell_size_check = on",  # the file may be damaged
    "trusted_schema = off",  # or come from someone else
)
DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,  # our statements are fixed: only other tables can make one wrong
}
UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
Rows = list[tuple[Any, ...]]


class Database:
    """A connection that speaks of its failures in the package's errors.

    Args:
        folder: The folder of the index; messages name it.
        name: The file in it; created when it does not exist.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        with self._translated():
            self._connection = _connected(folder / name)
            # A damaged letter must fail a checksum, not the reading of the row.
            self._connection.text_factory = lambda text: text.decode(errors="replace")
            try:
                for pragma in PRAGMAS:
                    self._connection.execute(f"pragma {pragma}")
            except BaseException:
                self._connection.close()
                raise

    def read(self, sql: str, *values: object) -> Rows:
        """Return all rows of a query."""
        with self._translated():
            return self._connection.execute(sql, values).fetchall()

    def batches(self, sql: str) -> Iterator[Rows]:
        """Yield the rows of a query by the thousand: half the time of reading a million at once."""
        with self._translated():
            cursor = self._connection.execute(sql)
            while found := cursor.fetchmany(1000):
                yield found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all of the block or, when anything interrupts it, nothing."""
        with self._translated():
            self._connection.execute("begin immediate")
            try:
                yield self._connection
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("rollback")
                raise

    def forget(self) -> None:
        """Empty the write-ahead log, which still holds what was deleted from the tables.

        While another connection reads, SQLite leaves this to the last connection that closes.
        """
        self.read("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        """Close the connection; closing twice is harmless."""
        with self._translated():
            self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # The module decodes SQLite's messages, which quote damaged text.
            translated = _translation(self._folder, error)
            if translated is None:
                raise
            raise translated from error


def _connected(path: Path) -> sqlite3.Connection:
    """Connect; to a file that cannot be written, for reading alone."""
    place: Path | str = path
    if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        place = f"{path.absolute().as_uri()}?mode=ro"
        log = path.with_name(f"{path.name}-wal")
        if not (log.exists() and log.stat().st_size):
            # Reading shares memory with writers in a file that cannot be made here. What is
            # immutable needs none; should a writer come all the same, checksums tell.
            place += "&immutable=1"
    return sqlite3.connect(place, timeout=WAIT, isolation_level=None, uri=isinstance(place, str))


def _translation(folder: Path, error: sqlite3.Error | UnicodeDecodeError) -> AcirError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest refines it
    if code == sqlite3.SQLITE_FULL:
        return StorageError(
            f"the disk is full: the index at {folder} keeps what was stored before; free some "
            "space and run the command again"
        )
    if code in DAMAGED or isinstance(error, UnicodeDecodeError):
        return StoreError(
            f"the index at {folder} is damaged, truncated or no index of acir ({error}); restore "
            "a copy of it or build it again"
        )
    if code in UNAVAILABLE:
        return StorageError(
            f"the index at {folder} cannot be used now ({error}); check that its folder can be "
            "written and that no other program holds it, then run the command again"
        )
    return None
