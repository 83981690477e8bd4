"""Hamming order as the engine gives it: the baseline that content-guided orders must beat."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from acir.ranking.base import Keys, Pairs, Ranker, fit_log_odds, nearness
from acir.types import Ranking


@dataclass(frozen=True, kw_only=True)
class Plain(Ranker):
    """Order by (distance, row).

    The similarity is the probability that two pictures at this distance share a class.

    Attributes:
        bits: Length of the codes.
        intercept: Log-odds at half the bits.
        weight: Log-odds gained from there to equal codes, at least 0.
    """

    bits: int
    intercept: float
    weight: float

    @classmethod
    def fit(cls, pairs: Pairs) -> "Plain":
        """Learn how often two pictures share a class, given their distance."""
        intercept, weights = fit_log_odds(
            nearness(pairs.distances, pairs.bits)[:, None], pairs.same
        )
        return cls(bits=pairs.bits, intercept=intercept, weight=float(weights[0]))

    def log_odds(self, candidates: Ranking) -> Float[np.ndarray, " n"]:
        """Return the log-odds at each distance."""
        return self.intercept + self.weight * nearness(candidates.distances, self.bits)

    def keys(self, candidates: Ranking, scores: Float[np.ndarray, " n"]) -> Keys:
        """Return the distance."""
        return (candidates.distances,)
