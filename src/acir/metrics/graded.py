"""How good a ranking is where some relevant pictures are more relevant than others.

The more labels a picture shares with the query, the more it is worth: 2**shared - 1, the gain of
Burges et al. (ICML 2005) with the relevance of Zhao et al. ("Deep Semantic Ranking Based Hashing",
CVPR 2015, section 4.2). With one label a picture the gain is 1 or 0.
"""

import numpy as np
from jaxtyping import Float, Int


def ndcg(levels: Int[np.ndarray, "levels queries groups"], k: int) -> Float[np.ndarray, " queries"]:
    r"""Return the expected NDCG@k of each query; NaN without any relevant picture.

        DCG@k = \sum_{i <= k} (2**shared_i - 1) / log2(1 + i)

    divided by that of the best order of the gallery (Jarvelin and Kekalainen, TOIS 2002). Any
    picture of a group may stand at any of its ranks, so each rank expects the group's mean gain.

    Args:
        levels: Pictures by shared labels, query and group; see `acir.metrics.ties.shared_labels`.
        k: Ranks that count.

    Example:
        >>> ndcg(np.array([[[1, 0]], [[1, 1]]]), 2)  # (1/2 + 1/2 / log2(3)) / (1 + 1 / log2(3))
        array([0.5])
    """
    gains = 2.0 ** np.arange(len(levels)) - 1
    sizes = levels.sum(axis=0)
    gained: Float[np.ndarray, "queries groups"] = np.tensordot(gains, levels, axes=1)
    means = gained / np.maximum(sizes, 1)
    best = levels.sum(axis=2).T[:, ::-1]  # the best order puts the highest level first
    expected = (means * _discounts(sizes, k)).sum(axis=1)
    ideal = (gains[::-1] * _discounts(best, k)).sum(axis=1)
    scores = np.full(len(ideal), np.nan)
    np.divide(expected, ideal, out=scores, where=ideal > 0)
    return scores


def _discounts(
    sizes: Int[np.ndarray, "queries groups"], k: int
) -> Float[np.ndarray, "queries groups"]:
    """Return the sum of 1 / log2(1 + i) over the ranks i <= k of each group."""
    prefix = np.concatenate([[0.0], (1 / np.log2(np.arange(2, k + 2))).cumsum()])
    ends = np.minimum(sizes.cumsum(axis=1), k)
    found: Float[np.ndarray, "queries groups"] = prefix[ends]
    return np.diff(found, axis=1, prepend=0.0)
