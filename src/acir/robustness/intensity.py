"""Grey values that do not mean what they should; every pixel stays in its place."""

import numpy as np

from acir.robustness.case import Case, Planes, degrees, once
from acir.robustness.corruption import REJECT, WARN, Corruption


def inverted(case: Case) -> Planes:
    """Exchange black and white: MONOCHROME1 taken for MONOCHROME2."""
    return np.asarray(1 - case.planes)


def gamma(case: Case, exponent: float) -> Planes:
    """Raise to a power; below 1 the picture becomes lighter."""
    return np.asarray(case.planes**exponent)


def contrast(case: Case, factor: float) -> Planes:
    """Stretch about the mean."""
    mean = case.planes.mean()
    return np.asarray(mean + factor * (case.planes - mean))


def window_centre(case: Case, distance: float) -> Planes:
    """Move the window down or up, so that the picture becomes lighter or darker."""
    return np.asarray(case.planes + distance * case.random.choice((-1, 1)))


def wrapped(case: Case, factor: int) -> Planes:
    """Keep the low byte of values with more bits: 4 for 10 bits, 8 for 11 and 16 for 12."""
    return (case.planes * factor) % 1


CORRUPTIONS = (
    Corruption("inverted", "intensity", REJECT, "black and white are exchanged", once(inverted)),
    Corruption(
        "gamma",
        "intensity",
        WARN,
        "the picture is too light",
        degrees(gamma, (0.7, 0.4, 0.2)),
    ),
    Corruption(
        "contrast",
        "intensity",
        WARN,
        "the contrast is too strong",
        degrees(contrast, (2.0, 4.0, 8.0)),
    ),
    Corruption(
        "window_centre",
        "intensity",
        WARN,
        "the window is wrong: the picture is too light or too dark",
        degrees(window_centre, (0.2, 0.4, 0.6)),
    ),
    Corruption(
        "wrapped",
        "intensity",
        WARN,
        "the grey values wrap around: too many bits were read as 8",
        degrees(wrapped, (4, 8, 16)),
    ),
)
