"""The contract of an engine."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Int, UInt8

Found = tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]


class Engine(ABC):
    """Search a gallery of packed codes exactly, in the order (distance, row).

    A row is a position in the gallery. Distances are Hamming distances in bits. A radius includes
    its end. `allow` marks the rows that may be returned; None allows all. An empty gallery, or a
    filter that nothing passes, gives empty answers.

    Args:
        codes: The gallery, one row a code.
    """

    @abstractmethod
    def __init__(self, codes: UInt8[np.ndarray, "n bytes"]) -> None:
        """Take the gallery over."""

    @abstractmethod
    def knn(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> tuple[Int[np.ndarray, "q found"], Int[np.ndarray, "q found"]]:
        """Return distances and rows of the min(k, rows allowed) nearest codes of each query."""

    @abstractmethod
    def within(
        self,
        query: UInt8[np.ndarray, " bytes"],
        radius: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> Found:
        """Return distances and rows of every code at most `radius` from one query."""

    def tie_complete(
        self,
        query: UInt8[np.ndarray, " bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> Found:
        """Return the k nearest codes of one query and all that tie with the k-th.

        A ranker that orders ties by content needs the whole class of ties, which `knn` cuts.
        """
        distances, rows = self.knn(query[None], k, allow)
        if distances.size == 0:
            return distances[0], rows[0]
        return self.within(query, int(distances[0, -1]), allow)
