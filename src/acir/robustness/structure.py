"""Pictures whose parts are ordinary and whose whole is not."""

import numpy as np
from scipy.fft import irfft2, rfft2  # type: ignore[import-untyped]

from acir.robustness.case import Case, Planes, degrees, once
from acir.robustness.corruption import REJECT, Corruption

ENOUGH_FOR_A_MEAN = 7


def shuffled(case: Case, count: int) -> Planes:
    """Exchange patches of a grid of `count` by `count`; none stays where it was.

    Rows and columns beyond the last whole patch stay.
    """
    rows, columns = (side // count for side in case.size)
    result = case.planes.copy()
    order = [divmod(int(place), count) for place in case.random.permutation(count**2)]
    for (row, column), (from_row, from_column) in zip(order, order[1:] + order[:1], strict=True):
        patch = case.planes[:, rows * from_row :, columns * from_column :][:, :rows, :columns]
        result[:, rows * row :, columns * column :][:, :rows, :columns] = patch
    return result


def phase_randomised(case: Case) -> Planes:
    """Keep the amplitude of every frequency and the mean, and draw the phases anew.

    The phases are those of noise, so that the result is real; all planes are turned by the same,
    which keeps their colour. Where the result leaves [0, 1] it saturates, and only there does its
    spectrum differ.
    """
    spectrum = rfft2(case.planes)
    noise = rfft2(case.random.standard_normal(case.size))
    turn = noise / np.abs(noise)
    turn[0, 0] = 1  # the mean
    return np.asarray(irfft2(spectrum * turn, s=case.size))


def mean_picture(case: Case) -> Planes:
    """Average all the other pictures."""
    return np.asarray(np.mean(case.others, axis=0))


def averaged(case: Case, share: float) -> Planes:
    """Add another patient's picture with this share of the sum: a double exposure."""
    return (1 - share) * case.planes + share * case.others[0]


CORRUPTIONS = (
    Corruption(
        "shuffled",
        "structure",
        REJECT,
        "the parts of the picture are out of place",
        degrees(shuffled, (2, 4, 8)),
    ),
    Corruption(
        "phase_randomised",
        "structure",
        REJECT,
        "the picture shows no shapes",
        once(phase_randomised),
    ),
    Corruption(
        "mean_picture",
        "structure",
        REJECT,
        "the picture is an average of many",
        once(mean_picture),
        others=ENOUGH_FOR_A_MEAN,
    ),
    Corruption(
        "averaged",
        "structure",
        REJECT,
        "two pictures lie over each other",
        degrees(averaged, (0.3, 0.4, 0.5)),
        others=1,
    ),
)
