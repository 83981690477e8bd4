"""How methods rank over many blocks, and which mean ranks can be told apart."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import friedmanchisquare, rankdata, studentized_range  # type: ignore[import-untyped]

from acir.evaluation.significance import LEVEL, refuse_unless_finite


@dataclass(frozen=True)
class MeanRanks:
    """How methods rank on average over blocks, such as data sets x code lengths.

    Attributes:
        ranks: Mean rank of each method; 1 is best, ties share the mean of their places.
        critical_difference: Methods whose mean ranks differ by less are not told apart (Nemenyi,
            0.05).
        p: Of the Friedman test that all methods rank alike.
    """

    ranks: Float64[np.ndarray, " methods"]
    critical_difference: float
    p: float


def mean_ranks(scores: Float[np.ndarray, "blocks methods"]) -> MeanRanks:
    """Rank methods in every block and say which mean ranks can be told apart.

    Friedman test with the Nemenyi critical difference q sqrt(k (k + 1) / 6 N) for k methods and N
    blocks, q the studentised range at 0.05 over sqrt 2 (Demsar, "Statistical Comparisons of
    Classifiers over Multiple Data Sets", JMLR 7, 2006).

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
    told_apart = bool((ranks != ranks[:, :1]).any())  # else Friedman's statistic is 0 / 0
    q = float(studentized_range.ppf(1 - LEVEL, methods, np.inf)) / math.sqrt(2)
    return MeanRanks(
        ranks=ranks.mean(axis=0),
        critical_difference=q * math.sqrt(methods * (methods + 1) / (6 * blocks)),
        p=float(friedmanchisquare(*scores.T).pvalue) if told_apart else 1.0,
    )
