"""How many hits hold a picture of the query's class, with a chosen probability. Pure numpy."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from acir.errors import UsageError

MOST = 25  # hits of an answer set: more are no answer
CERTAIN = 1e-6  # similarities have six decimals, so none leaves less doubt than this


def doubts(similarities: Float[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Return the doubt before each hit: the log-probability that none above it is of the class.

    The sum of log(1 - similarity) over the hits above, as if these were independent. They are not,
    but a doubt only says which answers need more hits; how many, calibration decides. It begins
    with 0 and never rises.

    Args:
        similarities: Of the hits, best first, in [0, 1].

    Example:
        >>> np.exp(doubts(np.array([0.9, 0.5, 0.2]))).round(6)
        array([1.  , 0.1 , 0.05])
    """
    left = np.log(np.maximum(1 - similarities.astype(np.float64), CERTAIN))
    return np.concatenate([np.zeros(1), np.cumsum(left)])[: len(similarities)]


def doubt_to_bear(similarities: Float[np.ndarray, " n"], same: Bool[np.ndarray, " n"]) -> float:
    """Return the doubt before the first hit of the query's class; -inf where there is none.

    Args:
        similarities: Of the hits, best first.
        same: Whether each is of the query's class.
    """
    found = np.flatnonzero(same)
    return float(doubts(similarities)[found[0]]) if found.size else -math.inf


@dataclass(frozen=True, eq=False)
class AnswerSets:
    """What sizes the answer to a picture like those of calibration, for any risk.

    Hits are shown as long as the doubt before them is at least a limit. For a risk r the limit is
    the k-th smallest of the n doubts that calibration pictures have to bear, k = floor(r (n + 1)).
    The doubt of a new exchangeable picture is below it with a probability of at most
    k / (n + 1) <= r, ties included: split conformal prediction (Vovk et al. 2005; Papadopoulos et
    al. 2002), applied to retrieval as by Cai et al. (arXiv 2307.07336).

    Attributes:
        doubts: That each calibration picture has to bear, in any order; -inf where its class does
            not come among the first `MOST` hits.
        gallery: `View.contents` of the pictures that were searched.
        pictures: How many these were.
    """

    doubts: Float64[np.ndarray, " n"]
    gallery: str
    pictures: int

    @property
    def least_risk(self) -> float:
        """The smallest risk that can be promised; 1 where none can."""
        missed = int(np.isneginf(self.doubts).sum())
        return (missed + 1) / (len(self.doubts) + 1)

    def limit(self, risk: float) -> float:
        """Return the doubt down to which hits are shown.

        Raises:
            UsageError: The risk is not between 0 and 1, or cannot be promised.
        """
        if not 0 < risk < 1:
            raise UsageError(f"the risk is {risk:g}, expected more than 0 and less than 1")
        k = min(int(round(risk * (len(self.doubts) + 1), 9)), len(self.doubts))
        if k <= np.isneginf(self.doubts).sum():
            raise UsageError(
                f"a risk of {risk:g} cannot be promised: {self.in_words()}; ask for no less, or "
                "calibrate with more pictures"
            )
        return float(np.partition(self.doubts, k - 1)[k - 1])

    def in_words(self) -> str:
        """Say which risks can be promised, rounded up, and from what."""
        n, missed = len(self.doubts), int(np.isneginf(self.doubts).sum())
        rest = f"{n} calibration pictures, {missed} of them without their class in {MOST} hits"
        if self.least_risk == 1:
            return f"no risk of an answer can be promised from {rest}"
        least = math.ceil(1e4 * round(self.least_risk, 9)) / 1e4
        return f"answers can be sized for a risk of {least:g} or more, from {rest}"


def size(similarities: Float[np.ndarray, " n"], limit: float) -> int:
    """Return how many hits an answer set has: those before which the doubt is at least a limit.

    Args:
        similarities: Of the hits, best first; those after the first `MOST` do not count.
        limit: As `AnswerSets.limit` gives it, at most 0: so at least one hit, where there is any.
    """
    return int((doubts(similarities[:MOST]) >= limit).sum())
