"""Content-guided order inside each Hamming distance, in the manner of the paper."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from acir.ranking.base import Keys, Pairs, Ranker, fit_log_odds, nearness
from acir.types import Ranking


@dataclass(frozen=True, kw_only=True)
class WithinDistance(Ranker):
    """Order by (distance, -cosine, row).

    The cosine moves a candidate by up to half a bit, so the similarity runs continuously from
    the probability of one distance to that of the next and agrees with the order.

    Attributes:
        bits: Length of the codes.
        intercept: Log-odds of sharing a class at half the bits and cosine 0.
        weight: Log-odds gained from there to equal codes, at least 0.
    """

    bits: int
    intercept: float
    weight: float

    @classmethod
    def fit(cls, pairs: Pairs) -> "WithinDistance":
        """Learn how often two pictures share a class, given distance and cosine."""
        evidence = nearness(pairs.distances - pairs.cosines / 2, pairs.bits)
        intercept, weights = fit_log_odds(evidence[:, None], pairs.same)
        return cls(bits=pairs.bits, intercept=intercept, weight=float(weights[0]))

    def log_odds(self, candidates: Ranking) -> Float[np.ndarray, " n"]:
        """Return the log-odds at each distance, moved by the cosine."""
        between = candidates.distances - candidates.cosines / 2
        return self.intercept + self.weight * nearness(between, self.bits)

    def keys(self, candidates: Ranking, scores: Float[np.ndarray, " n"]) -> Keys:
        """Return distance and -cosine."""
        return candidates.distances, -candidates.cosines
