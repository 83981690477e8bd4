"""FAISS `IndexBinaryFlat`: exact and several times faster than numpy; the default engine.

Searching from several threads at once is safe: a search only reads the index.

A filter never reaches FAISS, whose own takes 25 to 80 times as long as the scan. Where it excludes
few rows, as those of the query's own patient, so many more are fetched and dropped; else the rows
that pass are gathered and searched as a gallery of their own, which keeps their order. Ties are
completed by fetching more, too: ten times the neighbours cost a sixth more than one time.
"""

from itertools import pairwise

import faiss
import numpy as np
from jaxtyping import Bool, Int, UInt8

from acir.codes import BITS_PER_BYTE
from acir.index.engines.base import Engine, Found, check, in_order, refuse_overflow, stacked

FEW = 300  # fetching so many more rows costs less than gathering all others
WITH_TIES = 10  # rows fetched for each neighbour; where more tie, a second scan finds them
# FAISS finds many neighbours fastest by counting, which takes a number for each distance, each of
# them and each query: 64 MB at most.
MOST_COUNTED = 8_000_000


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
        self._last: tuple[Bool[np.ndarray, " n"], Faiss, Int[np.ndarray, " m"]] | None = None
        self._codes = np.empty(codes.shape, dtype=np.uint8)
        if len(codes):
            # A view of FAISS's own copy, whose field is missing in FAISS's type stubs.
            xb = self._index.xb.data()  # type: ignore[attr-defined]
            self._codes = faiss.rev_swig_ptr(xb, codes.size).reshape(codes.shape)

    def knn(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> tuple[Int[np.ndarray, "q found"], Int[np.ndarray, "q found"]]:
        """Return distances and rows of the min(k, rows allowed) nearest codes of each query."""
        check(queries, self._shape, allow, k)
        if allow is None:
            return self._nearest(queries, k)
        if _excludes_many(allow):
            part, places = self._gathered(allow)
            distances, rows = part.knn(queries, k)
            return distances, places[rows]
        passing = int(np.count_nonzero(allow))
        distances, rows = self._nearest(queries, k + len(allow) - passing)
        kept = [_only(allow, *found) for found in zip(distances, rows, strict=True)]
        return stacked([(d[:k], r[:k]) for d, r in kept], min(k, passing))

    def within(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        radius: int,
        allow: Bool[np.ndarray, " n"] | None = None,
        cap: int | None = None,
    ) -> list[Found]:
        """Return distances and rows of every code at most `radius` from each query."""
        check(queries, self._shape, allow)
        if allow is not None and _excludes_many(allow):
            part, places = self._gathered(allow)
            return [(d, places[rows]) for d, rows in part.within(queries, radius, cap=cap)]
        found = self._scanned(queries, radius)
        if allow is not None:
            found = [_only(allow, distances, rows) for distances, rows in found]
        refuse_overflow([len(rows) for _, rows in found], radius, cap)
        return [in_order(distances, rows) for distances, rows in found]

    def tie_complete(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> list[Found]:
        """Return the k nearest codes of each query and all that tie with the k-th."""
        check(queries, self._shape, allow, k)
        if allow is not None and _excludes_many(allow):
            part, places = self._gathered(allow)
            return [(distances, places[rows]) for distances, rows in part.tie_complete(queries, k)]
        passing = self._shape[0] if allow is None else int(np.count_nonzero(allow))
        fetched = self._nearest(queries, WITH_TIES * k + self._shape[0] - passing)
        found = min(k, passing)
        return [
            self._completed(query, answer, found, allow)
            for query, *answer in zip(queries, *fetched, strict=True)
        ]

    def _completed(
        self,
        query: UInt8[np.ndarray, " bytes"],
        fetched: list[Int[np.ndarray, " m"]],
        found: int,
        allow: Bool[np.ndarray, " n"] | None,
    ) -> Found:
        """Cut the nearest rows after the last that ties with the one at `found`."""
        distances, rows = fetched if allow is None else _only(allow, *fetched)
        if found == 0:
            return distances[:0], rows[:0]
        last = distances[found - 1]
        if fetched[0][-1] == last and len(fetched[0]) < self._shape[0]:  # more may tie
            return self.within(query[None], int(last), allow)[0]
        end = np.searchsorted(distances, last, side="right")
        return distances[:end], rows[:end]

    def _nearest(
        self, queries: UInt8[np.ndarray, "q bytes"], k: int
    ) -> tuple[Int[np.ndarray, "q found"], Int[np.ndarray, "q found"]]:
        found = min(k, self._shape[0])
        if found == 0:  # FAISS refuses k = 0
            return stacked([(np.empty(0, np.int32), np.empty(0, np.int64))] * len(queries), 0)
        counted = len(queries) * found * (self._bits + 1) <= MOST_COUNTED
        distances, rows = faiss.knn_hamming(
            queries, self._codes, found, variant="mc" if counted else "hc"
        )
        return distances, rows

    def _scanned(self, queries: UInt8[np.ndarray, "q bytes"], radius: int) -> list[Found]:
        # FAISS keeps d < radius, as floats and in no order that it promises.
        strict = min(radius, self._bits) + 1
        ends, distances, rows = self._index.range_search(queries, strict)
        parts = [slice(a, b) for a, b in pairwise(ends.tolist())]
        return [(distances[part].astype(np.int32), rows[part]) for part in parts]

    def _gathered(self, allow: Bool[np.ndarray, " n"]) -> tuple["Faiss", Int[np.ndarray, " m"]]:
        """Return an engine of the rows allowed, and where each of its rows is here.

        The last one is kept, as queries with one filter come one after another; threads may
        replace it.
        """
        last = self._last
        if last is None or not np.array_equal(last[0], allow):
            rows = np.flatnonzero(allow)
            # A code as one item is taken several times faster than as a row of bytes.
            items = self._codes.view(f"V{self._shape[1]}")[:, 0]
            codes = items.take(rows).view(np.uint8).reshape(len(rows), self._shape[1])
            last = self._last = allow.copy(), Faiss(codes), rows
        return last[1], last[2]


def _only(
    allow: Bool[np.ndarray, " n"], distances: Int[np.ndarray, " m"], rows: Int[np.ndarray, " m"]
) -> Found:
    keep = allow[rows]
    return distances[keep], rows[keep]


def _excludes_many(allow: Bool[np.ndarray, " n"]) -> bool:
    return len(allow) - int(np.count_nonzero(allow)) > FEW
