"""How methods rank over many blocks, and which mean ranks can be told apart."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import (  # type: ignore[import-untyped]
    permutation_test,
    rankdata,
    studentized_range,
)

from acir.evaluation.significance import LEVEL, refuse_unless_finite

ORDERS = 9_999  # drawn for p, where there are more; with what was seen, 10,000


@dataclass(frozen=True)
class MeanRanks:
    """How methods rank on average over blocks, such as sources of pictures, independent ones.

    Attributes:
        ranks: Mean rank of each method; 1 is best, ties share the mean of their places.
        critical_difference: Methods whose mean ranks differ by less are not told apart (Nemenyi,
            0.05). Beyond methods - 1 there are too few blocks to tell any two apart.
        p: Of the Friedman test that all methods rank alike.
    """

    ranks: Float64[np.ndarray, " methods"]
    critical_difference: float
    p: float


def mean_ranks(scores: Float[np.ndarray, "blocks methods"]) -> MeanRanks:
    """Rank methods in every block and say which mean ranks can be told apart.

    Friedman test with the Nemenyi critical difference q sqrt(k (k + 1) / 6 N) for k methods and N
    blocks, q the studentised range at 0.05 over sqrt 2 (Demsar, "Statistical Comparisons of
    Classifiers over Multiple Data Sets", JMLR 7, 2006). p is that of the permutation test
    (Friedman 1937): methods change places within each block, in every way where these are less
    than 10,000, else in 9,999 drawn ones. The chi square of Friedman and the F of Iman and
    Davenport are limits for many blocks; where two blocks rank three methods alike, their p are
    0.14 and 0, and one in six is right. The critical difference is such a limit too, on the safe
    side: of ten methods that rank by chance on four blocks, it tells any two apart in 1.8 % of
    cases.

    Args:
        scores: Higher is better.

    Raises:
        ValueError: A score is not finite, or there are fewer than three methods or two blocks.

    Example:
        >>> mean_ranks(np.array([[0.9, 0.8, 0.7], [0.9, 0.8, 0.8]])).ranks
        array([1.  , 2.25, 2.75])
    """
    blocks, methods = scores.shape
    if blocks < 2 or methods < 3:  # noqa: PLR2004 - below, Friedman's test is not defined
        raise ValueError(
            f"{methods} methods on {blocks} blocks cannot be ranked; give at least 3 and 2"
        )
    refuse_unless_finite(scores)
    ranks = rankdata(-scores, axis=1)
    q = float(studentized_range.ppf(1 - LEVEL, methods, np.inf)) / math.sqrt(2)
    return MeanRanks(
        ranks=ranks.mean(axis=0),
        critical_difference=q * math.sqrt(methods * (methods + 1) / (6 * blocks)),
        p=_friedman_p(ranks),
    )


def _friedman_p(ranks: Float64[np.ndarray, "blocks methods"]) -> float:
    """Return how probable ranks at least as uneven are, were places within blocks chance."""
    test = permutation_test(
        tuple(ranks.T),
        _unevenness,
        permutation_type="samples",
        vectorized=True,
        n_resamples=ORDERS,
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def _unevenness(*ranks: Float64[np.ndarray, "..."], axis: int) -> Float64[np.ndarray, "..."]:
    """Return the sum of squared rank sums; Friedman's chi square grows with it alone."""
    return np.asarray(np.sum([of_one.sum(axis=axis) ** 2 for of_one in ranks], axis=0))
