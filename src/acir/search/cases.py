"""Cases: a set of views against all pictures of each stored case, in the manner of ColBERT.

The similarity of a case is the mean over the views of the best similarity among its pictures
(MaxSim, Khattab and Zaharia 2020, equation 3, divided by the number of views so that it stays in
[0, 1]). Where each picture is a case of its own, that is the mean over the views.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float16, Int, UInt8

from acir.codes import hamming
from acir.ranking.base import DECIMALS, Ranker, cosine, unranked
from acir.search.probe import Probe
from acir.types import Ranking

WHOLE = 10**DECIMALS  # similarities as whole numbers: their sum has no order


def scored(
    ranker: Ranker,
    view: Probe,
    codes: UInt8[np.ndarray, "n bytes"],
    embeddings: Float16[np.ndarray, "n dim"],
) -> Ranking:
    """Compare a view with pictures; rows are 0 to n - 1, in this order."""
    rows = np.arange(len(codes))
    distances = hamming(view.code[None], codes)[0]
    ranked = ranker.rank(unranked(rows, distances, cosine(view.embedding, embeddings)))
    return ranked.take(np.argsort(ranked.rows))


def numbered(names: Sequence[str | None]) -> Int[np.ndarray, " n"]:
    """Number the cases that pictures belong to; one without a name is a case of its own.

    Example:
        >>> numbered(["b", None, "a", "b", None]).tolist()
        [0, 1, 2, 0, 4]
    """
    first: dict[str, int] = {}
    return np.array(
        [n if name is None else first.setdefault(name, n) for n, name in enumerate(names)],
        dtype=np.int64,
    )


def best_cases(views: Sequence[Ranking], cases: Int[np.ndarray, " n"]) -> Ranking:
    """Order cases by (-similarity, distance, -cosine, row), each shown by one picture.

    That is the picture of the case that is most like all views together. Its distance and its
    cosine are those to the view that it is nearest to.

    Args:
        views: For each view what `scored` gives of the same pictures.
        cases: The number of each picture's case.
    """
    similarities = np.stack([np.rint(v.similarities * WHOLE).astype(np.int64) for v in views])
    distances = np.stack([v.distances for v in views]).min(axis=0)
    cosines = np.stack([v.cosines for v in views]).max(axis=0)
    together = similarities.sum(axis=0)
    order = np.lexsort((-cosines, distances, -together, cases))  # stable: ties by row
    starts = np.flatnonzero(np.diff(cases[order], prepend=-1))
    best = np.maximum.reduceat(similarities[:, order], starts, axis=1) if len(starts) else together
    shown = order[starts]
    means = (best.sum(axis=0) / (WHOLE * len(views))).round(DECIMALS) if len(starts) else cosines
    found = Ranking(shown, distances[shown], cosines[shown], means)
    return found.take(np.lexsort((shown, -found.cosines, found.distances, -means)))
