"""The contract of an engine."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from acir.codes import BITS_PER_BYTE
from acir.errors import TooManyHitsError

Queries = UInt8[np.ndarray, "q bytes"]
Allow = Bool[np.ndarray, " n"] | None
# Distances and rows of as many answers as there are queries, all of one length.
Nearest = tuple[Int[np.ndarray, "q found"], Int[np.ndarray, "q found"]]
# Distances and rows of one answer; its length is no one else's, hence the anonymous axes.
Found = tuple[Int[np.ndarray, " _"], Int[np.ndarray, " _"]]
ROW_BITS = 40  # of a number that also holds a distance


class Engine(ABC):
    """Search a gallery of packed codes, in the order (distance, row), both ascending.

    A row is a position in the gallery. Distances are Hamming distances in bits. A radius includes
    its end. `allow` marks the rows that may be returned; None allows all. An empty gallery, or a
    filter that nothing passes, gives empty answers. Each query has an answer of its own, which
    does not depend on the queries beside it.

    An engine takes what it needs of these by keyword: `codes`, the gallery, a code a row; `keys`,
    the numbers of its pictures in the store, which are never given to another picture; `server`
    and `collection`, where a copy of the codes is kept; `learned`, what an earlier engine of the
    same index learned in building, or None.

    Attributes:
        exact: Whether every engine of this kind finds all that there is to find.
        on_server: Whether a server keeps a copy of the codes, which building brings up to date.
        recall: Share of the true neighbours that this one finds, measured where it is not exact.
        remarks: What a person should know of how it searches, each in a sentence.
        learned: What building takes long to find out, for the next engine of the same index; it
            may tell codes, and says itself which gallery it is of. None where there is nothing.
    """

    exact: ClassVar[bool] = True
    on_server: ClassVar[bool] = False
    recall: float = 1.0
    remarks: tuple[str, ...] = ()
    learned: bytes | None = None

    @abstractmethod
    def __init__(self, codes: UInt8[np.ndarray, "n bytes"]) -> None:
        """Take the gallery over; `acir.index.chosen.build` passes the rest to those who ask."""
        self._shape = codes.shape

    def knn(self, queries: Queries, k: int, allow: Allow = None) -> Nearest:
        """Return distances and rows of the min(k, rows allowed) nearest codes of each query.

        Raises:
            ValueError: The queries are of another length than the codes, k is negative, or
                `allow` is not of the gallery's length.
        """
        self._check(queries, allow, k)
        return self._knn(queries, k, allow)

    def within(
        self, queries: Queries, radius: int, allow: Allow = None, cap: int | None = None
    ) -> list[Found]:
        """Return distances and rows of every code at most `radius` from each query.

        Args:
            queries: Packed codes.
            radius: In bits; below 0 nothing is near enough.
            allow: Rows that may be returned.
            cap: Most rows that the caller can take for one query; None for any number.

        Raises:
            TooManyHitsError: A query has more; nothing is cut.
            ValueError: As for `knn`.
        """
        self._check(queries, allow)
        answers = self._within(queries, radius, allow, cap)
        if cap is not None and any(len(rows) > cap for _, rows in answers):
            raise TooManyHitsError(
                f"more than {cap} pictures, the most that were allowed, are within {radius} bits "
                "of a query; ask for a smaller radius or filter"
            )
        return answers

    def tie_complete(self, queries: Queries, k: int, allow: Allow = None) -> list[Found]:
        """Return the k nearest codes of each query and all that tie with the k-th.

        A ranker that orders ties by content needs the whole class of ties, which `knn` cuts.

        Raises:
            TooManyTiesError: An engine cannot return so many; nothing is cut.
            ValueError: As for `knn`.
        """
        self._check(queries, allow, k)
        return self._tie_complete(queries, k, allow)

    def passing(self, allow: Allow) -> int:
        """Count the rows that a filter lets through."""
        return self._shape[0] if allow is None else int(np.count_nonzero(allow))

    @classmethod
    def copies(cls, server: str) -> list[str]:
        """Return the names of all collections of a server; none where an engine has none.

        Raises:
            ServerError: The server cannot be used.
        """
        return []

    @classmethod  # noqa: B027 - most engines have no server
    def drop(cls, server: str, collection: str) -> None:
        """Remove a collection from a server; one that is gone already is no error.

        Raises:
            ServerError: The server cannot be used.
        """

    def close(self) -> None:  # noqa: B027 - most engines hold nothing but memory
        """Let go of what lies outside this process; closing twice is harmless."""

    @abstractmethod
    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        """Do what `knn` says with what fits the gallery."""

    @abstractmethod
    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        """Do what `within` says; beyond `cap` one row more is as good as all."""

    def _tie_complete(self, queries: Queries, k: int, allow: Allow) -> list[Found]:
        """Do what `tie_complete` says, by a second search; an engine may know a shorter way."""
        distances, rows = self._knn(queries, k, allow)
        if distances.size == 0:
            return list(zip(distances, rows, strict=True))
        return self._each_within(queries, distances[:, -1], allow)

    def _each_within(
        self, queries: Queries, radii: Int[np.ndarray, " q"], allow: Allow
    ) -> list[Found]:
        """Return what is within a radius of its own from each query."""
        answers: dict[int, Found] = {}
        for radius in set(radii.tolist()):
            asked = np.flatnonzero(radii == radius)
            found = self._within(queries[asked], radius, allow, None)
            answers |= zip(asked.tolist(), found, strict=True)
        return [answers[i] for i in range(len(queries))]

    def _check(self, queries: Queries, allow: Allow, k: int = 0) -> None:
        """Refuse what does not fit the gallery."""
        if queries.shape[1] != self._shape[1]:
            raise ValueError(
                f"the queries have {queries.shape[1] * BITS_PER_BYTE} bits, the codes of the "
                f"gallery {self._shape[1] * BITS_PER_BYTE}; encode both with one model"
            )
        if allow is not None and len(allow) != self._shape[0]:
            raise ValueError(
                f"the filter marks {len(allow)} rows, the gallery has {self._shape[0]}; mark each "
                "of them"
            )
        if k < 0:
            raise ValueError(f"k is {k}, expected at least 0, the neighbours wanted")


def without(found: Found, barred: Int[np.ndarray, " rows"]) -> Found:
    """Leave out the hits at some rows, which ascend and are mostly few."""
    if not len(barred):
        return found
    distances, rows = found
    free = barred.take(np.searchsorted(barred, rows), mode="clip") != rows
    return distances[free], rows[free]


def in_order(distances: Shaped[np.ndarray, " m"], rows: Int[np.ndarray, " m"]) -> Found:
    """Sort hits by (distance, row).

    As one number each they are sorted in a tenth of the time that two keys take.
    """
    order = distances.astype(np.int64) << ROW_BITS | rows
    order.sort()
    return (order >> ROW_BITS).astype(np.int32), order & ((1 << ROW_BITS) - 1)


def stacked(answers: Sequence[Found], found: int) -> Nearest:
    """Put the first `found` of each answer below each other, as `knn` returns them."""
    distances = np.empty((len(answers), found), dtype=np.int32)
    rows = np.empty((len(answers), found), dtype=np.int64)
    for i, answer in enumerate(answers):
        distances[i], rows[i] = answer[0][:found], answer[1][:found]
    return distances, rows
