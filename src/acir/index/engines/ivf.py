"""FAISS `IndexBinaryIVF`: reads the likeliest lists alone, and knows what it misses.

Codes of pictures lie in clusters, so reading a few lists finds nearly all neighbours of most
galleries; how many is measured whenever the index is built. Where too few are found, whatever the
effort, all codes are scanned. So are they for a radius, and for a filter that excludes more than a
few rows: there FAISS's approximate indexes lose rows silently. What was learned and measured of a
gallery is kept for the next time that it is opened.
"""

import faiss
import numpy as np
from jaxtyping import UInt8

from acir import registry
from acir.index import clusters
from acir.index.clusters import Clusters, Measured
from acir.index.engines.base import Allow, Engine, Found, Nearest, Queries, in_order, stacked

LEAST_CODES = 100_000  # with fewer, a scan takes no time that anyone would notice
LEAST_RECALL = 0.999
PROBES = (16, 32, 64, 128, 256)
# Reading more of the lists than this is as slow as scanning all.
MOST_READ = 1 / 8
FEW = 300  # rows that a filter may exclude, as those of the query's own patient
ASKED = 200
NEIGHBOURS = 100
SEED = 0


class Ivf(Engine):
    """Read the likeliest lists of codes; scan all for filters, radii and too low a recall."""

    exact = False

    def __init__(self, codes: UInt8[np.ndarray, "n bytes"], learned: bytes | None = None) -> None:
        """Take the gallery over, cluster it and measure.

        Recall is measured on codes that the clusters were not trained with, by the neighbours
        other than the code itself.

        Args:
            codes: The gallery.
            learned: What an engine learned of the same codes, which spares all that; what one
                learned of others is not used.
        """
        super().__init__(codes)
        kind = registry.find("acir.index.engines", Engine, "faiss")
        self._all = registry.build(kind, {}, codes=codes)
        self._lists: faiss.IndexBinaryIVF | None = None
        if len(codes) < LEAST_CODES:
            self.remarks = (f"fewer than {LEAST_CODES:,} codes: all are scanned",)
        else:
            self._build(codes, learned)

    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        if not self._reads(k, allow):
            return self._all.knn(queries, k, allow)
        answers = self._tie_complete(queries, k, allow)
        found = min(k, self.passing(allow))
        return stacked(answers, found)

    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        return self._all.within(queries, radius, allow, cap)

    def _tie_complete(self, queries: Queries, k: int, allow: Allow) -> list[Found]:
        if not self._reads(k, allow):
            return self._all.tie_complete(queries, k, allow)
        if allow is None:
            return [self._read(query, k) for query in queries]
        # As many more as may have to be dropped; what ties with the last of those is dropped too.
        more = k + len(allow) - self.passing(allow)
        found = [self._read(query, more) for query in queries]
        kept = [(distances[allow[rows]], rows[allow[rows]]) for distances, rows in found]
        ends = [np.searchsorted(d, d[min(k, len(d)) - 1], side="right") for d, _ in kept]
        return [(d[:end], rows[:end]) for (d, rows), end in zip(kept, ends, strict=True)]

    def _reads(self, k: int, allow: Allow) -> bool:
        """Say whether lists are read: not for a filter that may leave too few of what they hold."""
        few = self._shape[0] - self.passing(allow) <= FEW
        return self._lists is not None and few and k > 0

    def _read(self, query: UInt8[np.ndarray, " bytes"], k: int) -> Found:
        assert self._lists is not None
        distances, rows = self._lists.search(query[None], min(k, self._shape[0]))
        if rows[0, -1] < 0:  # the lists that were read hold fewer than k
            return self._all.tie_complete(query[None], k)[0]
        # FAISS keeps d < radius; of equal distances the search above kept any.
        _, found, rows = self._lists.range_search(query[None], int(distances[0, -1]) + 1)
        return in_order(found.astype(np.int32), rows)

    def _build(self, codes: UInt8[np.ndarray, "n bytes"], learned: bytes | None) -> None:
        before = clusters.from_bytes(learned, codes)
        measured, found = before or self._learn(codes)
        self.recall, self.remarks = measured.recall, (measured.remark,)
        self.learned = learned if before else clusters.to_bytes(codes, measured, found)
        self._lists = None if found is None else found.lists(codes)
        if self._lists is not None:
            self._lists.nprobe = measured.probes

    def _learn(self, codes: UInt8[np.ndarray, "n bytes"]) -> tuple[Measured, Clusters | None]:
        """Cluster, and measure what reading a few lists finds."""
        count = 2 ** round(np.log2(np.sqrt(len(codes))))
        # Rows ascend with the id, so with the class: only a random sample stands for all.
        drawn = np.random.default_rng(SEED).permutation(len(codes))
        most = clusters.TRAINING_PER_LIST * count
        sample, asked = np.split(drawn, [min(len(codes) - ASKED, most)])
        found = clusters.learned(codes, sample, count)
        self._lists = found.lists(codes)
        measured = self._settle(codes[np.sort(asked[:ASKED])], count)
        return measured, found if measured.probes else None

    def _settle(self, queries: Queries, count: int) -> Measured:
        """Read as few lists as find nearly all, or give them up."""
        assert self._lists is not None
        truth = self._all.tie_complete(queries, NEIGHBOURS + 1)
        recall = 0.0
        for probes in PROBES:
            if probes > MOST_READ * count:
                break
            self._lists.nprobe = probes
            nearest, radius = _recall(self.tie_complete(queries, NEIGHBOURS + 1), truth)
            recall = min(nearest, radius)
            if recall >= LEAST_RECALL:
                remark = (
                    f"{probes} of {count} lists are read; of the {NEIGHBOURS} nearest "
                    f"{nearest:.4f} are found, of those within their radius {radius:.4f}"
                )
                return Measured(probes, recall, remark)
        remark = (
            f"reading lists finds {recall:.4f} of the neighbours, less than {LEAST_RECALL}: all "
            "codes are scanned"
        )
        return Measured(0, 1.0, remark)


def _recall(found: list[Found], truth: list[Found]) -> tuple[float, float]:
    """Return which share of the nearest, and of all that tie with the last of them, was found.

    Of several that tie at the last place any may be returned as one of the nearest. The query
    itself, at distance 0, is not counted.
    """
    nearest, within = [], []
    for (distances, rows), (true_distances, true_rows) in zip(found, truth, strict=True):
        near = np.count_nonzero(distances[: NEIGHBOURS + 1] <= true_distances[-1])
        nearest.append((near - 1) / NEIGHBOURS)
        within.append((np.isin(true_rows, rows).sum() - 1) / (len(true_rows) - 1))
    return float(np.mean(nearest)), float(np.mean(within))
