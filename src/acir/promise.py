"""What calibration pictures can promise: the rank of a threshold, and what so many are worth.

Pure numpy.
"""

import math

import numpy as np
from jaxtyping import Float64


def largest_rank(n: int, alpha: float, confidence: float) -> int:
    """Return the largest r such that flagging above the r-th largest of n keeps the promise.

    The false-alarm rate of that threshold is Beta(r, n + 1 - r), over the draw of the n scores.
    The promise is P(rate <= alpha) >= confidence; 0 when even the largest score cannot keep it.
    Computed as a binomial tail: P(Beta(r, n + 1 - r) <= alpha) = P(Binomial(n, alpha) >= r).

    Example:
        >>> largest_rank(1000, 0.03, 0.95)
        21
    """
    if alpha <= 0:
        return 0
    fewer, r = 0.0, 0  # fewer = P(Binomial < r + 1) below
    while r < n:
        fewer += math.exp(
            math.lgamma(n + 1)
            - math.lgamma(r + 1)
            - math.lgamma(n - r + 1)
            + r * math.log(alpha)
            + (n - r) * math.log1p(-alpha)
        )
        if fewer > 1 - confidence:
            break
        r += 1
    return r


def independent(scores: Float64[np.ndarray, " n"], groups: Float64[np.ndarray, " n"]) -> int:
    """Return as how many independent scores some count, of which those of a group may be alike.

    n / (1 + rho (sum s^2 / n - 1)) with groups of s scores, rounded down: the effective sample size
    of Kish (Survey Sampling, 1965, section 5.4), where rho, at least 0, is the intraclass
    correlation of the ranks, as the analysis of variance estimates it (Donner 1986, International
    Statistical Review 54). So slices of few scans, which look equally unusual, count as few, and
    groups whose scores have nothing in common cost next to nothing.

    Args:
        scores: Of calibration pictures.
        groups: Equal numbers stand for one group.

    Returns:
        At most n; 1 where all are of one group, as nothing says then how alike they are.

    Example:
        >>> alike = np.array([1.0, 1.1, 2.0, 2.1, 3.0, 3.1])
        >>> independent(alike, np.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0]))
        3
    """
    n = len(scores)
    _, of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) in {1, n}:
        return len(sizes)
    ascending = np.sort(scores)
    ranks = ascending.searchsorted(scores) + ascending.searchsorted(scores, side="right")
    means = np.bincount(of, ranks) / sizes
    between = (sizes * np.square(means - ranks.mean())).sum() / (len(sizes) - 1)
    within = np.square(ranks - means[of]).sum() / (n - len(sizes))
    squares = np.square(sizes).sum() / n
    usual = (n - squares) / (len(sizes) - 1)  # size of a group
    both = between + (usual - 1) * within
    rho = max(0.0, (between - within) / both) if both else 0.0
    return max(1, int(n / (1 + rho * (squares - 1))))


def weakest_rate(n: int, confidence: float) -> float:
    """Return the smallest false-alarm rate that n calibration pictures can promise.

    The threshold is then the largest of the n scores, and its rate Beta(1, n):
    P(rate <= x) = 1 - (1 - x)^n, solved for the confidence. 1 without any picture.

    Example:
        >>> round(weakest_rate(50, 0.95), 4)
        0.0582
    """
    return -math.expm1(math.log(1 - confidence) / n) if n else 1.0


def pictures_needed(alpha: float, confidence: float) -> int | None:
    """Return the fewest calibration pictures for any promise, or None when no number suffices.

    Example:
        >>> pictures_needed(0.03, 0.95)
        99
    """
    if alpha <= 0:
        return None
    return max(1, math.ceil(math.log(1 - confidence) / math.log1p(-alpha)))
