"""Whether p-values are spread as those of ordinary pictures are. numpy and scipy."""

import numpy as np
from jaxtyping import Float64, Int
from scipy.stats import kstwo  # type: ignore[import-untyped]

BINS = 10


def distance(p_values: Float64[np.ndarray, " n"], calibration: int) -> float:
    """Return the Kolmogorov-Smirnov distance of conformal p-values from their uniform.

    They take the values 1 / (m + 1), 2 / (m + 1) ... 1 where m is `calibration`, each alike
    frequent for ordinary pictures; the distance is the largest between the two steps.

    Example:
        >>> distance(np.array([0.25, 0.25, 0.75, 1.0]), calibration=3)
        0.25
    """
    step = calibration + 1
    ranks = np.rint(p_values * step).astype(np.int64)
    shares = np.cumsum(np.bincount(ranks, minlength=step + 1)) / len(p_values)
    return float(np.abs(shares - np.arange(len(shares)) / step).max())


def chance_of_as_far(found: float, n: int, calibration: int) -> float:
    """Return how often n ordinary pictures are at least this far from uniform.

    What is ordinary is itself known from m calibration pictures alone, so that this is the test
    of two samples: Kolmogorov's distribution at n m / (n + m) pictures. A test of one sample
    would raise the alarm at any long traffic.

    Args:
        found: What `distance` returned.
        n: Pictures judged.
        calibration: The m pictures that the p-values were computed from.
    """
    return float(kstwo.sf(found, max(1, round(n * calibration / (n + calibration)))))


def histogram(p_values: Float64[np.ndarray, " n"]) -> Int[np.ndarray, " bins"]:
    """Count the p-values in ten steps of 0.1; each includes its upper end."""
    counts: Int[np.ndarray, " bins"] = np.bincount(
        np.clip(np.ceil(np.round(p_values * BINS, 9)).astype(np.int64) - 1, 0, BINS - 1),
        minlength=BINS,
    )
    return counts
