"""What changed in an index from one generation to the next: how a reader keeps up.

A generation is one transaction that changed pictures. Each leaves a row: its number, a random
stamp, and the rows that it deleted. New pictures need no record, as their rows are higher than any
before.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from acir.index.database import Database
from acir.index.entry import seal, unsealed

KEPT = 10_000
INSERT = "insert into change (generation, stamp, gone) values (?, randomblob(16), ?)"
NEXT = "insert into change (stamp, gone) values (randomblob(16), ?)"
FORGET = "delete from change where generation <= (select max(generation) from change) - ?"
LATEST = "select generation, stamp from change order by generation desc limit 1"
SINCE = "select generation, stamp, gone from change where generation >= ? order by generation"
ALL = "select generation, gone from change order by generation"


@dataclass(frozen=True)
class Moment:
    """A state that an index was in.

    Attributes:
        generation: Counts the changes.
        stamp: Random, so that the states of two copies of an index are never taken for one.
    """

    generation: int
    stamp: bytes


def first(generation: int) -> tuple[str, tuple[object, ...]]:
    """Return the statement, and its values, that begins the record."""
    return INSERT, (generation, _sealed(()))


def record(connection: Connection, gone: Sequence[int]) -> None:
    """Note a change that deleted the rows `gone`, and forget all but the last `KEPT` changes."""
    connection.execute(NEXT, (_sealed(gone),))
    connection.execute(FORGET, (KEPT,))


def latest(database: Database) -> Moment | None:
    """Return the state that the index is in, or None where the record was altered."""
    found = database.read(LATEST)
    return Moment(*found[0]) if found else None


def gone_since(database: Database, moment: Moment) -> list[int] | None:
    """Return the rows deleted since a moment; None where the record does not reach back to it."""
    before, *after = database.read(SINCE, moment.generation) or [(None, None, None)]
    if before[:2] != (moment.generation, moment.stamp):
        return None
    parts = [_unsealed(gone) for _, _, gone in after]
    if any(part is None for part in parts):
        return None
    return [row for part in parts for row in part or ()]


def altered(database: Database) -> list[int]:
    """Return the generations whose record is not what was stored."""
    return [generation for generation, gone in database.read(ALL) if _unsealed(gone) is None]


def _sealed(gone: Sequence[int]) -> bytes:
    return seal(json.dumps(list(gone)).encode())


def _unsealed(blob: object) -> list[int] | None:
    content = unsealed(blob)
    return None if content is None else json.loads(content)
