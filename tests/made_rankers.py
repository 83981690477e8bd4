"""A ranker that never looks at the codes, and two pairs to teach others."""

from typing import Self

import numpy as np
from jaxtyping import Float

from acir.ranking.base import Keys, Pairs, Ranker
from acir.types import Ranking

ALIKE_AND_OPPOSED = Pairs(8, np.array([0, 8]), np.array([1.0, -1.0]), same=np.array([True, False]))


class ByContent(Ranker):
    """Order by (-cosine, row), whatever the distance."""

    @classmethod
    def fit(cls, pairs: Pairs) -> Self:
        return cls()

    def log_odds(self, candidates: Ranking) -> Float[np.ndarray, " n"]:
        return candidates.cosines

    def keys(self, candidates: Ranking, scores: Float[np.ndarray, " n"]) -> Keys:
        return (-candidates.cosines,)
