"""The codes of a store as a server keeps a copy of them: under the numbers of the store's rows.

A number is never given to another picture, and its code never changes. So a state of the store is
known by its last number and a hash of what was stored up to it, a later state that only added
begins with it, and any two states differ by numbers to delete and numbers to insert.
"""

from collections.abc import Callable
from functools import cached_property
from hashlib import blake2b

import numpy as np
from jaxtyping import Bool, Int, UInt8

from acir.errors import OutdatedError

Listing = tuple[Int[np.ndarray, " n"], UInt8[np.ndarray, "n bytes"]]
DIGEST_BYTES = 16


class Mirror:
    """What a server is to hold, and how its answers become positions.

    Args:
        codes: The gallery, one row a code.
        keys: Number of each row in the store.
    """

    def __init__(self, codes: UInt8[np.ndarray, "n bytes"], keys: Int[np.ndarray, " n"]) -> None:
        self.shape = codes.shape
        self._rows = np.argsort(keys)  # rows in the order of their keys
        self._keys, self._codes = keys[self._rows], codes[self._rows]

    @cached_property
    def state(self) -> str:
        """Name of what this gallery holds: its last key and a hash."""
        return self._state(len(self._keys))

    def continues(self, state: str) -> bool:
        """Say whether this gallery is that of `state` and possibly some more, later rows."""
        return state == self._state(self._until(state))

    def changes(
        self, state: str | None, listed: Callable[[], Listing]
    ) -> tuple[list[int], Listing]:
        """Return the keys to delete from the server and what to insert then.

        Args:
            state: What the server says that it holds; None when it was interrupted or is new.
            listed: Returns all that the server holds.
        """
        if state is not None and self.continues(state):
            start = self._until(state)
            return [], (self._keys[start:], self._codes[start:])
        keys, codes = listed()
        expected, known = self._found(keys)
        right = known.copy()
        right[known] = (self._codes[expected[known]] == codes[known]).all(axis=1)
        missing = np.ones(len(self._keys), dtype=bool)
        missing[expected[right]] = False
        return keys[~right].tolist(), (self._keys[missing], self._codes[missing])

    def first(self) -> Listing:
        """Return the key and the code that came first; nothing of an empty gallery."""
        return self._keys[:1], self._codes[:1]

    def positions(self, keys: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
        """Return the positions of keys in the gallery.

        Raises:
            OutdatedError: The server has a key that the gallery has not.
        """
        found, known = self._found(keys)
        if not known.all():
            raise self.changed()
        rows: Int[np.ndarray, " m"] = self._rows[found]
        return rows

    def keys(self, allow: Bool[np.ndarray, " n"]) -> list[int]:
        """Return the keys of the rows that are marked, ascending."""
        found: list[int] = self._keys[allow[self._rows]].tolist()
        return found

    def changed(self) -> OutdatedError:
        """Return the error that the server holds another state by now."""
        return OutdatedError(
            "the codes on the server are no longer those of this index as it was opened; open it "
            "again"
        )

    def _state(self, count: int) -> str:
        digest = blake2b(self._keys[:count].tobytes(), digest_size=DIGEST_BYTES)
        digest.update(self._codes[:count].tobytes())
        last = self._keys[count - 1] if count else 0
        return f"{last}_{digest.hexdigest()}"

    def _until(self, state: str) -> int:
        return int(np.searchsorted(self._keys, int(state.partition("_")[0]), side="right"))

    def _found(
        self, keys: Int[np.ndarray, " m"]
    ) -> tuple[Int[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
        """Return where keys are among ours, and whether they are there at all."""
        if len(self._keys) == 0:
            return np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=bool)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return places, self._keys[places] == keys
