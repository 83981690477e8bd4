"""Pictures that show nothing."""

from math import sqrt

import numpy as np

from acir.robustness.case import Case, Planes, degrees, once
from acir.robustness.corruption import REJECT, Corruption
from acir.robustness.resample import placed, resized


def black(case: Case) -> Planes:
    """Return zeros."""
    return np.zeros_like(case.planes)


def plain_grey(case: Case, level: float) -> Planes:
    """Return one value."""
    return np.full_like(case.planes[:1], level)


def grey_with_noise(case: Case, deviation: float) -> Planes:
    """Return the mean of the picture, with noise: an exposure through a lens cap."""
    return np.asarray(case.planes.mean() + deviation * case.random.standard_normal((1, *case.size)))


def mostly_black(case: Case, share: float) -> Planes:
    """Show the whole picture small, so that at least this share of the pixels is 0."""
    height, width = case.size
    side = sqrt(1 - share)
    rows, columns = int(side * height), int(side * width)
    if rows == 0 or columns == 0:
        return black(case)
    small = resized(case.planes, rows, columns)
    return placed(small, black(case), (height - rows) // 2, (width - columns) // 2)


CORRUPTIONS = (
    Corruption("black", "blank", REJECT, "the picture is blank", once(black)),
    Corruption(
        "plain_grey",
        "blank",
        REJECT,
        "the picture is blank",
        degrees(plain_grey, (0.25, 0.5, 0.75)),
    ),
    Corruption(
        "grey_with_noise",
        "blank",
        REJECT,
        "the picture is blank but for noise",
        degrees(grey_with_noise, (0.005, 0.01, 0.02)),
    ),
    Corruption(
        "mostly_black",
        "blank",
        REJECT,
        "nearly all of the picture is black",
        degrees(mostly_black, (0.95, 0.99, 1.0)),
    ),
)
