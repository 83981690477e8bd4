"""Content-guided order by a calibrated mixture of Hamming distance and content."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from acir.ranking.base import Keys, Pairs, Ranker, fit_log_odds, nearness
from acir.types import Ranking


@dataclass(frozen=True, kw_only=True)
class Fused(Ranker):
    """Order by (-score, distance, row); the score is the log-odds of sharing a class.

    Attributes:
        bits: Length of the codes.
        intercept: Log-odds at half the bits and cosine 0.
        code_weight: Log-odds gained from half the bits to equal codes, at least 0.
        content_weight: Log-odds gained from cosine 0 to cosine 1, at least 0.
    """

    bits: int
    intercept: float
    code_weight: float
    content_weight: float

    @classmethod
    def fit(cls, pairs: Pairs) -> "Fused":
        """Learn how much distance and cosine each tell about sharing a class."""
        evidence = np.column_stack([nearness(pairs.distances, pairs.bits), pairs.cosines])
        intercept, weights = fit_log_odds(evidence, pairs.same)
        code, content = map(float, weights)
        return cls(bits=pairs.bits, intercept=intercept, code_weight=code, content_weight=content)

    def log_odds(self, candidates: Ranking) -> Float[np.ndarray, " n"]:
        """Return the log-odds at each distance and cosine."""
        return (
            self.intercept
            + self.code_weight * nearness(candidates.distances, self.bits)
            + self.content_weight * candidates.cosines
        )

    def keys(self, candidates: Ranking, scores: Float[np.ndarray, " n"]) -> Keys:
        """Return -score and distance."""
        return -scores, candidates.distances
