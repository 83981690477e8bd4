"""Scores to p-values, and the rank at which a threshold keeps its promise. Pure numpy."""

import math
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float64, Int

from acir.types import Scored

ENOUGH = 300  # calibration scores of a class that need no help from the others
EMPHASIS = 3


def p_values(
    scores: Float64[np.ndarray, " n"], calibration: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " n"]:
    """Return the share of calibration scores that are at least as high, each score counted in.

    p = (1 + #{c : c >= s}) / (m + 1) (Bates et al. 2021, arXiv 2104.08279, eq. 3). For a score
    exchangeable with the calibration scores, P(p <= alpha) <= alpha.

    Args:
        scores: Higher is more outlying; +inf is allowed.
        calibration: Scores of ordinary pictures, in any order.

    Example:
        >>> p_values(np.array([0.0, 2.0, 9.0]), np.array([1.0, 2.0, 3.0]))
        array([1.  , 0.75, 0.25])
    """
    return _among(scores, np.sort(calibration))


def surprise(
    scores: Float64[np.ndarray, " n"], calibration: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " n"]:
    """Return -log p, going on beyond the highest calibration score c instead of saturating there.

    Beyond c, p falls as a Pareto tail of index 1, heavier than any to be expected, so that the
    extrapolation claims little: -log p = log(m + 1) + log(1 + (s - c) / (c - median)). Far
    pictures stay in order. The function is never decreasing and fixed by `calibration` alone, so
    a threshold set on other pictures holds whatever the tail is. Without calibration scores
    nothing is surprising: 0.
    """
    known = np.sort(calibration)
    values: Float64[np.ndarray, " n"] = -np.log(_among(scores, known))
    if len(known) and math.isfinite(known[-1]):
        values += _beyond(scores, known)
    return values


def _among(
    scores: Float64[np.ndarray, " n"], known: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " n"]:
    """Return the p-values of scores among ascending ones."""
    at_least = len(known) - np.searchsorted(known, scores, side="left")
    p: Float64[np.ndarray, " n"] = (1 + at_least) / (len(known) + 1)
    return p


def _beyond(
    scores: Float64[np.ndarray, " n"], known: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " n"]:
    """Return what surprise gains beyond the highest of ascending finite scores."""
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2  # the median, quickly
    gain: Float64[np.ndarray, " n"] = np.log1p(
        np.maximum(scores - known[-1], 0) / (known[-1] - middle or 1.0)
    )
    return gain


def combined(
    surprises: Iterable[Float64[np.ndarray, " n"]], emphasis: int = EMPHASIS
) -> Float64[np.ndarray, " n"]:
    """Return the sum of powers of surprises, one number a picture.

    With power 1 it is Fisher's statistic, to which many small surprises add up as to a large one;
    with growing power the largest decides alone. A broken picture may be odd in one respect only.

    Args:
        surprises: Of each detector, -log p, at least one.
        emphasis: The power.

    Example:
        >>> combined([np.array([1.0, 2.0]), np.array([3.0, 0.0])])
        array([28.,  8.])
    """
    total: Float64[np.ndarray, " n"] = np.sum([one**emphasis for one in surprises], axis=0)
    return total


def surprise_in_class(
    scores: Float64[np.ndarray, " n"],
    classes: Int[np.ndarray, " n"],
    calibration: Float64[np.ndarray, " m"],
    calibration_classes: Int[np.ndarray, " m"],
) -> Float64[np.ndarray, " n"]:
    """Return -log p of each score among calibration scores of its class, as far as they suffice.

    p = w p_class + (1 - w) p_all with w = min(1, n_class / 300): the class alone where it has 300
    calibration scores (Mondrian conformal prediction, Vovk et al. 2003), all scores where it has
    none, and in between shrunk to them. Both p fall from one calibration score to the next without
    steps, and beyond the highest as in `surprise`: few scores would tie otherwise. The result is a
    fixed function of score and class that rises with the score, so a threshold set on other
    pictures holds whatever the weights are.

    Args:
        scores: Higher is more outlying; +inf is allowed.
        classes: Of each score, any whole numbers.
        calibration: Scores of ordinary pictures.
        calibration_classes: Of each of these.
    """
    values = _without_steps(scores, calibration)
    for one in np.unique(classes):
        members, own = classes == one, calibration[calibration_classes == one]
        weight = min(1.0, len(own) / ENOUGH)
        if weight == 1:
            values[members] = _without_steps(scores[members], own)
        elif weight > 0:
            alone = math.log(weight) - _without_steps(scores[members], own)
            values[members] = -np.logaddexp(alone, math.log1p(-weight) - values[members])
    return values


