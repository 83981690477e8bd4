"""FAISS `IndexBinaryFlat`: exact and several times faster than numpy; the default engine.

Searching from several threads at once is safe: a search only reads the index.

Neighbours are looked for within a radius, which FAISS scans in two thirds of the time that keeping
the nearest takes. The radius reaches to the k-th nearest of a sixteenth of the codes, so at least k
are within it, and ties are complete.

A filter never reaches FAISS, whose own takes 25 to 80 times as long as the scan. Where it excludes
few rows, as those of the query's own patient, so many more are found and dropped. Else the rows
that pass are gathered and searched as a gallery of their own, which keeps their order.
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
FEW = 300  # finding so many more rows costs less than gathering all others
SAMPLED = 16  # one code in so many bounds how far the neighbours are
# FAISS finds many neighbours fastest by counting, which takes a number for each distance, each of
# them and each query: 64 MB at most.
MOST_COUNTED = 8_000_000


def sampled(codes: int) -> Int[np.ndarray, " m"]:
    """Return rows of one code in so many, each anywhere in its run: galleries repeat, as series do.

    Example:
        >>> sampled(15), sampled(40) // SAMPLED
        (array([], dtype=int64), array([0, 1]))
    """
    starts = np.arange(0, codes - SAMPLED + 1, SAMPLED)
    return starts + np.random.default_rng(0).integers(0, SAMPLED, len(starts))


class Faiss(Engine):
    """Scan all codes with FAISS."""

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
        self._sample = _taken(self._codes, sampled(len(codes)))

    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        return stacked(self._tie_complete(queries, k, allow), min(k, self.passing(allow)))

    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        excluded = self._excluded(allow)
        if allow is not None and excluded > FEW:
            part = self._gathered(allow, self._shape[0] - excluded)
            return [(d, part.rows[rows]) for d, rows in part.engine.within(queries, radius)]
        # FAISS keeps d < radius, as floats and in no order that it promises.
        strict = min(radius, self._bits) + 1
        ends, distances, rows = self._index.range_search(queries, strict)
        found = [in_order(distances[a:b], rows[a:b]) for a, b in pairwise(ends.tolist())]
        return found if allow is None else [(d[allow[r]], r[allow[r]]) for d, r in found]

    def _tie_complete(self, queries: Queries, k: int, allow: Allow) -> list[Found]:
        excluded = self._excluded(allow)
        if allow is not None and excluded > FEW:
            part = self._gathered(allow, self._shape[0] - excluded)
            return [(d, part.rows[rows]) for d, rows in part.engine.tie_complete(queries, k)]
        found = min(k, self._shape[0] - excluded)
        if found == 0:
            return [(np.empty(0, np.int32), np.empty(0, np.int64))] * len(queries)
        bounds = self._bounds(queries, found + excluded)
        answers = self._each_within(queries, bounds, allow)
        ends = [np.searchsorted(d, d[found - 1], side="right") for d, _ in answers]
        return [(d[:end], rows[:end]) for (d, rows), end in zip(answers, ends, strict=True)]

    def _bounds(self, queries: Queries, k: int) -> Int[np.ndarray, " q"]:
        """Return for each query a distance that at least k codes are within."""
        if k > len(self._sample):
            return np.full(len(queries), self._bits)
        counted = len(queries) * k * (self._bits + 1) <= MOST_COUNTED
        variant = "mc" if counted else "hc"
        distances, _ = faiss.knn_hamming(queries, self._sample, k, variant=variant)
        bounds: Int[np.ndarray, " q"] = distances[:, -1]
        return bounds

    def _excluded(self, allow: Allow) -> int:
        return int(self._shape[0]) - self.passing(allow)

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
        return _Part(allow.copy(), rows, Faiss(_taken(self._codes, rows)))


@dataclass(frozen=True, eq=False)
class _Part:
    allow: Bool[np.ndarray, " n"]
    rows: Int[np.ndarray, " m"]
    engine: Faiss


def _taken(
    codes: UInt8[np.ndarray, "n bytes"], rows: Int[np.ndarray, " m"]
) -> UInt8[np.ndarray, "m bytes"]:
    """Return some codes, each taken as one item: several times faster than as a row of bytes."""
    items = codes.view(f"V{codes.shape[1]}")[:, 0]
    return items.take(rows).view(np.uint8).reshape(len(rows), codes.shape[1])
