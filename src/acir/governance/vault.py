"""The file that keeps people, their secrets as hashes, what they may, and their lists of cases.

It is called `access.sqlite`.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection

from acir.errors import AccessError, StorageError
from acir.governance.audit import AuditEvent, AuditLog
from acir.index.database import Database

FILE = "access.sqlite"
MODE = 0o600
TABLES = (
    """create table if not exists person (
        name text primary key, password text, emergency integer not null default 0)""",
    """create table if not exists grant_ (
        name text not null references person on delete cascade, collection text not null,
        role text not null, primary key (name, collection))""",
    # `secret` is always a SHA-256: who reads the file cannot log in with it.
    """create table if not exists session (
        secret text primary key, name text not null references person on delete cascade,
        opened real not null, seen real not null)""",
    """create table if not exists link (
        secret text primary key, name text not null references person on delete cascade,
        until real not null)""",
    """create table if not exists token (
        secret text primary key, id text not null unique,
        name text not null references person on delete cascade, label text not null,
        verbs text not null, collections text not null, until real not null)""",
    """create table if not exists emergency (
        name text primary key references person on delete cascade, reason text not null,
        until real not null)""",
    """create table if not exists list (
        key text primary key, person text not null references person on delete cascade,
        title text not null)""",
    """create table if not exists noted (
        list text not null references list on delete cascade, picture text not null, patient text,
        note text not null, primary key (list, picture))""",
    """create table if not exists attempt (
        name text primary key, failures integer not null, last real not null, until real not null)
    """,
    # Who guesses names fills the table, and each try looks for those that are too old.
    "create index if not exists attempt_last on attempt (last)",
)


class Vault(AbstractContextManager["Vault"]):
    """The file, open, with the log in which every change of it is recorded first.

    Args:
        folder: Where it is, or is made with mode 0600; that of the index.
        log: The audit log.
        now: Tells the time, in seconds.

    Raises:
        AccessError: Others than its owner may read the file.
        StorageError: It cannot be read or written.
    """

    def __init__(self, folder: Path, log: AuditLog, now: Callable[[], float] = time.time) -> None:
        self.log, self.now = log, now
        _make_private(folder / FILE)
        self._database = Database(folder, name=FILE)
        try:
            with self._database.transaction() as connection:
                for table in TABLES:
                    connection.execute(table)
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        """Close the file; the log is its opener's."""
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Read and write in one step, without a record."""
        with self._database.transaction() as connection:
            yield connection

    def forget(self) -> None:
        """Leave nothing of what was deleted beside the file; see `Database.forget`."""
        self._database.forget()

    @contextmanager
    def recorded(self, event: AuditEvent) -> Iterator[Connection]:
        """Change something in one step, once its record is written; neither, when either fails.

        A crash between the two leaves a record of what did not come about, never the reverse.

        Raises:
            AuditError: The record could not be written, and nothing was changed.
        """
        with self._database.transaction() as connection:
            yield connection
            self.log.append(event)


def digest(secret: str) -> str:
    """Return what is stored of a secret that was drawn at random, and so needs no slow hash."""
    return sha256(secret.encode()).hexdigest()


def _make_private(path: Path) -> None:
    """Make an empty file for its owner alone; refuse one that others may read."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, MODE))
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise StorageError(
            f"cannot open {path} ({error.strerror}), which says who may use the index; make its "
            "folder writable for who runs acir"
        ) from error
    if mode & ~MODE:
        raise AccessError(
            f"{path} holds hashes of passwords and has mode {mode:04o}, expected 0600; set it "
            "with chmod 600"
        )
