"""The tables of an index, and the way to them from those of an earlier version."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from sqlite3 import Connection
from zlib import crc32

from acir.errors import AcirError, StorageError, StoreError
from acir.index import changes, rows
from acir.index.database import Database
from acir.index.entry import CHECKSUM_BYTES

SCHEMA = "3"
CHANGE = "create table change (generation integer primary key, stamp blob not null, gone blob)"
TRAFFIC = """create table if not exists traffic (
    row integer primary key, p real not null, day text not null)"""
# Hashes come in no order, and a commit would touch most pages of an index on them. So pictures that
# came together have a part of it, which is all that the next ones touch. It is on a column, as one
# on a function of the hash would have SQLite keep a journal for each statement.
PART = "row >> 17"
PIXELS = f"create index item_pixels on item ({PART}, pixels)"
PATIENT = "create index item_patient on item (patient) where patient is not null"
TABLES = (
    "create table meta (key text primary key, value text not null) without rowid",
    # autoincrement: the row of a deleted picture is never given to another.
    """create table item (
        row integer primary key autoincrement, id text not null unique, code blob not null,
        label text not null, path text, patient text, pixel_hash text not null,
        checksum blob not null, pixels integer)""",
    """create table embedding (
        row integer primary key references item on delete cascade, v blob not null)""",
    """create table thumbnail (
        row integer primary key references item on delete cascade, png blob)""",
    """create table metadata (
        row integer not null references item on delete cascade, key text not null,
        value text not null, primary key (row, key)) without rowid""",
    "create index item_label on item (label)",
    PATIENT,
    PIXELS,
    "create index metadata_value on metadata (key, value)",
    CHANGE,
    TRAFFIC,
)


def create(database: Database, meta: Mapping[str, str]) -> None:
    """Make the tables of an empty index that says `meta` of itself."""
    with database.transaction() as connection:
        for table in TABLES:
            connection.execute(table)
        connection.execute(*changes.first(generation=0))
        connection.executemany(
            "insert into meta values (?, ?)", ({"schema": SCHEMA} | dict(meta)).items()
        )


def current(database: Database) -> dict[str, str]:
    """Return what an index says of itself; one of an earlier version is brought up first.

    Raises:
        StoreError: It is of no version that can be read, or of an earlier one in a folder that
            cannot be written.
    """
    meta = _meta(database)
    if meta.get("schema") in EARLIER:
        try:
            _bring_up(database)
        except StorageError as error:
            raise _unmoved(database, meta["schema"], error) from error
        meta = _meta(database)
    if meta.get("schema") != SCHEMA:
        raise StoreError(
            f"the index at {database.folder} is of version {meta.get('schema')}, expected "
            f"{SCHEMA}; open it with the acir that wrote it, or build it again with this one"
        )
    return meta


def _meta(database: Database) -> dict[str, str]:
    return dict(database.read("select key, value from meta"))


def _bring_up(database: Database) -> None:
    """Make of an earlier version this one, in one transaction."""
    with database.transaction() as connection:
        meta = _meta(database)
        if meta["schema"] in EARLIER:  # else another process was faster
            EARLIER[meta["schema"]](database, connection, meta)
            connection.execute("update meta set value = ? where key = 'schema'", (SCHEMA,))


def _from_1(database: Database, connection: Connection, meta: Mapping[str, str]) -> None:
    """Version 1 had more indexes, other checksums, and its generation among what it says of itself.

    What was altered before is not made right: its checksum stays one of version 1.
    """
    _from_2(database, connection, meta)
    for index in ("item_gallery", "item_patient"):
        connection.execute(f"drop index {index}")
    for statement in (PATIENT, CHANGE, TRAFFIC):
        connection.execute(statement)
    for batch in rows.batches(database):
        found = [*rows.stored(database, batch)]
        intact = [(row, columns) for row, mark, _, columns in found if _mark_1(columns) == mark]
        marks = [(rows.mark_of(columns), row) for row, columns in intact]
        connection.executemany("update item set checksum = ? where row = ?", marks)
    connection.execute(*changes.first(int(meta["generation"])))
    connection.execute("delete from meta where key = 'generation'")


def _from_2(_: Database, connection: Connection, __: Mapping[str, str]) -> None:
    """Version 2 had an index on the first letters of the hashes, of all pictures together."""
    connection.create_function("crc32", 1, crc32, deterministic=True)
    connection.execute("drop index item_pixels")
    connection.execute("alter table item add column pixels integer")
    # As a blob: what was altered may be no text.
    connection.execute("update item set pixels = crc32(cast(pixel_hash as blob))")
    connection.execute(PIXELS)


EARLIER: Mapping[str, Callable[[Database, Connection, Mapping[str, str]], None]] = {
    "1": _from_1,
    "2": _from_2,
}


def _mark_1(columns: Sequence[object]) -> bytes:
    """Hash the columns of a row as version 1 did."""
    plain = json.dumps(columns, default=lambda blob: _hash_1(blob).hex())
    return _hash_1(plain.encode())


def _hash_1(content: bytes) -> bytes:
    return blake2b(content, digest_size=CHECKSUM_BYTES).digest()


def _unmoved(database: Database, version: str, error: StorageError) -> AcirError:
    return StoreError(
        f"the index at {database.folder} is of version {version} and could not be brought to "
        f"version {SCHEMA} ({error}); open it once where its folder can be written"
    )
