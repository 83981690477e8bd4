"""The tables of an index, and the way to them from those of an earlier version."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from acir.errors import AcirError, StorageError, StoreError
from acir.index import changes, rows
from acir.index.database import Database
from acir.index.entry import CHECKSUM_BYTES

SCHEMA = "2"
CHANGE = "create table change (generation integer primary key, stamp blob not null, gone blob)"
TRAFFIC = """create table if not exists traffic (
    row integer primary key, p real not null, day text not null)"""
# Hashes come in no order, so that a commit touches most pages of their index: it should have few.
PIXELS = "create index item_pixels on item (substr(pixel_hash, 1, 8))"
PATIENT = "create index item_patient on item (patient) where patient is not null"
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
    """Return what an index says of itself; one of the version before is brought up first.

    Raises:
        StoreError: It is of no version that can be read, or of the version before in a folder that
            cannot be written.
    """
    meta = _meta(database)
    if meta.get("schema") == "1":
        try:
            _from_1(database)
        except StorageError as error:
            raise _unmoved(database, error) from error
        meta = _meta(database)
    if meta.get("schema") != SCHEMA:
        raise StoreError(
            f"the index at {database.folder} is of version {meta.get('schema')}, expected "
            f"{SCHEMA}; open it with the acir that wrote it, or build it again with this one"
        )
    return meta


def _meta(database: Database) -> dict[str, str]:
    return dict(database.read("select key, value from meta"))


def _from_1(database: Database) -> None:
    """Bring version 1 to version 2, which has fewer indexes and other checksums.

    What was altered before is not made right: its checksum stays one of version 1.
    """
    with database.transaction() as connection:
        meta = _meta(database)
        if meta["schema"] != "1":  # another process was faster
            return
        for index in ("item_gallery", "item_patient", "item_pixels"):
            connection.execute(f"drop index {index}")
        for statement in (PATIENT, PIXELS, CHANGE, TRAFFIC):
            connection.execute(statement)
        for batch in rows.batches(database):
            found = [*rows.stored(database, batch)]
            intact = [(row, columns) for row, mark, columns in found if _mark_1(columns) == mark]
            marks = [(rows.mark_of(columns), row) for row, columns in intact]
            connection.executemany("update item set checksum = ? where row = ?", marks)
        connection.execute(*changes.first(int(meta["generation"])))
        connection.execute("delete from meta where key = 'generation'")
        connection.execute("update meta set value = '2' where key = 'schema'")


def _mark_1(columns: Sequence[object]) -> bytes:
    """Hash the columns of a row as version 1 did."""
    plain = json.dumps(columns, default=lambda blob: _hash_1(blob).hex())
    return _hash_1(plain.encode())


def _hash_1(content: bytes) -> bytes:
    return blake2b(content, digest_size=CHECKSUM_BYTES).digest()


def _unmoved(database: Database, error: StorageError) -> AcirError:
    return StoreError(
        f"the index at {database.folder} is of version 1 and could not be brought to version "
        f"{SCHEMA} ({error}); open it once where its folder can be written"
    )
