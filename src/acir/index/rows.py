"""Entries to the rows of the tables and back, each with its checksum."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from sqlite3 import Connection

import numpy as np

from acir.index.database import Database
from acir.index.entry import SEAL_BYTES, Entry, checksum, seal

GIVEN = "row in (select value from json_each(?))"
ITEMS = f"""select row, checksum, id, label, path, patient, pixel_hash, code, v, png
    from item left join embedding using (row) left join thumbnail using (row) where {GIVEN}"""
METADATA = f"select row, key, value from metadata where {GIVEN} order by row, key"
INSERT = """insert into item (id, label, path, patient, pixel_hash, code, checksum)
    values (?, ?, ?, ?, ?, ?, ?)"""
# id, label, path, patient, pixel hash, sealed code, sealed embedding, thumbnail, metadata
Columns = tuple[str, str, str | None, str | None, str, bytes, bytes, bytes | None, list[list[str]]]


def write(connection: Connection, entries: Iterable[Entry]) -> Counter[str]:
    """Insert or replace entries by id; one that is there already is left alone.

    Returns:
        How many were `new`, `replaced` and `unchanged`.
    """
    outcome = Counter[str]()
    for entry in entries:
        columns = _columns(entry)
        mark = checksum(columns)
        there = connection.execute("select checksum from item where id = ?", (entry.id,)).fetchone()
        if there == (mark,):
            outcome["unchanged"] += 1
            continue
        if there:
            connection.execute("delete from item where id = ?", (entry.id,))
        _insert(connection, columns, mark)
        outcome["replaced" if there else "new"] += 1
    return outcome


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
        *(seal(entry.code.tobytes()), seal(entry.embedding.astype("<f2").tobytes())),
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


def _insert(connection: Connection, columns: Columns, mark: bytes) -> None:
    *item, embedding, thumbnail, words = columns
    row = connection.execute(INSERT, (*item, mark)).lastrowid
    connection.execute("insert into embedding values (?, ?)", (row, embedding))
    connection.execute("insert into thumbnail values (?, ?)", (row, thumbnail))
    connection.executemany(
        "insert into metadata values (?, ?, ?)", [(row, *word) for word in words]
    )
