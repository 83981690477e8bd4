"""What an index has of a PACS: how far its changes were followed, and what came of each instance.

An instance is known by a keyed hash of the PACS's own name for it, its *handle*, and never by that
name. Rows, handles and the number of the last change are committed together, so that whatever
stops the work, the index says truly how far it came.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from sqlite3 import Connection
from time import time

from acir.errors import BusyError
from acir.index import letters
from acir.index.database import Database, Rows
from acir.index.entry import Entry
from acir.types import Skipped

LOCK = "feeds.lock"
DAY = 86_400.0
GROWTH = 4  # each wait for another try is so many times the one before, up to a day
# Made by the first step: an index that follows no PACS has no such tables.
TABLES = (
    "create table if not exists feed (pacs text primary key, seq integer not null) without rowid",
    """create table if not exists feed_item (
        pacs text not null, handle text not null, id text, terms text not null,
        attempts integer not null, due real not null, primary key (pacs, handle)) without rowid""",
    "create index if not exists feed_item_id on feed_item (id) where id is not null",
)
EXISTS = "select 1 from sqlite_master where type = 'table' and name = 'feed_item'"
THESE = "pacs = ? and handle in (select value from json_each(?))"
CURSOR = "select seq from feed where pacs = ?"
MOVE = "insert or replace into feed values (?, ?)"
SEEN = "select handle, terms, attempts > 0, due <= ? from feed_item where pacs = ?"
DUE = "select min(due) from feed_item where pacs = ? and attempts > 0"
HELD = f"select id from feed_item where {THESE} and id is not null"
ATTEMPTS = f"select handle, attempts from feed_item where {THESE}"
FORGET = f"delete from feed_item where {THESE}"
SETTLE = "insert or replace into feed_item values (?, ?, ?, ?, 0, 0)"
FAIL = """insert into feed_item values (?, ?, null, '', ?, ?)
    on conflict do update set attempts = excluded.attempts, due = excluded.due"""
ORPHANS = """select row from item where id in (select value from json_each(?))
    and not exists (select 1 from feed_item where feed_item.id = item.id)"""


@dataclass(frozen=True)
class Step:
    """What is to be committed as one.

    Attributes:
        entries: Pictures to insert or replace.
        terms: Under which terms they were wanted; other terms ask for another look at each.
        settled: Id of the picture by the handle of its instance; None for one that is not wanted.
        gone: Handles of instances that the PACS no longer has.
        failed: Why an instance could not be taken, by its handle as `path`.
        retry: Seconds until the first further try of those; the later ones wait longer.
        cursor: Number of the last change that was followed; None to leave it as it is.
    """

    entries: Sequence[Entry] = ()
    terms: str = ""
    settled: Mapping[str, str | None] = field(default_factory=dict)
    gone: Sequence[str] = ()
    failed: Sequence[Skipped] = ()
    retry: float = DAY
    cursor: int | None = None


@dataclass(frozen=True)
class Seen:
    """What came of an instance.

    Attributes:
        terms: Under which it was settled.
        has_failed: Whether it could not be taken.
        is_due: Whether one that failed is to be tried again by now.
    """

    terms: str
    has_failed: bool
    is_due: bool

    def needs_look(self, terms: str) -> bool:
        """Whether it was settled under other terms, or failed and is due."""
        return self.is_due if self.has_failed else self.terms != terms


class Feed:
    """What an index has of one PACS.

    Args:
        pacs: The name that the PACS is known by.
        database: Lends a connection that reads.
        write: Writes a step of a PACS.
    """

    def __init__(
        self,
        pacs: str,
        database: Callable[[], AbstractContextManager[Database]],
        write: Callable[[str, Step], None],
    ) -> None:
        self._pacs, self._database, self._write = pacs, database, write

    def follow(self, step: Step) -> None:
        """Write all of a step or nothing; what no PACS has any longer is erased.

        A picture stays as long as an instance of any PACS stands for it.

        Raises:
            ValueError: A code or an embedding is not of the store's length.
            StorageError: The disk is full, or another process writes.
        """
        self._write(self._pacs, step)

    def cursor(self) -> int | None:
        """Return the number of the last change that was followed; None before the first."""
        found = self._read(CURSOR, self._pacs)
        return int(found[0][0]) if found else None

    def seen(self) -> dict[str, Seen]:
        """Return what came of each instance that has been seen, by its handle."""
        rows = self._read(SEEN, time(), self._pacs)
        return {h: Seen(terms, bool(failed), bool(due)) for h, terms, failed, due in rows}

    def known(self, terms: str) -> dict[str, bool]:
        """Say of each instance that has been seen, by its handle, whether it needs another look."""
        return {handle: seen.needs_look(terms) for handle, seen in self.seen().items()}

    def due(self) -> bool:
        """Whether an instance that failed is to be tried again by now."""
        return any(due is not None and due <= time() for (due,) in self._read(DUE, self._pacs))

    def _read(self, sql: str, *values: object) -> Rows:
        with self._database() as database:
            return database.read(sql, *values) if database.read(EXISTS) else []


def write(connection: Connection, pacs: str, step: Step) -> list[int]:
    """Note a step within a transaction; return the rows of pictures that nothing stands for now."""
    for table in TABLES:
        connection.execute(table)
    touched = dumps([*step.settled, *step.gone])
    before = [name for (name,) in connection.execute(HELD, (pacs, touched))]
    connection.execute(FORGET, (pacs, dumps(list(step.gone))))
    settled = [(pacs, handle, name, step.terms) for handle, name in step.settled.items()]
    connection.executemany(SETTLE, settled)
    _fail(connection, pacs, step)
    letters.change(connection, f"pacs {pacs}", (*step.settled, *step.gone), step.failed)
    if step.cursor is not None:
        connection.execute(MOVE, (pacs, step.cursor))
    return [row for (row,) in connection.execute(ORPHANS, (dumps(before),))]


def _fail(connection: Connection, pacs: str, step: Step) -> None:
    handles = dumps([failure.path for failure in step.failed])
    attempts = dict(connection.execute(ATTEMPTS, (pacs, handles)))
    for failure in step.failed:
        tried = attempts.get(failure.path, 0)
        due = time() + min(step.retry * GROWTH**tried, DAY)
        connection.execute(FAIL, (pacs, failure.path, tried + 1, due))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Follow for the length of the block; a second process that tries is refused.

    Raises:
        BusyError: Another process follows a PACS into this index.
    """
    lock = Database(folder, name=LOCK)
    with ExitStack() as held:
        held.callback(lock.close)
        try:
            held.enter_context(lock.transaction(patience=0.0))
        except BusyError as error:
            raise BusyError(
                f"another process follows a PACS into the index at {folder}; stop it first, or "
                "leave the work to it"
            ) from error
        yield
