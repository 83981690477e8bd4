"""The numpy engine: exhaustive, plain, and the reference for every other engine."""

import numpy as np
from einops import rearrange
from jaxtyping import Bool, Int, UInt, UInt8

from acir.index.engines.base import Engine, Found

WORD_BYTES = (8, 4, 2, 1)
# A block's sums stay in the cache while one column of words after another is added to them.
BLOCK = 32_768


class Flat(Engine):
    """Compare the query with every code, a column of machine words at a time."""

    def __init__(self, codes: UInt8[np.ndarray, "n bytes"]) -> None:
        """Take the gallery over."""
        self._columns = rearrange(_words(codes), "n words -> words n").copy()

    def knn(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> tuple[Int[np.ndarray, "q found"], Int[np.ndarray, "q found"]]:
        """Return distances and rows of the min(k, rows allowed) nearest codes of each query."""
        rows = self._rows(allow)
        shape = (len(queries), min(k, len(rows)))
        distances, nearest = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.int64)
        for i, query in enumerate(queries):
            candidates = self._distances(query)[rows]
            order = np.argsort(candidates, kind="stable")[: shape[1]]
            distances[i], nearest[i] = candidates[order], rows[order]
        return distances, nearest

    def within(
        self,
        query: UInt8[np.ndarray, " bytes"],
        radius: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> Found:
        """Return distances and rows of every code at most `radius` from one query."""
        distances = self._distances(query)
        rows = self._rows(allow)
        rows = rows[distances[rows] <= radius]
        rows = rows[np.argsort(distances[rows], kind="stable")]
        return distances[rows].astype(np.int32), rows

    def _rows(self, allow: Bool[np.ndarray, " n"] | None) -> Int[np.ndarray, " allowed"]:
        return np.arange(self._columns.shape[1]) if allow is None else np.flatnonzero(allow)

    def _distances(self, query: UInt8[np.ndarray, " bytes"]) -> UInt[np.ndarray, " n"]:
        # uint16 holds any distance up to 65,535 bits and lets argsort use a radix sort.
        distances = np.zeros(self._columns.shape[1], dtype=np.uint16)
        words = _words(query[None])[0]
        for start in range(0, len(distances), BLOCK):
            block = slice(start, start + BLOCK)
            for column, word in zip(self._columns, words, strict=True):
                distances[block] += np.bitwise_count(column[block] ^ word)
        return distances


def _words(codes: UInt8[np.ndarray, "n bytes"]) -> UInt[np.ndarray, "n words"]:
    size = next(size for size in WORD_BYTES if codes.shape[1] % size == 0)
    return np.ascontiguousarray(codes).view(f"u{size}")
