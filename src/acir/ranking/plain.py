"""Hamming order as the engine gives it: the baseline that content-guided orders must beat."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from acir.ranking.base import Ranker, fit_log_odds, nearness, probability
from acir.types import Ranking


class Plain(Ranker):
    """Order by (distance, row).

    The similarity is the probability that two pictures at this distance share a class.

    Args:
        bits: Length of the codes.
        intercept: Log-odds at half the bits.
        weight: Log-odds gained from there to equal codes, at least 0.
    """

    def __init__(self, *, bits: int, intercept: float, weight: float) -> None:
        self._bits = bits
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
    ) -> "Plain":
        """Learn how often two pictures share a class, given their distance."""
        intercept, weights = fit_log_odds(nearness(distances, bits)[:, None], same)
        return cls(bits=bits, intercept=intercept, weight=float(weights[0]))

    def config(self) -> Mapping[str, float | int]:
        """Return the constructor's keywords as plain numbers."""
        return {"bits": self._bits, "intercept": self._intercept, "weight": self._weight}

    def rank(self, candidates: Ranking) -> Ranking:
        """Return the candidates by (distance, row)."""
        scores = self._intercept + self._weight * nearness(candidates.distances, self._bits)
        ranked = replace(candidates, similarities=probability(scores))
        return ranked.take(np.lexsort((candidates.rows, candidates.distances)))
