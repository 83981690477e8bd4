"""What may be said once many comparisons are made at once: corrected p values, and words."""

from collections.abc import Collection
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64

from acir.evaluation.significance import LEVEL, Paired

Wording = Literal["better", "worse", "no difference shown"]


def holm(p_values: Float[np.ndarray, " tests"]) -> Float64[np.ndarray, " tests"]:
    """Return the p values of one claim, adjusted so that any false discovery is rare.

    The i-th smallest of m becomes max over j <= i of (m - j + 1) p_j, at most 1 (Holm 1979).

    Raises:
        ValueError: A value is not between 0 and 1.

    Example:
        >>> holm(np.array([0.03, 0.01, 0.02]))
        array([0.04, 0.03, 0.04])
    """
    if not ((p_values >= 0) & (p_values <= 1)).all():
        raise ValueError(f"p values are {p_values.tolist()}, expected numbers from 0 to 1")
    order = np.argsort(p_values)
    adjusted = np.empty(len(p_values))
    factors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return adjusted


def relative_error_cut(ours: float, other: float) -> float | None:
    """Return the share by which our error, 1 - score, is below the other's; negative if above.

    Without error on the other side there is nothing to cut: 0 when ours has none either, else None.

    Example:
        >>> round(relative_error_cut(0.97, 0.96), 6)  # 1 - 0.03 / 0.04
        0.25
    """
    if other == 1:
        return 0.0 if ours == 1 else None
    return 1 - (1 - ours) / (1 - other)


def said(
    paired: Paired,
    adjusted_p: float,
    ours_by_seed: Collection[float],
    other_by_seed: Collection[float],
) -> Wording:
    """Return what may be said of our method, and no more.

    `better` and `worse` take both an adjusted p below 0.05 and ranges over seeds that do not even
    touch; anything less is `no difference shown`, which is not `equal`.

    Args:
        paired: The comparison; its sign decides.
        adjusted_p: Its p, corrected for all comparisons of the same claim; see `holm`.
        ours_by_seed: Our mean score with each seed.
        other_by_seed: The other's.
    """
    if adjusted_p < LEVEL:
        if paired.difference > 0 and min(ours_by_seed) > max(other_by_seed):
            return "better"
        if paired.difference < 0 and max(ours_by_seed) < min(other_by_seed):
            return "worse"
    return "no difference shown"