def surprises(scored: Scored, calibration: Scored) -> dict[str, Float64[np.ndarray, " n"]]:
    """Return how surprising each detector finds each picture, by its name; see `surprise`."""
    ordinary = calibration.by_detector
    return {name: surprise(column, ordinary[name]) for name, column in scored.by_detector.items()}


def sums(
    scored: Scored, calibration: Scored, emphasis: int = EMPHASIS
) -> Float64[np.ndarray, " n"]:
    """Return what the surprises of all detectors come to for each picture; see `combined`."""
    return combined(surprises(scored, calibration).values(), emphasis)


def totals(
    scored: Scored,
    calibration: Scored,
    emphasis: int = EMPHASIS,
    usual: Float64[np.ndarray, " m"] | None = None,
) -> Float64[np.ndarray, " n"]:
    """Return the total of each picture: its sum, made a surprise within the predicted class.

    Args:
        scored: What the detectors say of the pictures.
        calibration: What they say of ordinary ones.
        emphasis: See `combined`.
        usual: The sums of `calibration`, where they are known already.
    """
    known = sums(calibration, calibration, emphasis) if usual is None else usual
    found = sums(scored, calibration, emphasis)
    return surprise_in_class(found, scored.predicted, known, calibration.predicted)


def _without_steps(
    scores: Float64[np.ndarray, " n"], calibration: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " n"]:
    """Return what `surprise` returns at the calibration scores, and straight lines between them."""
    known = np.sort(calibration[np.isfinite(calibration)])
    n = len(known)
    if n == 0:
        return np.zeros(len(scores))
    levels = -np.log(np.arange(n + 1, 1, -1) / (n + 1))
    values: Float64[np.ndarray, " n"] = np.interp(scores, known, levels)
    values += _beyond(scores, known)
    return values


def largest_rank(n: int, alpha: float, confidence: float) -> int:
    """Return the largest r such that flagging above the r-th largest of n keeps the promise.

    The false-alarm rate of that threshold is Beta(r, n + 1 - r), over the draw of the n scores.
    The promise is P(rate <= alpha) >= confidence; 0 when even the largest score cannot keep it.
    Computed as a binomial tail: P(Beta(r, n + 1 - r) <= alpha) = P(Binomial(n, alpha) >= r).

    Example:
        >>> largest_rank(1000, 0.03, 0.95)
        21
    """
    if alpha <= 0:
        return 0
    fewer, r = 0.0, 0  # fewer = P(Binomial < r + 1) below
    while r < n:
        fewer += math.exp(
            math.lgamma(n + 1)
            - math.lgamma(r + 1)
            - math.lgamma(n - r + 1)
            + r * math.log(alpha)
            + (n - r) * math.log1p(-alpha)
        )
        if fewer > 1 - confidence:
            break
        r += 1
    return r


def weakest_rate(n: int, confidence: float) -> float:
    """Return the smallest false-alarm rate that n calibration pictures can promise.

    The threshold is then the largest of the n scores, and its rate Beta(1, n):
    P(rate <= x) = 1 - (1 - x)^n, solved for the confidence. 1 without any picture.

    Example:
        >>> round(weakest_rate(50, 0.95), 4)
        0.0582
    """
    return -math.expm1(math.log(1 - confidence) / n) if n else 1.0


def pictures_needed(alpha: float, confidence: float) -> int | None:
    """Return the fewest calibration pictures for any promise, or None when no number suffices.

    Example:
        >>> pictures_needed(0.03, 0.95)
        99
    """
    if alpha <= 0:
        return None
    return max(1, math.ceil(math.log(1 - confidence) / math.log1p(-alpha)))
