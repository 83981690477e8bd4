"""Noise and streaks of the sensor: what is added to a picture."""

import numpy as np
from numpy import pi

from acir.robustness.case import Case, Planes, degrees, once
from acir.robustness.corruption import REJECT, RISING, Corruption
from acir.robustness.resample import centred_grid

STREAKS = 12  # stripes across a picture; rings from its centre to an edge are half as many


def gaussian(case: Case, deviation: float) -> Planes:
    """Add normal noise."""
    return case.planes + deviation * case.random.standard_normal(case.planes.shape)


def salt_and_pepper(case: Case, share: float) -> Planes:
    """Make this share of the pixels black or white, in all planes alike."""
    chance, white = case.random.random((2, *case.size))
    return np.where(chance < share, (white < 0.5).astype(np.float64), case.planes)  # noqa: PLR2004 - a fair coin


def speckle(case: Case, deviation: float) -> Planes:
    """Multiply by normal noise about 1, as of ultrasound."""
    return case.planes * (1 + deviation * case.random.standard_normal(case.planes.shape))


def nothing_but_noise(case: Case) -> Planes:
    """Return values drawn evenly from [0, 1)."""
    return np.asarray(case.random.random(case.planes.shape))


def stripes(case: Case, height: float) -> Planes:
    """Add a wave across the rows, as of mains hum."""
    rows = np.arange(case.size[0])[:, None] / case.size[0]
    return case.planes + height * np.sin(2 * pi * (STREAKS * rows + case.random.random()))


def rings(case: Case, height: float) -> Planes:
    """Add a wave outwards from the centre, as of a detector row in CT."""
    radius = np.hypot(*centred_grid(*case.size)) / min(case.size)
    return np.asarray(
        case.planes + height * np.sin(2 * pi * (STREAKS * radius + case.random.random()))
    )


CORRUPTIONS = (
    Corruption(
        "gaussian", "noise", RISING, "the picture is noisy", degrees(gaussian, (0.02, 0.1, 0.3))
    ),
    Corruption(
        "salt_and_pepper",
        "noise",
        RISING,
        "single pixels are black or white",
        degrees(salt_and_pepper, (0.01, 0.05, 0.2)),
    ),
    Corruption(
        "speckle", "noise", RISING, "the picture is noisy", degrees(speckle, (0.05, 0.2, 0.6))
    ),
    Corruption(
        "nothing_but_noise", "noise", REJECT, "the picture is only noise", once(nothing_but_noise)
    ),
    Corruption(
        "stripes",
        "noise",
        RISING,
        "there are stripes across the picture",
        degrees(stripes, (0.02, 0.1, 0.3)),
    ),
    Corruption(
        "rings",
        "noise",
        RISING,
        "there are rings in the picture",
        degrees(rings, (0.02, 0.1, 0.3)),
    ),
)
