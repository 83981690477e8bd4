"""How well scores tell unknown pictures from known ones.

Unknown is the positive class, as in OpenOOD (arXiv 2306.09301), and a higher score is more
outlying. Equal scores are never split: no order of the pictures can change a value.
"""

import numpy as np
from jaxtyping import Float

ROUNDING = 1e-9  # 0.29 x 100 is 28.999999999999996


def auroc(known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"]) -> float:
    """Return the chance that an unknown picture scores above a known one; a tie counts half.

    Raises:
        ValueError: A side is empty, or a score is NaN.

    Example:
        >>> auroc(np.array([1.0, 2.0]), np.array([2.0, 3.0]))  # 3 of 4 pairs right, 1 tied
        0.875
    """
    _require_scores(known, unknown)
    ranked = np.sort(known)
    below = np.searchsorted(ranked, unknown, side="left")
    not_above = np.searchsorted(ranked, unknown, side="right")
    return float((below + not_above).mean() / (2 * len(known)))


def fpr_at_95_tpr(known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"]) -> float:
    """Return the share of known pictures flagged where at least 95 % of unknown ones are.

    The threshold is the highest score that flags that many; a score equal to it is flagged.

    Raises:
        ValueError: A side is empty, or a score is NaN.

    Example:
        >>> fpr_at_95_tpr(np.array([1.0, 2.0]), np.array([2.0, 3.0]))  # 2 must be flagged
        0.5
    """
    _require_scores(known, unknown)
    flagged = -(-95 * len(unknown) // 100)  # rounded up, exact in integers
    threshold = np.sort(unknown)[-flagged]
    return float((known >= threshold).mean())


def threshold_at(known: Float[np.ndarray, " n"], rate: float) -> float:
    """Return the lowest score above which at most a share `rate` of known pictures lies.

    What is flagged lies strictly above it.

    Args:
        known: Their scores.
        rate: False alarms allowed, in [0, 1).

    Raises:
        ValueError: There is no score, one is NaN, or the rate is out of range.

    Example:
        >>> threshold_at(np.array([1.0, 2.0, 3.0, 4.0]), 0.25)
        3.0
    """
    _require_scores(known, known)
    if not 0 <= rate < 1:
        raise ValueError(f"the rate is {rate}, expected at least 0 and below 1")
    allowed = int(rate * len(known) + ROUNDING)
    return float(np.sort(known)[-1 - allowed])


def detected_at(
    known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"], rate: float
) -> float:
    """Return the share of unknown pictures flagged where at most `rate` of known ones are.

    Args:
        known: Scores of known pictures.
        unknown: Scores of unknown ones.
        rate: False alarms allowed, in [0, 1).

    Raises:
        ValueError: A side is empty, a score is NaN, or the rate is out of range.

    Example:
        >>> detected_at(np.array([1.0, 2.0]), np.array([1.5, 3.0]), 0.0)
        0.5
    """
    _require_scores(known, unknown)
    return float((unknown > threshold_at(known, rate)).mean())


def aupr(known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"]) -> float:
    """Return the area under the precision-recall curve as a step function (average precision).

    It is the mean, over unknown pictures, of the share of unknown ones among all pictures that
    score at least as high; a blind score gives the share of unknown pictures.

    Raises:
        ValueError: A side is empty, or a score is NaN.

    Example:
        >>> aupr(np.array([1.0, 2.0]), np.array([2.0, 3.0]))  # (1/1 + 2/3) / 2
        0.8333333333333333
    """
    _require_scores(known, unknown)
    known_above = len(known) - np.searchsorted(np.sort(known), unknown, side="left")
    unknown_above = len(unknown) - np.searchsorted(np.sort(unknown), unknown, side="left")
    return float((unknown_above / (unknown_above + known_above)).mean())


def _require_scores(known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"]) -> None:
    if not (len(known) and len(unknown)):
        raise ValueError(
            f"got {len(known)} known and {len(unknown)} unknown scores; give at least one of each"
        )
    missing = int(np.isnan(known).sum() + np.isnan(unknown).sum())
    if missing:
        raise ValueError(f"{missing} scores are NaN; leave out pictures that have no score")
