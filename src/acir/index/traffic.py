"""The p-values of an index's last queries: a number and a day each, and nothing of the query."""

import re
from dataclasses import dataclass
from datetime import date

import numpy as np
from jaxtyping import Float64

from acir.index.database import Database

KEPT = 10_000
# Made by the first query: an index of an earlier version has no such table.
TABLE = """create table if not exists traffic (
    row integer primary key, p real not null, day text not null)"""
INSERT = "insert into traffic (p, day) values (?, ?)"
FORGET = "delete from traffic where row <= (select max(row) from traffic) - ?"
EXISTS = "select 1 from sqlite_master where type = 'table' and name = 'traffic'"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LAST = "select p, day from traffic order by row"


@dataclass(frozen=True)
class Traffic:
    """What an index remembers of its queries, the oldest first.

    Attributes:
        p_values: One a query that the gate judged.
        days: When, as `2026-01-31` in UTC.
    """

    p_values: Float64[np.ndarray, " n"]
    days: tuple[str, ...]


def keep(database: Database, p_value: float, day: date) -> None:
    """Add a query and forget all but the last `KEPT`."""
    with database.transaction() as connection:
        connection.execute(TABLE)
        connection.execute(INSERT, (p_value, day.isoformat()))
        connection.execute(FORGET, (KEPT,))


def kept(database: Database) -> Traffic | None:
    """Return the queries that are remembered, or None where what is remembered was altered."""
    rows = database.read(LAST) if database.read(EXISTS) else []
    if not all(_is_sound(p, day) for p, day in rows):
        return None
    return Traffic(np.array([p for p, _ in rows], np.float64), tuple(day for _, day in rows))


def _is_sound(p_value: object, day: object) -> bool:
    in_range = isinstance(p_value, float) and 0 < p_value <= 1
    return in_range and isinstance(day, str) and DAY.fullmatch(day) is not None
