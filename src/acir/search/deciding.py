"""Which pictures of a case decided: for each view the one that is most like it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from acir.types import Ranking


@dataclass(frozen=True, eq=False)
class Deciding:
    """The pictures that decided, a row a case and a column a view.

    Attributes:
        rows: The pictures.
        similarities: Of view and picture; their mean over the views is that of the case.
    """

    rows: Int[np.ndarray, "cases views"]
    similarities: Float[np.ndarray, "cases views"]

    def take(self, order: Int[np.ndarray, " m"]) -> "Deciding":
        """Return the cases at these positions, in this order."""
        return Deciding(self.rows[order], self.similarities[order])


def deciding(
    views: Sequence[Ranking],
    cases: Int[np.ndarray, " n"],
    shown: Int[np.ndarray, " m"],
) -> Deciding:
    """Find for each view the picture of a case that is most like it.

    Of equally similar ones, that is the one of the smaller distance, then of the larger cosine,
    then the first.

    Args:
        views: At least one; for each what `acir.search.cases.scored` gives of the same pictures.
        cases: The number of each picture's case.
        shown: One picture of each wanted case.
    """
    best = np.stack([_best(view, cases) for view in views], axis=1)[cases[shown]]
    similarities = np.stack([v.similarities[best[:, k]] for k, v in enumerate(views)], axis=1)
    return Deciding(best, similarities)


def _best(view: Ranking, cases: Int[np.ndarray, " n"]) -> Int[np.ndarray, " numbers"]:
    """Return the best picture of each case by the case's number; 0 for a number without one."""
    # Stable, so ties are left in the order of the pictures.
    order = np.lexsort((-view.cosines, view.distances, -view.similarities, cases))
    starts = np.flatnonzero(np.diff(cases[order], prepend=-1))
    best = np.zeros(int(cases.max(initial=-1)) + 1, dtype=np.int64)
    best[cases[order][starts]] = order[starts]
    return best
