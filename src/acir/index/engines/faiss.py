"""FAISS `IndexBinaryFlat`: exact and several times faster than numpy; the default engine.

Searching from several threads at once is safe: a search only reads the index.
"""

from itertools import pairwise

import faiss
import numpy as np
from jaxtyping import Bool, Int, UInt8

from acir.codes import BITS_PER_BYTE, hamming
from acir.index.engines.base import Engine, Found, check, in_order, refuse_overflow, stacked

# Below this share of allowed rows, gathering them and scanning those alone takes less time than
# passing a bitmap along with a scan of all.
FEW = 0.01


class Faiss(Engine):
    """Scan all codes with FAISS.

    FAISS itself keeps the rows of equal distances in ascending order, also at the cut after k;
    the conformance suite holds it to that.
    """

    def __init__(self, codes: UInt8[np.ndarray, "n bytes"]) -> None:
        """Take the gallery over."""
        self._shape = codes.shape
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
        check(queries, self._shape, allow, k)
        few = self._few(allow)
        if few is not None:
            answers = [in_order(d, few, k) for d in self._distances(queries, few)]
            return stacked(answers, min(k, len(few)))
        found = min(k, self._shape[0] if allow is None else int(np.count_nonzero(allow)))
        if found == 0:  # FAISS refuses k = 0
            return stacked([(np.empty(0, np.int32), np.empty(0, np.int64))] * len(queries), 0)
        distances, rows = self._index.search(queries, found, params=_only(allow))
        return distances, rows

    def within(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        radius: int,
        allow: Bool[np.ndarray, " n"] | None = None,
        cap: int | None = None,
    ) -> list[Found]:
        """Return distances and rows of every code at most `radius` from each query."""
        check(queries, self._shape, allow)
        few = self._few(allow)
        if few is None:
            found = self._scanned(queries, radius, allow)
        else:
            near = [(d, d <= radius) for d in self._distances(queries, few)]
            found = [(d[inside], few[inside]) for d, inside in near]
        refuse_overflow([len(rows) for _, rows in found], radius, cap)
        return [in_order(distances, rows) for distances, rows in found]

    def _scanned(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        radius: int,
        allow: Bool[np.ndarray, " n"] | None,
    ) -> list[Found]:
        # FAISS keeps d < radius, as floats and in no order that it promises.
        strict = min(radius, self._bits) + 1
        ends, distances, rows = self._index.range_search(queries, strict, params=_only(allow))
        parts = [slice(a, b) for a, b in pairwise(ends.tolist())]
        return [(distances[part].astype(np.int32), rows[part]) for part in parts]

    def _few(self, allow: Bool[np.ndarray, " n"] | None) -> Int[np.ndarray, " m"] | None:
        """Return the rows allowed where they are few."""
        if allow is None or len(allow) == 0 or np.count_nonzero(allow) > FEW * len(allow):
            return None
        return np.flatnonzero(allow)

    def _distances(
        self, queries: UInt8[np.ndarray, "q bytes"], rows: Int[np.ndarray, " m"]
    ) -> Int[np.ndarray, "q m"]:
        # A view of FAISS's own copy, whose field is missing in FAISS's type stubs.
        xb = self._index.xb.data()  # type: ignore[attr-defined]
        stored = faiss.rev_swig_ptr(xb, self._shape[0] * self._shape[1])
        return hamming(queries, stored.reshape(self._shape)[rows])


def _only(allow: Bool[np.ndarray, " n"] | None) -> faiss.SearchParameters | None:
    if allow is None:
        return None
    # FAISS's type stubs show the C++ signatures, not those of its numpy wrappers, which also keep
    # the bitmap alive.
    bitmap = np.packbits(allow, bitorder="little")
    selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
