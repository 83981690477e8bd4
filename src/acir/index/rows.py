"""Entries to the rows of the tables and back, each with its checksum."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

import numpy as np

from acir.index.database import Database
from acir.index.entry import SEAL_BYTES, Entry, checksum, seal

GIVEN = "row in (select value from json_each(?))"
ITEMS = f"""select row, checksum, id, label, path, patient, pixel_hash, code, v, png
    from item left join embedding using (row) left join thumbnail using (row) where {GIVEN}"""
METADATA = f"select row, key, value from metadata where {GIVEN} order by row, key"
THERE = "select id, row, checksum from item where id in (select value from json_each(?))"
LAST = "select coalesce(max(seq), 0) from sqlite_sequence where name = 'item'"
INSERTS = (
    """insert into item (row, id, label, path, patient, pixel_hash, code, checksum)
        values (?, ?, ?, ?, ?, ?, ?, ?)""",
    "insert into embedding values (?, ?)",
    "insert into thumbnail values (?, ?)",
    "insert into metadata values (?, ?, ?)",
)
# id, label, path, patient, pixel hash, sealed code, sealed embedding, thumbnail, metadata
Columns = tuple[str, str, str | None, str | None, str, bytes, bytes, bytes | None, list[list[str]]]


@dataclass(frozen=True)
class Written:
    """What writing entries did.

    Attributes:
        counts: How many were `new`, `replaced` and `unchanged`.
        gone: Rows of those that were replaced.
    """

    counts: Counter[str]
    gone: tuple[int, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is other than before."""
        return self.counts["new"] + self.counts["replaced"] > 0


def write(connection: Connection, entries: Sequence[Entry]) -> Written:
    """Insert or replace entries by id; one that is there already is left alone.

    Of several with one id the last stays.
    """
    ids = json.dumps([entry.id for entry in entries])
    there = {name: (row, mark) for name, row, mark in connection.execute(THERE, (ids,))}
    counts, marks, fresh = Counter[str](), dict[str, bytes](), dict[str, Columns]()
    for entry in entries:
        columns = _columns(entry)
        mark = checksum(columns)
        before = marks.get(entry.id) or there.get(entry.id, (0, None))[1]
        counts["new" if before is None else "unchanged" if before == mark else "replaced"] += 1
        if before != mark:
            marks[entry.id], fresh[entry.id] = mark, columns
    gone = tuple(there[name][0] for name in fresh if name in there)
    delete(connection, gone)
    _insert(connection, [(*columns, marks[name]) for name, columns in fresh.items()])
    return Written(counts, gone)


def keys_of(database: Database, ids: Iterable[str]) -> list[int]:
    """Return the rows of those of these ids that are here, in no order."""
    sql = "select row from item where id in (select value from json_each(?))"
    return [row for (row,) in database.read(sql, json.dumps(list(ids)))]


def delete(connection: Connection, keys: Sequence[int]) -> int:
    """Delete rows with all that belongs to them; return how many there were."""
    return connection.execute(f"delete from item where {GIVEN}", (json.dumps(keys),)).rowcount


def read(database: Database, keys: Sequence[int]) -> Iterator[tuple[int, str, Entry | None]]:
    """Yield key, id and entry of the rows that exist; no entry where its checksum is broken."""
    wanted = json.dumps(keys)
    words: dict[int, list[list[object]]] = {}
    for row, key, value in database.read(METADATA, wanted):
        words.setdefault(row, []).append([key, value])
    for row, mark, *columns in database.read(ITEMS, wanted):
        columns.append(words.get(row, []))
        yield row, str(columns[0]), _entry(tuple(columns)) if checksum(columns) == mark else None


def _columns(entry: Entry) -> Columns:
    """List what the tables keep of an entry, in the order of `ITEMS`."""
    return (
        *(entry.id, entry.label, entry.path, entry.patient, entry.pixel_hash),
        *(seal(entry.code.tobytes()), seal(entry.embedding.astype("<f2", copy=False).tobytes())),
        *(entry.thumbnail, [list(word) for word in sorted(entry.metadata.items())]),
    )


def _entry(columns: Columns) -> Entry:
    key, label, path, patient, pixel_hash, code, embedding, thumbnail, words = columns
    return Entry(
        id=key,
        code=np.frombuffer(code[:-SEAL_BYTES], dtype=np.uint8),
        embedding=np.frombuffer(embedding[:-SEAL_BYTES], dtype="<f2"),
        label=label,
        pixel_hash=pixel_hash,
        path=path,
        patient=patient,
        thumbnail=thumbnail,
        metadata=dict(words),
    )


def _insert(connection: Connection, fresh: Sequence[tuple[Any, ...]]) -> None:
    """Insert columns, each followed by its checksum, a table at a time: half of a row at a time."""
    ((last,),) = connection.execute(LAST)
    rows = list(enumerate(fresh, last + 1))
    items, embeddings, thumbnails, metadata = INSERTS
    connection.executemany(items, [(row, *c[:6], c[9]) for row, c in rows])
    connection.executemany(embeddings, [(row, c[6]) for row, c in rows])
    connection.executemany(thumbnails, [(row, c[7]) for row, c in rows if c[7] is not None])
    connection.executemany(metadata, [(row, *word) for row, c in rows for word in c[8]])
