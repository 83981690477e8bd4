"""A connection to the SQLite file of an index, and its errors in our words."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from acir.errors import AcirError, BusyError, StorageError, StoreError, UsageError

FILE = "store.sqlite"
PATIENCE = 30.0  # seconds that a writer waits for another
HASTE = 0.2  # seconds that emptying the log waits for readers, who may never pause
PRAGMAS = (
    "page_size = 8192",  # of a new file: a page holds seven embeddings of 512 dimensions, not three
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
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
Rows = list[tuple[Any, ...]]


class Database:
    """A connection that speaks of its failures in the package's errors.

    Threads may hand it to one another; a transaction keeps the others waiting.

    Args:
        folder: The folder of the index; messages name it.
        pragmas: Settings beyond those of every connection.
        name: The file in it; made where there is none.
    """

    def __init__(self, folder: Path, pragmas: Sequence[str] = (), *, name: str = FILE) -> None:
        self.folder = folder
        self._writing = Lock()
        self._translated = _Translated(folder)
        with self._translated:
            self._connection = _connected(folder / name)
            # A damaged letter must fail a checksum, not the reading of the row.
            self._connection.text_factory = lambda text: text.decode(errors="replace")
            try:
                for pragma in (*PRAGMAS, *pragmas):
                    self._connection.execute(f"pragma {pragma}")
            except BaseException:
                self._connection.close()
                raise

    def read(self, sql: str, *values: object) -> Rows:
        """Return all rows of a query."""
        with self._translated:
            return self._connection.execute(sql, values).fetchall()

    def batches(self, sql: str) -> Iterator[Rows]:
        """Yield the rows of a query by the thousand: half the time of reading a million at once."""
        with self._translated:
            cursor = self._connection.execute(sql)
            while found := cursor.fetchmany(1000):
                yield found

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one state in all of the block, whatever others write meanwhile."""
        self.read("begin")
        try:
            yield
        finally:
            if self._connection.in_transaction:  # some errors have ended it already
                self.read("rollback")

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator[sqlite3.Connection]:
        """Write all of the block or, when anything interrupts it, nothing.

        Args:
            patience: Seconds to wait for another writer; None for half a minute.

        Raises:
            BusyError: Another writer did not finish in time.
        """
        seconds = PATIENCE if patience is None else patience
        with self._writing, self._translated, self._waiting(seconds):
            self._connection.execute("begin immediate")
            try:
                yield self._connection
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("rollback")
                raise

    def forget(self) -> bool:
        """Empty the write-ahead log, which still holds what was deleted from the tables.

        Returns:
            Whether that was possible. While another connection reads from the log it is not; the
            last connection that closes empties it at the latest.
        """
        with self._writing, self._translated, self._waiting(HASTE):
            ((busy, *_),) = self.read("pragma wal_checkpoint(truncate)")
        return not busy

    def rewrite(self) -> None:
        """Write the file anew, without the space of what was deleted; all or nothing.

        Raises:
            BusyError: Another writer did not finish in time.
        """
        with self._writing:
            self.read("vacuum")

    def copy_to(self, place: Path) -> None:
        """Copy one state of the file to a new file, whatever others write meanwhile."""
        with self._translated, closing(sqlite3.connect(place)) as target:
            self._connection.backup(target)

    def close(self) -> None:
        """Close the connection; closing twice is harmless."""
        with self._translated:
            self._connection.close()

    @contextmanager
    def _waiting(self, seconds: float) -> Iterator[None]:
        """Wait so long for other connections within the block."""
        self._connection.execute(f"pragma busy_timeout = {round(seconds * 1000)}")
        try:
            yield
        finally:
            self._connection.execute(f"pragma busy_timeout = {round(PATIENCE * 1000)}")


class _Translated(AbstractContextManager[None]):
    """Speaks of what SQLite raises in a block in our words.

    Not a generator, which would take longer than a short query.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # The module decodes SQLite's messages, which quote damaged text, and encodes our values.
        if isinstance(error, sqlite3.Error | UnicodeError):
            translated = _translation(self._folder, error)
            if translated is not None:
                raise translated from error


def can_be_written(path: Path) -> bool:
    """Say whether a file and its folder can; SQLite writes beside the file too."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _connected(path: Path) -> sqlite3.Connection:
    """Connect; to a file that cannot be written, for reading alone."""
    place: Path | str = path
    if path.exists() and not can_be_written(path):
        place = f"{path.absolute().as_uri()}?mode=ro"
        log = path.with_name(f"{path.name}-wal")
        if not (log.exists() and log.stat().st_size):
            # Reading shares memory with writers in a file that cannot be made here. What is
            # immutable needs none; should a writer come all the same, checksums tell.
            place += "&immutable=1"
    return sqlite3.connect(
        place,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        uri=isinstance(place, str),
    )


def _translation(folder: Path, error: sqlite3.Error | UnicodeError) -> AcirError | None:
    if isinstance(error, UnicodeEncodeError):
        return UsageError(f"{error.object!a} is no text that an index can hold; give it in UTF-8")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest refines it
    if code == sqlite3.SQLITE_FULL:
        return StorageError(
            f"the disk is full: the index at {folder} keeps what was stored before; free some "
            "space and run the command again"
        )
    if code == sqlite3.SQLITE_BUSY:
        return BusyError(
            f"another process has been writing to the index at {folder} for too long; run the "
            "command again when it is done"
        )
    if code in DAMAGED or isinstance(error, UnicodeError):
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
