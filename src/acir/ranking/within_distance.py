"""Content-guided order inside each Hamming distance, in the manner of the paper."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from acir.ranking.base import Ranker, fit_log_odds, nearness, probability
from acir.types import Ranking


class WithinDistance(Ranker):
    """Order by (distance, -cosine, row).

    The cosine moves a candidate by up to half a bit, so the similarity runs continuously from
    the probability of one distance to that of the next and agrees with the order.

    Args:
        bits: Length of the codes.
        intercept: Log-odds of sharing a class at half the bits and cosine 0.
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
    ) -> "WithinDistance":
        """Learn how often two pictures share a class, given distance and cosine."""
        evidence = nearness(distances - cosines / 2, bits)
        intercept, weights = fit_log_odds(evidence[:, None], same)
        return cls(bits=bits, intercept=intercept, weight=float(weights[0]))

    def config(self) -> Mapping[str, float | int]:
        """Return the constructor's keywords as plain numbers."""
        return {"bits": self._bits, "intercept": self._intercept, "weight": self._weight}

    def rank(self, candidates: Ranking) -> Ranking:
        """Return the candidates by (distance, -cosine, row)."""
        between = candidates.distances - candidates.cosines / 2
        scores = self._intercept + self._weight * nearness(between, self._bits)
        ranked = replace(candidates, similarities=probability(scores))
        order = np.lexsort((candidates.rows, -candidates.cosines, candidates.distances))
        return ranked.take(order)
