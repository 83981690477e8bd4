"""The codes of an index in the order that engines and rankings rest on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Int, Shaped, UInt8

from acir.index.database import Database
from acir.index.entry import unseal, unseal_joined

# One value of many rows is read in half the time of the rows. SQLite takes a code for text where it
# joins them, and looks at none of its bytes; the seals would tell.
IN_ORDER = "select group_concat(row, ' ') from (select row from item order by id)"
PART = 1 << 17  # rows of one value
CODES = """select group_concat(row, ' '), cast(group_concat(code, '') as blob) from item
    where row > ? and row <= ?"""
EVER = 1 << 62  # beyond any row
NEW = "select row, id, code from item where row > ? order by id"
BEFORE = "select row from item where id < ? order by id desc limit 1"
# Finding the place of a new picture costs as much as reading so many in order.
PLACING = 16


@dataclass(frozen=True, eq=False)
class Gallery:
    """The codes of an index, ordered by id.

    Attributes:
        keys: Row of each code in the tables of the store; never given to another picture.
        codes: Packed codes.
    """

    keys: Int[np.ndarray, " n"]
    codes: UInt8[np.ndarray, "n bytes"]

    def positions(self, keys: Sequence[int] | Int[np.ndarray, " wanted"]) -> Int[np.ndarray, " m"]:
        """Return the positions of those keys that are here, ascending."""
        wanted = np.asarray(keys, dtype=np.int64)
        nearest = np.searchsorted(self.keys, wanted, sorter=self._by_key)
        inside = nearest < len(self.keys)
        positions = self._by_key[nearest[inside]]
        return np.sort(positions[self.keys[positions] == wanted[inside]])

    def places_after(self, keys: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
        """Return the positions right behind keys that are here, in their order; 0 for the key 0."""
        nearest = np.searchsorted(self.keys, keys[keys > 0], sorter=self._by_key)
        places = np.zeros(len(keys), dtype=np.int64)
        places[keys > 0] = self._by_key[nearest] + 1
        return places

    @cached_property
    def _by_key(self) -> Int[np.ndarray, " n"]:
        return np.argsort(self.keys)


def load(database: Database, size: int) -> Gallery | None:
    """Read all codes of `size` bytes, or return None when one of them, or their order, was altered.

    The codes are read as they lie in the file, and put in the order of the ids.
    """
    ((numbers,),) = database.read(IN_ORDER)
    keys = _numbers(numbers)
    by_key = np.argsort(keys)
    codes = np.empty((len(keys), size), dtype=np.uint8)
    done, ends = 0, [*keys[by_key[PART - 1 : -1 : PART]].tolist(), EVER]
    for before, end in pairwise([-EVER, *ends]):
        ((numbers, joined),) = database.read(CODES, before, end)
        rows, part = _numbers(numbers), unseal_joined(joined or b"", size)
        places = by_key[done : done + len(rows)]
        if part is None or len(part) != len(rows) or not np.array_equal(keys[places], rows):
            return None
        _as_values(codes)[places] = _as_values(part)
        done += len(rows)
    return Gallery(keys, codes) if done == len(keys) else None


def _numbers(text: str | None) -> Int[np.ndarray, " n"]:
    return np.fromstring(text or "", dtype=np.int64, sep=" ")


def caught_up(database: Database, old: Gallery, gone: Sequence[int]) -> Gallery | None:
    """Return the gallery of today from an earlier one, or None where reading all is the better way.

    Args:
        database: Today's state.
        old: What was there before.
        gone: Rows that were deleted since, whether `old` knew them or not.
    """
    found = database.read(NEW, int(old.keys.max(initial=0)))
    codes = unseal([code for *_, code in found], old.codes.shape[1])
    if codes is None or PLACING * (len(found) + len(gone)) > len(old.keys):
        return None
    keys = np.array([key for key, *_ in found], dtype=np.int64)
    before = _predecessors(database, found)
    known = np.unique(before[before > 0])
    if len(old.positions(known)) < len(known):  # damage, of which reading all will speak
        return None
    places = old.places_after(before)
    removed = old.positions(gone)
    places -= np.searchsorted(removed, places)
    whole = np.insert(np.delete(_as_values(old.codes), removed), places, _as_values(codes))
    return Gallery(
        np.insert(np.delete(old.keys, removed), places, keys),
        whole.view(np.uint8).reshape(-1, old.codes.shape[1]),
    )


def _as_values(codes: UInt8[np.ndarray, "n bytes"]) -> Shaped[np.ndarray, " n"]:
    """View each code as one value, which numpy moves ten times faster than a row of bytes."""
    return codes.view(f"V{codes.shape[1]}")[:, 0]


def _predecessors(
    database: Database, found: Sequence[tuple[int, str, bytes]]
) -> Int[np.ndarray, " m"]:
    """Return for each new picture the key of the last older one before it by id, or 0."""
    last = previous = 0
    keys = []
    for key, name, _ in found:
        ((before,),) = database.read(BEFORE, name) or [(0,)]
        if before != previous:  # else it follows the new one before it, as that follows `last`
            last = before
        keys.append(last)
        previous = key
    return np.array(keys, dtype=np.int64)
