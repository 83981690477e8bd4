"""FAISS `IndexBinaryFlat`: exact and several times faster than numpy; the default engine.

Searching from several threads at once is safe: a search only reads the index.

A filter never reaches FAISS, whose own takes 25 to 80 times as long as the scan. Where it excludes
few rows, as those of the query's own patient, so many more are fetched and dropped; else the rows
that pass are gathered and searched as a gallery of their own, which keeps their order. Ties are
completed by fetching more, too: ten times the neighbours cost a sixth more than one time.
"""

from dataclasses import dataclass
from itertools import accumulate, pairwise

import faiss
import numpy as np
from jaxtyping import Bool, Int, UInt8

from acir.codes import BITS_PER_BYTE
from acir.index.engines.base import Allow, Engine, Found, Nearest, Queries, in_order, stacked

FILTERS = 8  # whose galleries are remembered, the last ones first
MOST_GATHERED = 2  # times as many rows as there are lie in those galleries together
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
        super().__init__(codes)
        self._bits = codes.shape[1] * BITS_PER_BYTE
        self._index = faiss.IndexBinaryFlat(self._bits)
        self._index.add(codes)
        self._kept = tuple[_Part, ...]()
        self._codes = np.empty(codes.shape, dtype=np.uint8)
        if len(codes):
            # A view of FAISS's own copy, whose field is missing in FAISS's type stubs.
            xb = self._index.xb.data()  # type: ignore[attr-defined]
            self._codes = faiss.rev_swig_ptr(xb, codes.size).reshape(codes.shape)

    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        if allow is None:
            return self._nearest(queries, k)
        passing = self.passing(allow)
        if len(allow) - passing > FEW:
            part = self._gathered(allow, passing)
            distances, rows = part.engine.knn(queries, k)
            return distances, part.rows[rows]
        distances, rows = self._nearest(queries, k + len(allow) - passing)
        kept = [_only(allow, *found) for found in zip(distances, rows, strict=True)]
        return stacked([(d[:k], r[:k]) for d, r in kept], min(k, passing))

    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        passing = self.passing(allow)
        if allow is not None and len(allow) - passing > FEW:
            part = self._gathered(allow, passing)
            return [(d, part.rows[rows]) for d, rows in part.engine.within(queries, radius)]
        found = self._scanned(queries, radius)
        if allow is not None:
            found = [_only(allow, distances, rows) for distances, rows in found]
        return [in_order(distances, rows) for distances, rows in found]

    def _tie_complete(self, queries: Queries, k: int, allow: Allow) -> list[Found]:
        passing = self.passing(allow)
        if allow is not None and len(allow) - passing > FEW:
            part = self._gathered(allow, passing)
            return [(d, part.rows[rows]) for d, rows in part.engine.tie_complete(queries, k)]
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
        allow: Allow,
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

    def _nearest(self, queries: Queries, k: int) -> Nearest:
        found = min(k, self._shape[0])
        if found == 0:  # FAISS refuses k = 0
            return stacked([(np.empty(0, np.int32), np.empty(0, np.int64))] * len(queries), 0)
        counted = len(queries) * found * (self._bits + 1) <= MOST_COUNTED
        distances, rows = faiss.knn_hamming(
            queries, self._codes, found, variant="mc" if counted else "hc"
        )
        return distances, rows

    def _scanned(self, queries: Queries, radius: int) -> list[Found]:
        # FAISS keeps d < radius, as floats and in no order that it promises.
        strict = min(radius, self._bits) + 1
        ends, distances, rows = self._index.range_search(queries, strict)
        parts = [slice(a, b) for a, b in pairwise(ends.tolist())]
        return [(distances[part].astype(np.int32), rows[part]) for part in parts]

    def _gathered(self, allow: Bool[np.ndarray, " n"], passing: int) -> "_Part":
        """Return the rows allowed as a gallery of their own, remembered from an earlier query.

        Threads may forget what another has just remembered; then it is gathered once more.
        """
        kept = self._kept
        same = (p for p in kept if len(p.rows) == passing and np.array_equal(p.allow, allow))
        part = next(same, None) or self._gather(allow)
        room = MOST_GATHERED * self._shape[0]
        others = [other for other in kept if other is not part][: FILTERS - 1]
        sizes = accumulate(len(each.rows) for each in (part, *others))
        fitting = sum(size <= room for size in sizes)
        self._kept = (part, *others)[:fitting]
        return part

    def _gather(self, allow: Bool[np.ndarray, " n"]) -> "_Part":
        rows = np.flatnonzero(allow)
        # A code as one item is taken several times faster than as a row of bytes.
        items = self._codes.view(f"V{self._shape[1]}")[:, 0]
        codes = items.take(rows).view(np.uint8).reshape(len(rows), self._shape[1])
        return _Part(allow.copy(), rows, Faiss(codes))


@dataclass(frozen=True, eq=False)
class _Part:
    allow: Bool[np.ndarray, " n"]
    rows: Int[np.ndarray, " m"]
    engine: Faiss


def _only(
    allow: Bool[np.ndarray, " n"], distances: Int[np.ndarray, " m"], rows: Int[np.ndarray, " m"]
) -> Found:
    keep = allow[rows]
    return distances[keep], rows[keep]
