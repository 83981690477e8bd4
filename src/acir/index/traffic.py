"""The p-values of an index's last queries: a number and a day each, and nothing of the query."""

import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock

import numpy as np
from jaxtyping import Float64

from acir.errors import BusyError, StorageError
from acir.index.database import Database

KEPT = 10_000
INSERT = "insert into traffic (p, day) values (?, ?)"
FORGET = "delete from traffic where row <= (select max(row) from traffic) - ?"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LAST = "select p, day from traffic order by row"
AT_LAST = 1.0  # seconds that closing waits for another writer
# Statistics, not truth: a loss of power may cost the last of them, but no answer waits for a disk.
UNHURRIED = ("synchronous = normal",)


@dataclass(frozen=True)
class Traffic:
    """What an index remembers of its queries, the oldest first.

    Attributes:
        p_values: One a query that the gate judged.
        days: When, as `2026-01-31` in UTC.
    """

    p_values: Float64[np.ndarray, " n"]
    days: tuple[str, ...]


class Recorder:
    """Adds queries to what an index remembers, without making them wait.

    While another process writes, they stay in memory until the next query or the closing; a crash
    loses those.

    Args:
        folder: The folder of the index.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: deque[tuple[float, str]] = deque(maxlen=KEPT)
        self._database: Database | None = None
        self._writing = Lock()

    def keep(self, p_value: float, day: date) -> None:
        """Add a query.

        Raises:
            StorageError: The index cannot be written.
        """
        self._pending.append((p_value, day.isoformat()))
        self.flush(0.0)

    def flush(self, patience: float) -> None:
        """Write what is still in memory, unless another process writes for longer than `patience`.

        Raises:
            StorageError: The index cannot be written.
        """
        with self._writing:
            try:
                self._write(patience)
            except BusyError:
                return
            except StorageError:
                self._pending.clear()
                raise

    def close(self) -> None:
        """Write what is still in memory and close; closing twice is harmless."""
        with suppress(StorageError):
            self.flush(AT_LAST)
        if self._database is not None:
            self._database.close()
            self._database = None

    def _write(self, patience: float) -> None:
        """Write all that is pending and forget all but the last `KEPT`."""
        if not self._pending:
            return
        if self._database is None:
            self._database = Database(self._folder, UNHURRIED)
        with self._database.transaction(patience) as connection:
            written = list(self._pending)
            connection.executemany(INSERT, written)
            connection.execute(FORGET, (KEPT,))
        for _ in written:
            self._pending.popleft()


def kept(database: Database) -> Traffic | None:
    """Return the queries that are remembered, or None where what is remembered was altered."""
    rows = database.read(LAST)
    if not all(_is_sound(p, day) for p, day in rows):
        return None
    return Traffic(np.array([p for p, _ in rows], np.float64), tuple(day for _, day in rows))


def _is_sound(p_value: object, day: object) -> bool:
    in_range = isinstance(p_value, float) and 0 < p_value <= 1
    return in_range and isinstance(day, str) and DAY.fullmatch(day) is not None
