"""The numpy engine: exhaustive, plain, and the reference for every other engine."""

import numpy as np
from einops import rearrange
from jaxtyping import Int, UInt, UInt8

from acir.index.engines.base import Allow, Engine, Found, Nearest, Queries, stacked

WORD_BYTES = (8, 4, 2, 1)
# A block's sums stay in the cache while one column of words after another is added to them.
BLOCK = 32_768


class Flat(Engine):
    """Compare the query with every code, a column of machine words at a time."""

    def __init__(self, codes: UInt8[np.ndarray, "n bytes"]) -> None:
        """Take the gallery over."""
        super().__init__(codes)
        self._columns = rearrange(_words(codes), "n words -> words n").copy()

    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        columns, rows = self._allowed(allow)
        found = min(k, len(rows))
        return stacked([_nearest(_distances(q, columns), rows, found) for q in queries], found)

    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        columns, rows = self._allowed(allow)
        answers = []
        for query in queries:
            distances = _distances(query, columns)
            near = np.flatnonzero(distances <= radius)
            answers.append(_nearest(distances[near], rows[near], len(near)))
        return answers

    def _allowed(self, allow: Allow) -> tuple[UInt[np.ndarray, "words m"], Int[np.ndarray, " m"]]:
        """Gather what may be returned, so that a narrow filter is a short scan."""
        if allow is None:
            return self._columns, np.arange(self._shape[0])
        rows = np.flatnonzero(allow)
        return self._columns[:, rows], rows


def _nearest(distances: UInt[np.ndarray, " m"], rows: Int[np.ndarray, " m"], found: int) -> Found:
    """Return the first `found` in the order (distance, row); the rows ascend already."""
    if 0 < found < len(distances):
        # Only what is at most as far as the last one wanted needs sorting.
        last = np.searchsorted(np.cumsum(np.bincount(distances)), found)
        near = np.flatnonzero(distances <= last)
        distances, rows = distances[near], rows[near]
    order = np.argsort(distances, kind="stable")[:found]
    return distances[order].astype(np.int32), rows[order]


def _distances(
    query: UInt8[np.ndarray, " bytes"], columns: UInt[np.ndarray, "words m"]
) -> UInt[np.ndarray, " m"]:
    # uint16 holds any distance up to 65,535 bits and lets argsort use a radix sort.
    distances = np.zeros(columns.shape[1], dtype=np.uint16)
    words = _words(query[None])[0]
    for start in range(0, len(distances), BLOCK):
        block = slice(start, start + BLOCK)
        for column, word in zip(columns, words, strict=True):
            distances[block] += np.bitwise_count(column[block] ^ word)
    return distances


def _words(codes: UInt8[np.ndarray, "n bytes"]) -> UInt[np.ndarray, "n words"]:
    size = next(size for size in WORD_BYTES if codes.shape[1] % size == 0)
    return np.ascontiguousarray(codes).view(f"u{size}")
