"""Single pictures behind the numbers: what was asked, what the ranker puts where."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from acir.codes import hamming
from acir.evaluation.cosines import cosines
from acir.evaluation.protocol import CodedSet
from acir.metrics.ties import chunks
from acir.ranking.base import Ranker, unranked
from acir.types import Ranking, State


@dataclass(frozen=True)
class NamedSet:
    """Encoded pictures with their names, in ascending order of these.

    Attributes:
        pictures: As the metrics see them.
        ids: One a picture.
        states: The gate's verdict on each picture; empty where it was not asked.
        patients: The keyed hash of each picture's patient, None where none is named; empty where
            it was not asked.

    Raises:
        ValueError: The columns differ in length.
    """

    pictures: CodedSet
    ids: tuple[str, ...]
    states: tuple[State, ...] = ()
    patients: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        optional = (len(column) or len(self.ids) for column in (self.states, self.patients))
        lengths = {len(self.pictures), len(self.ids), *optional}
        if len(lengths) > 1:
            raise ValueError(f"the columns of a named set differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.ids)

    def __getitem__(self, rows: Int[np.ndarray, " m"]) -> "NamedSet":
        """Return some of the pictures."""
        ids = tuple(self.ids[row] for row in rows)
        states = tuple(self.states[row] for row in rows) if self.states else ()
        patients = tuple(self.patients[row] for row in rows) if self.patients else ()
        return NamedSet(self.pictures[rows], ids, states, patients)

    def without(self, other: "NamedSet") -> "NamedSet":
        """Return the pictures whose pixels another set does not hold."""
        return self[self.pictures.rows_outside(other.pictures)]

    def of_other_patients(self, other: "NamedSet") -> "NamedSet":
        """Return the pictures whose patient another set does not show, or is not named."""
        shown = frozenset(other.patients) - {None}
        new = [row for row, patient in enumerate(self.patients) if patient not in shown]
        return self[np.array(new, dtype=np.int64)] if self.patients else self


def rankings(gallery: CodedSet, queries: CodedSet, ranker: Ranker) -> Iterator[Ranking]:
    """Order the whole gallery for each query in turn, as the re-ranked metrics do."""
    rows = np.arange(len(gallery))
    for some in chunks(len(queries), len(gallery)):
        distances = hamming(queries.codes[some], gallery.codes)
        nearness = cosines(queries.embeddings[some], gallery.embeddings)
        for distance, cosine in zip(distances, nearness, strict=True):
            yield ranker.rank(unranked(rows, distance, cosine))


def first_hits(gallery: CodedSet, queries: CodedSet, ranker: Ranker) -> Int[np.ndarray, " queries"]:
    """Return the gallery's row that the ranker puts first for each query."""
    best = [ranking.rows[0] for ranking in rankings(gallery, queries, ranker)]
    return np.array(best, dtype=np.int64)


def spread(count: int, most: int) -> Int[np.ndarray, " m"]:
    """Return at most so many positions out of `count`, evenly spread over them.

    Example:
        >>> spread(9, 3)
        array([0, 4, 8])
    """
    return np.unique(np.linspace(0, max(count - 1, 0), min(most, count)).astype(np.int64))
