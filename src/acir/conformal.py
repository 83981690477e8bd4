"""Scores to p-values. Pure numpy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int

from acir.types import Scored

ENOUGH = 300  # calibration scores of a class that need no help from the others
EMPHASIS = 3
NINE_IN_TEN = (0.05, 0.95)


class Ordinary:
    """Scores of ordinary pictures, sorted once, and how rare other scores are among them.

    Args:
        scores: In any order, one row a detector where there are several; higher is more outlying
            and +inf is allowed.

    Example:
        >>> Ordinary(np.array([3.0, 1.0, 2.0])).p_values(np.array([0.0, 2.0, 9.0]))
        array([1.  , 0.75, 0.25])
    """

    def __init__(self, scores: Float64[np.ndarray, "*detectors m"]) -> None:
        ascending = np.sort(scores)
        self._rows = np.atleast_2d(ascending)
        self._tail = _Tail(ascending)

    def p_values(
        self, scores: Float64[np.ndarray, "*detectors n"]
    ) -> Float64[np.ndarray, "*detectors n"]:
        """Return the share of ordinary scores that are at least as high, each score counted in.

        p = (1 + #{c : c >= s}) / (m + 1) (Bates et al. 2021, arXiv 2104.08279, eq. 3). For a score
        exchangeable with the ordinary ones, P(p <= alpha) <= alpha.
        """
        m = self._rows.shape[1]
        asked = zip(self._rows, np.atleast_2d(scores), strict=True)
        below = np.array([row.searchsorted(some) for row, some in asked])
        p: Float64[np.ndarray, "*detectors n"] = (1 + m - below) / (m + 1)
        return p.reshape(scores.shape)

    def surprise(
        self,
        scores: Float64[np.ndarray, "*detectors n"],
        p: Float64[np.ndarray, "*detectors n"] | None = None,
    ) -> Float64[np.ndarray, "*detectors n"]:
        """Return -log p, going on beyond the highest ordinary score c instead of saturating there.

        Beyond c, p falls as a Pareto tail of index 1, heavier than any to be expected, so that the
        extrapolation claims little: -log p = log(m + 1) + log(1 + (s - c) / (c - median)). Far
        pictures stay in order. The function is never decreasing and fixed by the ordinary scores
        alone, so a threshold set on other pictures holds whatever the tail is. Without ordinary
        scores nothing is surprising: 0.

        Args:
            scores: Higher is more outlying; +inf is allowed.
            p: Their p-values, where they are known already.
        """
        found = self.p_values(scores) if p is None else p
        values: Float64[np.ndarray, "*detectors n"] = self._tail.gain(scores) - np.log(found)
        return values


class _Tail:
    """What surprise gains beyond the highest of ascending scores; nothing where it is infinite."""

    def __init__(self, ascending: Float64[np.ndarray, "*detectors m"]) -> None:
        m = ascending.shape[-1]
        self._highest: Float64[np.ndarray, "*detectors 1"] = (
            ascending[..., -1:] if m else np.array([np.inf])
        )
        self._scale = np.ones_like(self._highest)
        if m:
            middle = (ascending[..., [(m - 1) // 2]] + ascending[..., [m // 2]]) / 2
            spread = (self._highest > middle) & np.isfinite(self._highest)
            np.subtract(self._highest, middle, out=self._scale, where=spread)

    def gain(
        self, scores: Float64[np.ndarray, "*detectors n"]
    ) -> Float64[np.ndarray, "*detectors n"]:
        excess = np.zeros(scores.shape)
        np.subtract(scores, self._highest, out=excess, where=scores > self._highest)
        gain: Float64[np.ndarray, "*detectors n"] = np.log1p(excess / self._scale)
        return gain


def combined(surprises: Float64[np.ndarray, "detectors n"]) -> Float64[np.ndarray, " n"]:
    """Return the sum of the cubes of surprises, one number a picture.

    With power 1 it is Fisher's statistic, to which many small surprises add up as to a large one;
    with growing power the largest decides alone. A broken picture may be odd in one respect only.

    Args:
        surprises: -log p, a row a detector, at least one.

    Example:
        >>> combined(np.array([[1.0, 2.0], [3.0, 0.0]]))
        array([28.,  8.])
    """
    # One after another: NumPy would add those of a single picture in another order.
    total: Float64[np.ndarray, " n"] = sum(surprises**EMPHASIS)
    return total


class OrdinaryByClass:
    """Scores of ordinary pictures, and how surprising another is beside those of its class.

    Args:
        scores: Higher is more outlying.
        classes: Of each score, any whole numbers.
    """

    def __init__(self, scores: Float64[np.ndarray, " m"], classes: Int[np.ndarray, " m"]) -> None:
        self._all = _WithoutSteps(scores)
        self._own = {}
        for one in np.unique(classes).tolist():
            own = scores[classes == one]
            self._own[one] = min(1.0, len(own) / ENOUGH), _WithoutSteps(own)

    def surprise(
        self, scores: Float64[np.ndarray, " n"], classes: Int[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n"]:
        """Return -log p of each score among those of its class, as far as they suffice.

        p = w p_class + (1 - w) p_all with w = min(1, n_class / 300): the class alone where it has
        300 ordinary scores (Mondrian conformal prediction, Vovk et al. 2003), all scores where it
        has none, and in between shrunk to them. Both p fall from one ordinary score to the next
        without steps, and beyond the highest as in `Ordinary.surprise`: few scores would tie
        otherwise. The result is a fixed function of score and class that rises with the score, so
        a threshold set on other pictures holds whatever the weights are.

        Args:
            scores: Higher is more outlying; +inf is allowed.
            classes: Of each score.
        """
        values = self._all.surprise(scores)
        for one in self._own.keys() & set(classes.tolist()):
            weight, own = self._own[one]
            members = classes == one
            alone = own.surprise(scores[members])
            if weight < 1:
                rest = math.log1p(-weight) - values[members]
                alone = -np.logaddexp(math.log(weight) - alone, rest)
            values[members] = alone
        return values


class _WithoutSteps:
    """What `Ordinary.surprise` is at finite ordinary scores, and straight lines between them.

    Of equal ones the last counts, as if it were a little higher than the others.
    """

    def __init__(self, scores: Float64[np.ndarray, " m"]) -> None:
        self._known = np.sort(scores[np.isfinite(scores)])
        n = len(self._known)
        self._levels = -np.log(np.arange(n + 1, 1, -1) / (n + 1))
        self._tail = _Tail(self._known)

    def surprise(self, scores: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        if not len(self._known):
            return np.zeros(len(scores))
        values: Float64[np.ndarray, " n"] = np.interp(scores, self._known, self._levels)
        values += self._tail.gain(scores)
        return values


@dataclass(frozen=True)
class Compared:
    """How unusual pictures are: a row a detector, a column a picture.

    Attributes:
        scores: What the detectors say.
        p_values: Share of ordinary pictures with a score at least as high; see `Ordinary`.
        surprises: -log p, going on beyond the highest.
        totals: Of each picture: the sum of its surprises, made a surprise in its predicted class.
    """

    scores: Float64[np.ndarray, "detectors n"]
    p_values: Float64[np.ndarray, "detectors n"]
    surprises: Float64[np.ndarray, "detectors n"]
    totals: Float64[np.ndarray, " n"]


class Usual:
    """What the detectors say of ordinary pictures, which others are compared with.

    Args:
        scored: Of ordinary pictures.
    """

    def __init__(self, scored: Scored) -> None:
        self._scored = scored
        table = self._table(scored)
        self._ordinary = Ordinary(table)
        sums = combined(self._ordinary.surprise(table))
        self._sums = OrdinaryByClass(sums, scored.predicted)

    def compare(self, scored: Scored) -> Compared:
        """Say how unusual pictures are of which the same detectors were asked."""
        table = self._table(scored)
        p = self._ordinary.p_values(table)
        surprises = self._ordinary.surprise(table, p)
        totals = self._sums.surprise(combined(surprises), scored.predicted)
        return Compared(table, p, surprises, totals)

    @cached_property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Where the scores of nine in ten ordinary pictures lie, by the detector's name."""
        ordinary = self._scored.by_detector.items()
        quantiles = {n: np.quantile(column, NINE_IN_TEN, method="lower") for n, column in ordinary}
        return {name: (float(low), float(high)) for name, (low, high) in quantiles.items()}

    def _table(self, scored: Scored) -> Float64[np.ndarray, "detectors n"]:
        return np.array([scored.by_detector[name] for name in self._scored.by_detector])
