"""What changes an index: one transaction after another, each with its record."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from acir.codes import BITS_PER_BYTE
from acir.errors import UsageError
from acir.index import cache, changes, feeds, rows
from acir.index.database import Database
from acir.index.entry import Entry

# Pictures of one transaction, and seconds after which a smaller one is committed: what a crash may
# cost, against the price of a commit.
BATCH, SECONDS = 32768, 1.0
# A commit touches many pages of every table; they are written once, not each time they change: to
# the log by each commit, and from there to the file when it holds 64 MB.
ROOM = ("cache_size = -262144", "wal_autocheckpoint = 8192")


@dataclass(frozen=True)
class Added:
    """How many pictures were new, replaced one of the same id, or were there already."""

    new: int = 0
    replaced: int = 0
    unchanged: int = 0


class Writer:
    """The one connection of a store that writes.

    Args:
        database: The connection.
        bits: Length of the codes.
        dim: Length of the embeddings.
    """

    def __init__(self, database: Database, *, bits: int, dim: int) -> None:
        self._database, self._size, self._dim = database, bits // BITS_PER_BYTE, dim

    def add(self, entries: Iterable[Entry]) -> Added:
        """Do what `Store.add` says."""
        total = Counter[str]()
        for batch in _batches(entries):
            self._check(batch)
            with self._database.transaction() as connection:
                written = rows.write(connection, batch)
                if written.changed:
                    changes.record(connection, written.gone)
            total += written.counts
        return Added(**total)

    def delete(self, find: Callable[[Database], list[int]]) -> int:
        """Delete the rows that are found, within the transaction, and return how many."""
        with self._database.transaction() as connection:
            keys = find(self._database)
            count = rows.delete(connection, keys)
            if count:
                changes.record(connection, keys)
                cache.wipe(self._database.folder)
        self._database.forget()
        return count

    def follow(self, pacs: str, step: feeds.Step) -> None:
        """Do what `Feed.follow` says."""
        self._check(step.entries)
        with self._database.transaction() as connection:
            written = rows.write(connection, step.entries)
            orphans = feeds.write(connection, pacs, step)
            rows.delete(connection, orphans)
            if written.changed or orphans:
                changes.record(connection, (*written.gone, *orphans))
            if orphans:
                cache.wipe(self._database.folder)
        if orphans:
            self._database.forget()

    def _check(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if rows.ZERO in entry.id:
                raise UsageError(
                    f"the id {entry.id!r} has a zero character, which no id may have; give the "
                    "picture another one"
                )
            if len(entry.code) != self._size or len(entry.embedding) != self._dim:
                raise ValueError(
                    f"{entry.id} has {len(entry.code) * BITS_PER_BYTE} bits and "
                    f"{len(entry.embedding)} dimensions, the index has "
                    f"{self._size * BITS_PER_BYTE} and {self._dim}"
                )


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch, begun = list[Entry](), monotonic()
    for entry in entries:
        batch.append(entry)
        if len(batch) >= BATCH or monotonic() - begun >= SECONDS:
            yield batch
            batch, begun = [], monotonic()
    if batch:
        yield batch
