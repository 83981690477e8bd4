"""FAISS `IndexBinaryFlat`: exact and several times faster than numpy; the default engine.

Searching from several threads at once is safe: a search only reads the index.
"""

import faiss
import numpy as np
from jaxtyping import Bool, Int, UInt8

from acir.codes import BITS_PER_BYTE
from acir.index.engines.base import Engine, Found


class Faiss(Engine):
    """Scan all codes with FAISS.

    FAISS itself keeps the rows of equal distances in ascending order, also at the cut after k;
    the conformance suite holds it to that.
    """

    def __init__(self, codes: UInt8[np.ndarray, "n bytes"]) -> None:
        """Take the gallery over."""
        self._bits = codes.shape[1] * BITS_PER_BYTE
        self._index = faiss.IndexBinaryFlat(self._bits)
        self._index.add(codes)

    def knn(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> tuple[Int[np.ndarray, "q found"], Int[np.ndarray, "q found"]]:
        """Return distances and rows of the min(k, rows allowed) nearest codes of each query."""
        found = min(k, self._index.ntotal if allow is None else int(np.count_nonzero(allow)))
        if found == 0:  # FAISS refuses k = 0
            empty = (len(queries), 0)
            return np.empty(empty, dtype=np.int32), np.empty(empty, dtype=np.int64)
        distances, rows = self._index.search(queries, found, params=_only(allow))
        return distances, rows

    def within(
        self,
        query: UInt8[np.ndarray, " bytes"],
        radius: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> Found:
        """Return distances and rows of every code at most `radius` from one query."""
        # FAISS keeps d < radius, as floats and in no order that it promises.
        strict = min(radius, self._bits) + 1
        _, distances, rows = self._index.range_search(query[None], strict, params=_only(allow))
        order = np.lexsort((rows, distances))
        return distances[order].astype(np.int32), rows[order]


def _only(allow: Bool[np.ndarray, " n"] | None) -> faiss.SearchParameters | None:
    if allow is None:
        return None
    # FAISS's type stubs show the C++ signatures, not those of its numpy wrappers, which also keep
    # the bitmap alive.
    bitmap = np.packbits(allow, bitorder="little")
    selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
