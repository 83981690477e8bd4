"""Content-guided order by content alone: what the shortlist of the codes was looked up for."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from acir.ranking.base import Ranker, fit_log_odds, probability
from acir.types import Ranking


class Content(Ranker):
    """Order by (-cosine, distance, row).

    The distance told which candidates are worth a look; an embedding that weighs the classes
    (`model.head.posterior`) then knows more of a pair than the distance does.

    Args:
        intercept: Log-odds of sharing a class at cosine 0.
        weight: Log-odds gained from there to cosine 1, at least 0.
    """

    def __init__(self, *, intercept: float, weight: float) -> None:
        self._intercept = intercept
        self._weight = weight

    @classmethod
    def fit(
        cls,
        *,
        bits: int,
        distances: Int[np.ndarray, " pairs"],
        cosines: Float[np.ndarray, " pairs"],
        same: Bool[np.ndarray, " pairs"],
    ) -> "Content":
        """Learn how often two pictures share a class, given their cosine."""
        intercept, weights = fit_log_odds(cosines[:, None], same)
        return cls(intercept=intercept, weight=float(weights[0]))

    def config(self) -> Mapping[str, float | int]:
        """Return the constructor's keywords as plain numbers."""
        return {"intercept": self._intercept, "weight": self._weight}

    def rank(self, candidates: Ranking) -> Ranking:
        """Return the candidates by (-cosine, distance, row)."""
        scores = self._intercept + self._weight * candidates.cosines
        ranked = replace(candidates, similarities=probability(scores))
        return ranked.take(np.lexsort((candidates.rows, candidates.distances, -candidates.cosines)))
