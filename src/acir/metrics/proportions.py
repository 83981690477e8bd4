"""What a count says about the rate behind it: exact binomial statements. numpy and scipy."""

from scipy.stats import beta, binom  # type: ignore[import-untyped]


def clopper_pearson(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval that covers the rate behind `count` of `n` with this confidence.

    Exact and on the wide side (Clopper and Pearson, Biometrika 26, 1934): its ends are quantiles
    of Beta distributions. Without any trial it is (0, 1).

    Example:
        >>> low, high = clopper_pearson(0, 99)
        >>> low, round(high, 4)
        (0.0, 0.0366)
    """
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, count, n - count + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, n - count)) if count < n else 1.0
    return low, high


def chance_of_as_many(count: int, n: int, rate: float) -> float:
    """Return the chance of `count` or more of `n` at this rate: the one-sided exact test.

    Example:
        >>> chance_of_as_many(1, 2, 0.5)
        0.75
    """
    return float(binom.sf(count - 1, n, rate))
