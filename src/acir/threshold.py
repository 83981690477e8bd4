"""From the totals of ordinary pictures to a limit: what lies above it is called unknown.

Pure numpy; see `acir.gate` for what the totals are of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64

from acir.conformal import Ordinary
from acir.gate_words import promise_in_words
from acir.promise import independent, largest_rank
from acir.recipe import GateRecipe
from acir.types import Calibration, State

UNUSUAL = 0.05  # outside what nineteen in twenty ordinary pictures reach


@dataclass(frozen=True)
class Place:
    """How unusual a picture is beside those of calibration, as totals of surprise.

    Attributes:
        total: Of the picture.
        low: Below it lie 5 % of the calibration pictures.
        high: Above it lie 5 %.
        limit: Above it a picture is called unknown.
    """

    total: float
    low: float
    high: float
    limit: float


@dataclass(frozen=True, eq=False)
class Threshold:
    """Two limits, above which a picture is called unknown or only unusual.

    A picture is flagged when its total is strictly above the r-th largest of the calibration
    pictures, that is when its p-value is at most r / (n + 1).

    Attributes:
        totals: Of the calibration pictures.
        recipe: The two false-alarm rates and their confidence.
        promise: Whether the pictures were kept for calibration alone.
        independent: As how many independent ones they count, or None where each counts; see
            `acir.promise.independent`.
    """

    totals: Float64[np.ndarray, " b"]
    recipe: GateRecipe
    promise: bool
    independent: int | None = None

    @classmethod
    def of(
        cls,
        totals: Float64[np.ndarray, " b"],
        recipe: GateRecipe,
        promise: bool,
        groups: Sequence[float] | None,
    ) -> "Threshold":
        """Return the threshold of pictures of which those of a group may be alike."""
        count = None if groups is None else independent(totals, np.array(groups))
        return cls(totals, recipe, promise, count)

    @property
    def count(self) -> int:
        """As how many independent pictures those of calibration count."""
        return len(self.totals) if self.independent is None else self.independent

    @cached_property
    def unknown(self) -> Calibration:
        """What is promised of the limit above which a picture is unknown."""
        return self._calibration(self.recipe.unknown)

    @cached_property
    def caution(self) -> Calibration:
        """What is promised of the limit above which it asks for caution."""
        return self._calibration(self.recipe.caution)

    def p_values(self, totals: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Return the share of ordinary pictures that are at least as unusual as each picture."""
        return self._ordinary.p_values(totals)

    def state(self, p: float) -> State:
        """Say what a picture of a p-value is called."""
        if _is_flagged(p, self.unknown):
            return "unknown"
        return "caution" if _is_flagged(p, self.caution) else "known"

    def together(self, lowest: float, pictures: int) -> tuple[State, float, Calibration]:
        """Return state and p-value of several pictures, and what is promised of such a state.

        Their p-values may depend on one another in any way, as those of slices do. By Bonferroni's
        inequality, K times the lowest of K is a p-value of the set: P(K min p <= a) is at most the
        sum of P(p_k <= a / K), which is at most a. Likewise, with limits that promise a K-th of
        each rate for one picture, the rate is kept for the set, at the same confidence.

        Args:
            lowest: Of the p-values.
            pictures: How many there are, at least one.
        """
        rates = self.recipe.unknown, self.recipe.caution
        unknown, caution = (rate / pictures for rate in rates)
        each = replace(self, recipe=replace(self.recipe, unknown=unknown, caution=caution))
        promised = each.unknown.promised and rates[0]
        level = replace(each.unknown, alpha=rates[0], promised=promised)
        return each.state(lowest), min(1.0, pictures * lowest), level

    def false_alarms(self) -> Bool[np.ndarray, " b"]:
        """Say which calibration pictures, in their order, the others would call unknown.

        Each is judged as if it were new: by itself, it would look more ordinary than it is.
        """
        totals = self.totals
        among_others = len(totals) - 1 - np.searchsorted(np.sort(totals), totals)
        flagged: Bool[np.ndarray, " b"] = among_others < self.unknown.r
        return flagged

    def place(self, total: float) -> Place | None:
        """Say where a picture lies among the calibration pictures, or None without any."""
        n = len(self.totals)
        if not n or not np.isfinite(total):
            return None
        low, high = np.quantile(self.totals, (UNUSUAL, 1 - UNUSUAL))
        limit = np.sort(self.totals)[n - min(self.unknown.r, n)]
        return Place(total, float(low), float(high), float(limit))

    def promise_in_words(self) -> str:
        """Say what is promised, or why nothing is and how many pictures it would take."""
        return promise_in_words(self.unknown, self.count, self.recipe.confidence, kept=self.promise)

    @cached_property
    def _ordinary(self) -> Ordinary:
        return Ordinary(self.totals)

    def _calibration(self, alpha: float) -> Calibration:
        n, count = len(self.totals), self.count
        rank = largest_rank(count, alpha, self.recipe.confidence)
        kept = self.promise and rank > 0
        # The share that may lie above is the one that it is among so many independent pictures.
        r = rank * (n + 1) // (count + 1)
        # Too few for a promise: only what exceeds every calibration picture is flagged.
        return Calibration(n, max(r, min(n, 1)), alpha, alpha if kept else None)


def _is_flagged(p: float, level: Calibration) -> bool:
    return p <= level.r / (level.n + 1)
