"""Filling an index in bulk, beside SQLite alone that is given the same bytes."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from acir.bench.harness import once
from acir.index import schema
from acir.index.database import Database
from acir.index.entry import Entry
from acir.index.store import Store
from acir.index.writer import BATCH, ROOM

COMPARED = 1_000_000  # the first pictures, whose rows SQLite alone is given too
NEW = {table: f"select * from {table} where row > ?" for table in ("item", "embedding")}


def fill(store: Store, entries: Iterator[Entry]) -> dict[str, float]:
    """Add pictures by the batch; return rows a second, and the time as a multiple of SQLite's.

    SQLite alone has the same tables, indexes and settings, and writes a batch in one transaction;
    that the rows are made and hashed beforehand is all that it is spared.
    """
    ours, theirs = list[float](), list[float]()
    count = 0
    with TemporaryDirectory(dir=store.folder.parent) as folder:
        alone = Database(Path(folder), ROOM)
        schema.create(alone, {})
        while batch := list(islice(entries, BATCH)):  # so that drawing them is not timed
            ours.append(once(partial(store.add, batch)))
            if count < COMPARED:
                theirs.append(_copied(store.folder, alone, count))
            count += len(batch)
        alone.close()
    return {
        "rows_a_second": count / sum(ours),
        "to_sqlite": sum(ours[: len(theirs)]) / sum(theirs),
    }


def _copied(folder: Path, alone: Database, last: int) -> float:
    """Give the rows after `last` to SQLite alone; return the seconds of its transaction."""
    source = Database(folder)
    found = {table: source.read(sql, last) for table, sql in NEW.items()}
    source.close()

    def insert() -> None:
        with alone.transaction() as connection:
            for table, rows in found.items():
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f"insert into {table} values ({marks})", rows)

    return once(insert)
