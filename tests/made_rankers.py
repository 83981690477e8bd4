"""A ranker that never looks at the codes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

from acir.ranking.base import Ranker
from acir.types import Ranking


class ByContent(Ranker):
    """Order by (-cosine, row), whatever the distance."""

    @classmethod
    def fit(
        cls,
        *,
        bits: int,
        distances: Int[np.ndarray, " pairs"],
        cosines: Float[np.ndarray, " pairs"],
        same: Bool[np.ndarray, " pairs"],
    ) -> Self:
        return cls()

    def config(self) -> Mapping[str, float | int]:
        return {}

    def rank(self, candidates: Ranking) -> Ranking:
        ranked = replace(candidates, similarities=(1 + candidates.cosines) / 2)
        return ranked.take(np.lexsort((candidates.rows, -candidates.cosines)))
