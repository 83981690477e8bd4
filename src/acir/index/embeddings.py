"""The embeddings of candidates, kept in memory once they were read."""

from threading import Lock

import numpy as np
from jaxtyping import Float16, Int

from acir.index.view import View

MEMORY_BYTES = 256 * 2**20


class Embeddings:
    """Give the embeddings of positions, as a view does, from memory where they were read before.

    A row of the tables is never given to another picture, so what was read stays true. When the
    memory is full all is forgotten, which costs one reading. Threads may share it.

    Args:
        dim: Their length.
        memory: Bytes to use.
    """

    def __init__(self, dim: int, memory: int = MEMORY_BYTES) -> None:
        self._room = max(1, memory // (2 * dim))
        self._places: dict[int, int] = {}
        self._kept = np.empty((0, dim), dtype=np.float16)
        self._keeping = Lock()

    def of(self, view: View, positions: Int[np.ndarray, " m"]) -> Float16[np.ndarray, "m dim"]:
        """Return embeddings in the order of the positions, of which none comes twice.

        Raises:
            StoreError: One was altered.
        """
        if len(positions) > self._room:
            return view.embeddings(positions)
        with self._keeping:
            return self._from_memory(view, positions)

    def _from_memory(
        self, view: View, positions: Int[np.ndarray, " m"]
    ) -> Float16[np.ndarray, "m dim"]:
        keys = view.gallery.keys[positions].tolist()
        new = {key: i for i, key in enumerate(keys) if key not in self._places}
        if len(self._places) + len(new) > self._room:
            self._places.clear()
            new = {key: i for i, key in enumerate(keys)}
        if new:
            self._keep(list(new), view.embeddings(positions[list(new.values())]))
        return self._kept[[self._places[key] for key in keys]]

    def _keep(self, keys: list[int], embeddings: Float16[np.ndarray, "m dim"]) -> None:
        start, end = len(self._places), len(self._places) + len(keys)
        if end > len(self._kept):
            grown = np.empty((min(self._room, 2 * end), self._kept.shape[1]), dtype=np.float16)
            grown[:start] = self._kept[:start]
            self._kept = grown
        self._kept[start:end] = embeddings
        self._places.update(zip(keys, range(start, end), strict=True))
