"""What a gate says to a person: its promise, how rare a picture is, and the evidence."""

import math

from acir.promise import pictures_needed, weakest_rate
from acir.types import Calibration

COMMON = 0.1
ONE_IN = [m * 10**e for e in range(8, 0, -1) for m in (5, 2, 1)]  # falling


def promise_in_words(found: Calibration, count: int, confidence: float, *, kept: bool) -> str:
    """Say what is promised, or why nothing is and how many pictures it would take.

    Args:
        found: What stands behind the threshold.
        count: As how many independent pictures those of calibration count.
        confidence: Probability with which the rate holds.
        kept: Whether pictures were kept for calibration alone.
    """
    if found.promised is not None:
        return (
            f"at most {found.alpha:.3g} of ordinary pictures are called unknown, with "
            f"confidence {confidence:.3g}, from {_counted(found.n, count)}"
        )
    if not kept:
        return "no guarantee possible: no pictures were kept for calibration alone"
    needed = pictures_needed(found.alpha, confidence) or "no finite number"
    weaker = _weaker(found.alpha, count, confidence)
    return f"no guarantee possible: {_counted(found.n, count)}, {needed} needed{weaker}"


def _counted(n: int, count: int) -> str:
    """Say how many calibration pictures there are, and as how many they count where fewer."""
    alike = f" that count as {count}, as many are alike or of one patient" if count < n else ""
    return f"{n} calibration pictures{alike}"


def _weaker(alpha: float, count: int, confidence: float) -> str:
    """Say which rate higher than the one asked for can be promised, rounded up."""
    rate = math.ceil(1000 * weakest_rate(count, confidence)) / 1000
    if rate == 1:
        return ""
    return (
        f" for a rate of {alpha:.3g}; only that at most {rate:.3g} of "
        "ordinary pictures are called unknown can be promised, with confidence "
        f"{confidence:.3g}"
    )


def share_in_words(p: float, n: int, pictures: int = 1) -> str:
    """Say how many ordinary pictures look as unusual, rounded to the safe side when rare.

    Args:
        p: Share of ordinary pictures, in (0, 1]; of several, a bound on the share of such sets.
        n: How many pictures it was measured on.
        pictures: How many make a set.
    """
    if n == 0:
        return "there are no ordinary pictures to compare with"
    look = (
        "ordinary pictures look this unusual"
        if pictures == 1
        else f"ordinary sets of {pictures} pictures hold one this unusual"
    )
    if p >= COMMON:
        share = str(round(100 * p)) if pictures == 1 else f"at most {percent_above(p)}"
        return f"{share} in 100 {look} (p = {p:.2g})"
    one_in = next(step for step in ONE_IN if step * p <= 1)
    return f"at most 1 in {one_in} {look} (p = {p:.2g})"


def percent_above(p: float) -> int:
    """Return a share in whole percent, rounded up.

    Example:
        >>> percent_above(0.07), percent_above(0.071)
        (7, 8)
    """
    return math.ceil(round(100 * p, 9))  # in binary, 100 x 0.07 is more than 7


def evidence_in_words(reason: str, measure: str, score: float, usual: tuple[float, float]) -> str:
    """Say what a detector found, beside the usual range of its scores."""
    if not math.isfinite(score):
        return f"{reason}, {measure} cannot be computed"
    low, high = usual
    return f"{reason}, {measure} {score:.2g}, usually {low:.2g} to {high:.2g}"
