"""Content-guided order by content alone: what the shortlist of the codes was looked up for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from acir.ranking.base import Keys, Pairs, Ranker, fit_log_odds
from acir.types import Ranking


@dataclass(frozen=True, kw_only=True)
class Content(Ranker):
    """Order by (-cosine, distance, row).

    The distance told which candidates are worth a look; an embedding that weighs the classes
    (`model.head.posterior`) then knows more of a pair than the distance does.

    Attributes:
        intercept: Log-odds of sharing a class at cosine 0.
        weight: Log-odds gained from there to cosine 1, at least 0.
    """

    intercept: float
    weight: float

    @classmethod
    def fit(cls, pairs: Pairs) -> "Content":
        """Learn how often two pictures share a class, given their cosine."""
        intercept, weights = fit_log_odds(pairs.cosines[:, None], pairs.same)
        return cls(intercept=intercept, weight=float(weights[0]))

    def log_odds(self, candidates: Ranking) -> Float[np.ndarray, " n"]:
        """Return the log-odds at each cosine."""
        return self.intercept + self.weight * candidates.cosines

    def keys(self, candidates: Ranking, scores: Float[np.ndarray, " n"]) -> Keys:
        """Return -cosine and distance."""
        return -candidates.cosines, candidates.distances
