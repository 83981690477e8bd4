"""Pictures of which a part did not arrive, or arrived out of place."""

import numpy as np

from acir.robustness.case import Case, Planes, degrees
from acir.robustness.corruption import WARN, Corruption

DECODER_GREY = 128 / 255  # what JPEG decoders put where a file ends early


def cut_off(case: Case, share: float) -> Planes:
    """Leave the lower rows black."""
    return _without_lower_rows(case.planes, share, 0.0)


def half_downloaded(case: Case, share: float) -> Planes:
    """Leave the lower rows grey."""
    return _without_lower_rows(case.planes, share, DECODER_GREY)


def rolled(case: Case, share: float) -> Planes:
    """Begin with a row further down and append those above it: the start was missed."""
    return np.roll(case.planes, -round(share * case.size[0]), axis=1)


def _without_lower_rows(planes: Planes, share: float, fill: float) -> Planes:
    result = planes.copy()
    result[:, round((1 - share) * planes.shape[1]) :] = fill
    return result


CORRUPTIONS = (
    Corruption(
        "cut_off",
        "truncated",
        WARN,
        "the picture ends early",
        degrees(cut_off, (0.25, 0.5, 0.75)),
    ),
    Corruption(
        "half_downloaded",
        "truncated",
        WARN,
        "the picture ends early",
        degrees(half_downloaded, (0.25, 0.5, 0.75)),
    ),
    Corruption(
        "rolled",
        "truncated",
        WARN,
        "the rows of the picture are out of place",
        degrees(rolled, (0.1, 0.25, 0.5)),
    ),
)
