"""Entries to the rows of the tables and back, each with its checksum."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from sqlite3 import Connection
from typing import Any
from zlib import crc32

import numpy as np

from acir.index.database import Database
from acir.index.entry import SEAL_BYTES, Entry, checksum, hashed, seal

GIVEN = "row in (select value from json_each(?))"
ITEMS = f"""select row, checksum, pixels, id, label, path, patient, pixel_hash, code, v, png
    from item left join embedding using (row) left join thumbnail using (row) where {GIVEN}"""
METADATA = f"select row, key, value from metadata where {GIVEN} order by row, key"
THERE = "select id, row, checksum from item where id in (select value from json_each(?))"
LAST = "select coalesce(max(seq), 0) from sqlite_sequence where name = 'item'"
# What is written of each table. No id is there twice, as they were looked up before; `or rollback`
# spares SQLite a journal for each statement, by which it could take back that statement alone.
ITEM = "item (row, id, label, path, patient, pixel_hash, code, checksum, pixels)"
INTO = {ITEM: 9, "embedding": 2, "thumbnail": 2, "metadata": 3}
# What `checksum` hashes of a row without a thumbnail, in half its time.
PLAIN = b"((%a, %a, %a, %a, %a, %a), [%d, %d])%b%b"
ZERO = "\0"  # ends a text within JSON for SQLite: "a" would be found for "a\0b"
BATCH = 256
ROWS = 100  # of one statement: SQLite before 3.32 takes 999 values
PART = 300  # pictures: what Python makes of them is gone before it looks for cycles among it
FLOAT16, BYTE = np.dtype("<f2"), np.dtype(np.uint8)
# id, label, path, patient, pixel hash, sealed code, sealed embedding, thumbnail, metadata
Words = tuple[tuple[str, str], ...]
Columns = tuple[str, str, str | None, str | None, str, bytes, bytes, bytes | None, Words]


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
    counts, gone = Counter[str](), list[int]()
    for start in range(0, len(entries), PART):
        part = _write_part(connection, entries[start : start + PART])
        counts += part.counts
        gone += part.gone
    return Written(counts, tuple(gone))


def _write_part(connection: Connection, entries: Sequence[Entry]) -> Written:
    ids = json.dumps([entry.id for entry in entries])
    there = {name: (row, mark) for name, row, mark in connection.execute(THERE, (ids,))}
    known = {name: mark for name, (_, mark) in there.items()}
    fresh = dict[str, tuple[Columns, bytes]]()
    changed = replaced = 0
    for columns in map(_columns, entries):
        name, mark = columns[0], mark_of(columns)
        before = known.get(name)
        if before != mark:
            changed += 1
            replaced += before is not None
            fresh[name] = columns, mark
            known[name] = mark
    gone = tuple(there[name][0] for name in fresh if name in there)
    if gone:
        delete(connection, gone)
    _insert(connection, fresh.values())
    unchanged = len(entries) - changed
    return Written(Counter(new=changed - replaced, replaced=replaced, unchanged=unchanged), gone)


def keys_of(database: Database, ids: Iterable[str]) -> list[int]:
    """Return the rows of those of these ids that are here, in no order."""
    sql = "select row from item where id in (select value from json_each(?))"
    possible = [name for name in ids if ZERO not in name]
    return [row for (row,) in database.read(sql, json.dumps(possible))]


def delete(connection: Connection, keys: Sequence[int]) -> int:
    """Delete rows with all that belongs to them; return how many there were."""
    return connection.execute(f"delete from item where {GIVEN}", (json.dumps(keys),)).rowcount


def read(database: Database, keys: Sequence[int]) -> Iterator[tuple[int, str, Entry | None]]:
    """Yield key, id and entry of the rows that exist; no entry where its checksum is broken."""
    for row, mark, number, columns in stored(database, keys):
        intact = mark_of(columns) == mark and pixels(columns[4]) == number
        yield row, str(columns[0]), _entry(columns) if intact else None


def stored(database: Database, keys: Sequence[int]) -> Iterator[tuple[int, object, object, Any]]:
    """Yield key, checksum, `pixels` and `Columns` of the rows there are, as the file gives them."""
    wanted = json.dumps(keys)
    words: dict[int, list[tuple[object, object]]] = {}
    for row, key, value in database.read(METADATA, wanted):
        words.setdefault(row, []).append((key, value))
    for row, mark, number, *columns in database.read(ITEMS, wanted):
        yield row, mark, number, (*columns, tuple(words.get(row, ())))


def batches(database: Database) -> Iterator[list[int]]:
    """Yield all rows, by parts that fit in memory."""
    keys = iter([key for (key,) in database.read("select row from item order by row")])
    while batch := list(islice(keys, BATCH)):
        yield batch


def pixels(pixel_hash: str) -> int:
    """Return the number by which the pictures with these pixels are found, and maybe others."""
    return crc32(pixel_hash.encode())


def _columns(entry: Entry) -> Columns:
    """List what the tables keep of an entry, in the order of `ITEMS`.

    A text of another kind, such as numpy's, becomes the text that the tables give back.
    """
    return (
        str(entry.id),
        str(entry.label),
        None if entry.path is None else str(entry.path),
        None if entry.patient is None else str(entry.patient),
        str(entry.pixel_hash),
        seal(entry.code.tobytes()),
        seal(entry.embedding.astype(FLOAT16, copy=False).tobytes()),
        entry.thumbnail,
        tuple([(str(k), str(v)) for k, v in sorted(entry.metadata.items())])
        if entry.metadata
        else (),
    )


def mark_of(columns: Sequence[Any]) -> bytes:
    """Hash columns, whatever types a damaged file may give them."""
    key, label, path, patient, pixel_hash, code, v, png, words = columns
    try:
        if png is None:
            parts = key, label, path, patient, pixel_hash, words, len(code), len(v), code, v
            return hashed(PLAIN % parts)
        return checksum((key, label, path, patient, pixel_hash, words), (code, v, png))
    except TypeError:  # a blob is none
        return checksum(columns, ())


def _entry(columns: Columns) -> Entry:
    key, label, path, patient, pixel_hash, code, embedding, thumbnail, words = columns
    return Entry(
        id=key,
        code=np.frombuffer(code, BYTE, len(code) - SEAL_BYTES),
        embedding=np.frombuffer(embedding, FLOAT16, (len(embedding) - SEAL_BYTES) // 2),
        label=label,
        pixel_hash=pixel_hash,
        path=path,
        patient=patient,
        thumbnail=thumbnail,
        metadata=dict(words),
    )


def _insert(connection: Connection, fresh: Collection[tuple[Columns, bytes]]) -> None:
    """Insert columns and checksums a table at a time, in half the time of a row at a time."""
    ((last,),) = connection.execute(LAST)
    numbered = [(row, c, mark) for row, (c, mark) in enumerate(fresh, last + 1)]
    _fill(connection, ITEM, [(row, *c[:6], mark, pixels(c[4])) for row, c, mark in numbered])
    _fill(connection, "embedding", [(row, c[6]) for row, c, _ in numbered])
    _fill(connection, "thumbnail", [(row, c[7]) for row, c, _ in numbered if c[7] is not None])
    _fill(connection, "metadata", [(row, *word) for row, c, _ in numbered for word in c[8]])


def _fill(connection: Connection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert `ROWS` rows by a statement, in two thirds of the time, and the rest one by one."""
    whole = len(rows) // ROWS * ROWS
    several = (chain.from_iterable(rows[i : i + ROWS]) for i in range(0, whole, ROWS))
    connection.executemany(_statement(table, ROWS), map(tuple, several))
    connection.executemany(_statement(table, 1), rows[whole:])


@cache
def _statement(table: str, rows: int) -> str:
    row = f"({', '.join('?' * INTO[table])})"
    return f"insert or rollback into {table} values {', '.join([row] * rows)}"
