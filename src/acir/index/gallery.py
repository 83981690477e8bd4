"""The codes of an index in the order that engines and rankings rest on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int, UInt8

from acir.index.database import Database
from acir.index.entry import unseal

IN_ORDER = "select row, code from item indexed by item_gallery order by id"


@dataclass(frozen=True, eq=False)
class Gallery:
    """The codes of an index, ordered by id.

    Attributes:
        keys: Row of each code in the tables of the store; never given to another picture.
        codes: Packed codes.
    """

    keys: Int[np.ndarray, " n"]
    codes: UInt8[np.ndarray, "n bytes"]

    @cached_property
    def _by_key(self) -> Int[np.ndarray, " n"]:
        return np.argsort(self.keys)

    def positions(self, keys: Sequence[int]) -> Int[np.ndarray, " m"]:
        """Return the positions of those keys that are here, ascending."""
        wanted = np.asarray(keys, dtype=np.int64)
        nearest = np.searchsorted(self.keys, wanted, sorter=self._by_key)
        inside = nearest < len(self.keys)
        positions = self._by_key[nearest[inside]]
        return np.sort(positions[self.keys[positions] == wanted[inside]])


def load(database: Database, size: int) -> Gallery | None:
    """Read all codes of `size` bytes, or return None when one of them was altered."""
    keys = [np.empty(0, dtype=np.int64)]
    codes = [np.empty((0, size), dtype=np.uint8)]
    for found in database.batches(IN_ORDER):
        part = unseal([code for _, code in found], size)
        if part is None:
            return None
        keys.append(np.array([key for key, _ in found], dtype=np.int64))
        codes.append(part)
    return Gallery(np.concatenate(keys), np.concatenate(codes))
