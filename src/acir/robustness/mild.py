"""Changes that no reader would mind: whatever a gate refuses here is a false alarm."""

import numpy as np

from acir.robustness.blur import blurred, jpeg
from acir.robustness.case import Case, Planes, degrees
from acir.robustness.corruption import ACCEPT, Corruption
from acir.robustness.geometry import tilted
from acir.robustness.noise import gaussian


def shifted(case: Case, pixels: tuple[int, int]) -> Planes:
    """Move down or up and right or left by these pixels; the edges are repeated."""
    down, right = np.array(pixels) * case.random.choice((-1, 1), 2)
    rows, columns = (np.arange(side) for side in case.size)
    rows = (rows - down).clip(0, case.size[0] - 1)
    columns = (columns - right).clip(0, case.size[1] - 1)
    return case.planes[:, rows][:, :, columns]


def slightly_exposed(case: Case, distance: float) -> Planes:
    """Raise to a power this far from 1, above or below."""
    return np.asarray(case.planes ** (1 + distance * case.random.choice((-1, 1))))


NONE = "nothing is wrong"
CORRUPTIONS = (
    Corruption("shifted", "mild", ACCEPT, NONE, degrees(shifted, ((0, 1), (0, 2), (2, 2)))),
    Corruption(
        "slightly_tilted", "mild", ACCEPT, NONE, degrees(tilted, (2.0, 3.5, 5.0)), turns=True
    ),
    Corruption(
        "slightly_exposed", "mild", ACCEPT, NONE, degrees(slightly_exposed, (0.03, 0.06, 0.1))
    ),
    Corruption("slightly_noisy", "mild", ACCEPT, NONE, degrees(gaussian, (0.01, 0.015, 0.02))),
    Corruption("slightly_compressed", "mild", ACCEPT, NONE, degrees(jpeg, (95, 90, 85))),
    Corruption("slightly_blurred", "mild", ACCEPT, NONE, degrees(blurred, (0.4, 0.5, 0.6))),
)
