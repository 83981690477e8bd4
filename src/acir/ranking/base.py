"""The contract of a ranker, and the similarity that all of them share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Float16, Int

from acir.types import Ranking


class Ranker(ABC):
    """Order the candidates of a query; never add or drop one.

    The order is total: it ends with the row, hence the id. The same pair has the same similarity
    in any shortlist. Similarities lie in [0, 1] and never increase down the ranking.

    Constructor keywords are what `fit` learned; `config` gives them back as plain values.
    """

    @classmethod
    @abstractmethod
    def fit(
        cls,
        *,
        bits: int,
        distances: Int[np.ndarray, " pairs"],
        cosines: Float[np.ndarray, " pairs"],
        same: Bool[np.ndarray, " pairs"],
    ) -> Self:
        """Learn from pairs of pictures when two of them share a class.

        Defined for pairs that are all alike, as in a degenerate validation set.
        """

    @abstractmethod
    def config(self) -> Mapping[str, float]:
        """Return the constructor's keywords as plain numbers."""

    @abstractmethod
    def rank(self, candidates: Ranking) -> Ranking:
        """Return a permutation of the candidates with their similarities set."""


def cosine(
    query: Float16[np.ndarray, " dim"], embeddings: Float16[np.ndarray, "n dim"]
) -> Float[np.ndarray, " n"]:
    """Return the cosine of unit vectors, the same for the same pair on any machine.

    float16 products are exact in float64 and their sum is rounded to six decimals, so neither the
    size of the shortlist nor the machine's vector width shows.

    Example:
        >>> q = np.array([0.6, 0.8], dtype=np.float16)
        >>> cosine(q, np.array([[0.6, 0.8], [0.8, -0.6]], dtype=np.float16))
        array([0.999687, 0.      ])
    """
    products: Float[np.ndarray, " n"] = np.einsum(
        "ij,j->i", embeddings.astype(np.float64), query.astype(np.float64)
    )
    return products.round(6)
