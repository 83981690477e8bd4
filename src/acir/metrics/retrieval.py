"""How good a ranking is, averaged over every order of its ties.

The expected value over all orders of a group of ties has a closed form (McSherry and Najork,
"Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied Scores",
ECIR 2008), so nothing is drawn at random and the order of the gallery cannot matter.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from acir.metrics.ties import TieGroups, by_distance


def precision(groups: TieGroups, k: int) -> Float[np.ndarray, " queries"]:
    """Return the expected share of relevant pictures among the first k of each query.

    The divisor is k even where the gallery is smaller. With k = 1 this is ACC@1.

    Example:
        >>> precision(TieGroups(np.array([[1, 4]]), np.array([[1, 2]])), 3)  # (1 + 2 * 2/4) / 3
        array([0.66666667])
    """
    return groups.hits(k) / k


def average_precision(groups: TieGroups, k: int | None = None) -> Float[np.ndarray, " queries"]:
    r"""Return the expected average precision of each query; NaN without any relevant picture.

    The i-th of a group of n pictures, r of them relevant, that follows N pictures, R of them
    relevant, is itself relevant with chance r/n, and then expects 1 + (i-1)(r-1)/(n-1) relevant
    pictures of its group up to itself. Over the i with N + i <= k, the group adds

        \sum_i (r/n) (R + 1 + (i-1)(r-1)/(n-1)) / (N + i)

    which prefix sums of 1/j give at once.

    Args:
        groups: The rankings.
        k: Ranks that count; None counts the whole gallery. The divisor is the number of relevant
            pictures in the gallery, or k where that is smaller.

    Example:
        >>> average_precision(TieGroups(np.array([[1, 1, 1]]), np.array([[1, 0, 1]])))
        array([0.83333333])
    """
    before, counted = groups.before, groups.within(k)
    found = groups.relevant.cumsum(axis=1) - groups.relevant
    ranks = int(groups.sizes.sum(axis=1).max(initial=0))
    prefix = np.concatenate([[0.0], (1 / np.arange(1, ranks + 1)).cumsum()])
    inverse = prefix[before + counted] - prefix[before]  # sum of 1 / (N + i)
    ahead = counted - (before + 1) * inverse  # sum of (i - 1) / (N + i)
    slope = (groups.relevant - 1) / np.maximum(groups.sizes - 1, 1)
    gained = groups.shares * ((found + 1) * inverse + slope * ahead)
    total = groups.relevant.sum(axis=1)
    divisor = total if k is None else np.minimum(total, k)
    scores = np.full(len(total), np.nan)
    np.divide(gained.sum(axis=1), divisor, out=scores, where=total > 0)
    return scores


def average_precision_over_hits(groups: TieGroups, k: int = 5) -> Float[np.ndarray, " queries"]:
    """Return the expected average precision at k, divided by the hits found among the first k.

    The form of the published tables (Mahbod et al. 2025): one hit at rank 1 scores 1 whatever
    else is missed, no hit scores 0. A ratio is not linear, so all 2**k patterns of hits are
    weighed with their chances. NaN without any relevant picture in the gallery.

    Example:
        >>> average_precision_over_hits(TieGroups(np.array([[1, 9]]), np.array([[1, 0]])))
        array([1.])
    """
    patterns = np.arange(2**k)[:, None] >> np.arange(k) & 1
    hits = patterns.cumsum(axis=1)
    gained = (patterns * hits / np.arange(1, k + 1)).sum(axis=1)
    scores = gained / np.maximum(hits[:, -1], 1)
    expected: Float[np.ndarray, " queries"] = _pattern_chances(groups, patterns) @ scores
    expected[~groups.relevant.any(axis=1)] = np.nan
    return expected


def mean_average_precision(
    query_codes: UInt8[np.ndarray, "queries bytes"],
    query_labels: Bool[np.ndarray, "queries classes"],
    gallery_codes: UInt8[np.ndarray, "n bytes"],
    gallery_labels: Bool[np.ndarray, "n classes"],
) -> float:
    """Return the mAP of a Hamming ranking of the whole gallery, ties averaged.

    Queries without any relevant picture are left out; NaN when there is no other.

    Raises:
        ValueError: As `acir.metrics.ties.shared_labels` does.

    Example:
        >>> codes, labels = np.array([[0], [1]], dtype=np.uint8), np.eye(2, dtype=np.bool_)
        >>> mean_average_precision(codes[:1], labels[1:], codes, labels)  # the second of two
        0.5
    """
    scores = average_precision(
        by_distance(query_codes, query_labels, gallery_codes, gallery_labels)
    )
    scores = scores[~np.isnan(scores)]
    return float(scores.mean()) if scores.size else float("nan")


def _pattern_chances(
    groups: TieGroups, patterns: Int[np.ndarray, "patterns k"]
) -> Float[np.ndarray, "queries patterns"]:
    """Return the chance of each pattern of hits at the first ranks, drawing without replacement.

    Ranks beyond the end of the gallery are never hits.
    """
    nothing = ((0, 0), (0, 1))  # an empty last group, which ranks beyond the end fall into
    sizes, relevant = np.pad(groups.sizes, nothing), np.pad(groups.relevant, nothing)
    ends = sizes.cumsum(axis=1)
    hits = np.pad(patterns.cumsum(axis=1), ((0, 0), (1, 0)))  # hits before each rank
    queries = np.arange(len(sizes))
    chances = np.ones((len(sizes), len(patterns)))
    for rank in range(patterns.shape[1]):
        group = (ends[:, :-1] <= rank).sum(axis=1)
        size, start = sizes[queries, group], (ends - sizes)[queries, group]
        taken = (hits[:, rank, None] - hits[:, start]).T  # hits of this group so far
        left = np.maximum(size - (rank - start), 1)
        hit = (relevant[queries, group, None] - taken) / left[:, None]
        chances *= np.where(patterns[:, rank], hit, 1 - hit)
    return chances
