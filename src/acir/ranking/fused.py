"""Content-guided order by a calibrated mixture of Hamming distance and content."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from acir.ranking.base import DECIMALS, Ranker, fit_log_odds, nearness, probability
from acir.types import Ranking


class Fused(Ranker):
    """Order by (-score, distance, row); the score is the log-odds of sharing a class.

    Args:
        bits: Length of the codes.
        intercept: Log-odds at half the bits and cosine 0.
        code_weight: Log-odds gained from half the bits to equal codes, at least 0.
        content_weight: Log-odds gained from cosine 0 to cosine 1, at least 0.
    """

    def __init__(
        self, *, bits: int, intercept: float, code_weight: float, content_weight: float
    ) -> None:
        self._bits = bits
        self._intercept = intercept
        self._code_weight = code_weight
        self._content_weight = content_weight

    @classmethod
    def fit(
        cls,
        *,
        bits: int,
        distances: Int[np.ndarray, " pairs"],
        cosines: Float[np.ndarray, " pairs"],
        same: Bool[np.ndarray, " pairs"],
    ) -> "Fused":
        """Learn how much distance and cosine each tell about sharing a class."""
        evidence = np.column_stack([nearness(distances, bits), cosines])
        intercept, weights = fit_log_odds(evidence, same)
        code, content = map(float, weights)
        return cls(bits=bits, intercept=intercept, code_weight=code, content_weight=content)

    def config(self) -> Mapping[str, float | int]:
        """Return the constructor's keywords as plain numbers."""
        return {
            "bits": self._bits,
            "intercept": self._intercept,
            "code_weight": self._code_weight,
            "content_weight": self._content_weight,
        }

    def rank(self, candidates: Ranking) -> Ranking:
        """Return the candidates by (-score, distance, row)."""
        scores = (
            self._intercept
            + self._code_weight * nearness(candidates.distances, self._bits)
            + self._content_weight * candidates.cosines
        ).round(DECIMALS)
        ranked = replace(candidates, similarities=probability(scores))
        return ranked.take(np.lexsort((candidates.rows, candidates.distances, -scores)))
