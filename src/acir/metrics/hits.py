"""Whether and when relevant pictures are found, averaged over every order of the ties."""

import numpy as np
from jaxtyping import Float

from acir.metrics.ties import TieGroups

NEGLIGIBLE = 2.0**-60  # chance that is too small to change the last digit of a score


def recall(groups: TieGroups, k: int) -> Float[np.ndarray, " queries"]:
    """Return the expected share of all relevant pictures that are among the first k.

    NaN without any relevant picture. Where R > k pictures are relevant it cannot exceed k / R.

    Example:
        >>> recall(TieGroups(np.array([[1, 4]]), np.array([[1, 2]])), 3)  # (1 + 2 * 2/4) / 3
        array([0.66666667])
    """
    total = groups.relevant.sum(axis=1)
    scores = np.full(len(total), np.nan)
    np.divide(groups.hits(k), total, out=scores, where=total > 0)
    return scores


def hit_rate(groups: TieGroups, k: int) -> Float[np.ndarray, " queries"]:
    """Return the chance that at least one of the first k pictures is relevant: ACC@k.

    Of a group of n pictures, r of them relevant, j pictures drawn hold none with chance
    (n-r)/n (n-r-1)/(n-1) ... over j factors.

    Example:
        >>> hit_rate(TieGroups(np.array([[4]]), np.array([[1]])), 3)  # 1 - 3/4 * 2/3 * 1/2
        array([0.75])
    """
    counted = groups.within(k)
    missed = np.ones(len(counted))
    for drawn in range(k):
        left = np.maximum(groups.sizes - drawn, 1)
        wrong = np.maximum(groups.sizes - groups.relevant - drawn, 0) / left
        missed *= np.where(drawn < counted, wrong, 1.0).prod(axis=1)
    found: Float[np.ndarray, " queries"] = 1 - missed
    return found


def reciprocal_rank(groups: TieGroups) -> Float[np.ndarray, " queries"]:
    """Return the expected 1 / rank of the first relevant picture; its mean over queries is MRR.

    The first group with any relevant picture, r of n after N others, decides: its first relevant
    picture is the i-th with the chance that i-1 draws missed and one of the n-i+1 left hit.
    NaN without any relevant picture.

    Example:
        >>> reciprocal_rank(TieGroups(np.array([[2]]), np.array([[1]])))  # (1/1 + 1/2) / 2
        array([0.75])
    """
    queries, group = np.arange(len(groups.sizes)), (groups.relevant > 0).argmax(axis=1)
    ahead, size, relevant = (
        counts[queries, group] for counts in (groups.before, groups.sizes, groups.relevant)
    )
    expected = np.zeros(len(queries))
    missed = (relevant > 0).astype(np.float64)
    drawn = 0
    while (missed > NEGLIGIBLE).any():
        hit = np.minimum(relevant / np.maximum(size - drawn, 1), 1)
        expected += missed * hit / (ahead + drawn + 1)
        missed *= 1 - hit
        drawn += 1
    return np.where(relevant > 0, expected, np.nan)
