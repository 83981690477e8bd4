"""Pictures turned, mirrored, and shown too small, too near or out of proportion."""

from math import cos, radians, sin

import numpy as np
from einops import einsum, rearrange

from acir.robustness.case import Case, Planes, degrees, once
from acir.robustness.corruption import REJECT, RISING, Corruption
from acir.robustness.resample import centred_grid, looked_up, placed, resized


def quarter_turns(case: Case, count: int) -> Planes:
    """Turn counter-clockwise; what is no square is stretched into its old frame."""
    return resized(np.rot90(case.planes, count, axes=(1, 2)), *case.size)


def upside_down(case: Case) -> Planes:
    """Mirror top and bottom."""
    return case.planes[:, ::-1]


def left_right(case: Case) -> Planes:
    """Mirror left and right: only what lies on one side of a body tells."""
    return case.planes[:, :, ::-1]


def transposed(case: Case) -> Planes:
    """Exchange rows and columns; what is no square is stretched into its old frame."""
    return resized(rearrange(case.planes, "c h w -> c w h"), *case.size)


def tilted(case: Case, angle: float) -> Planes:
    """Turn to either side by degrees; the corners repeat the picture mirrored.

    Black corners would be a sign of their own: the angle alone is to be seen.
    """
    turn = radians(angle) * case.random.choice((-1, 1))
    rotation = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
    grid = centred_grid(*case.size)
    centre = (np.array(case.size) - 1)[:, None, None] / 2
    places = einsum(rotation, grid, "to at, at h w -> to h w") + centre
    return looked_up(case.planes, places, "mirror")


def zoomed_out(case: Case, scale: float) -> Planes:
    """Show the whole picture at this scale on black."""
    height, width = case.size
    small = resized(case.planes, round(scale * height), round(scale * width))
    top, left = (height - small.shape[1]) // 2, (width - small.shape[2]) // 2
    return placed(small, np.zeros_like(case.planes), top, left)


def cropped(case: Case, share: float) -> Planes:
    """Enlarge a part, anywhere, that has this share of each side."""
    height, width = case.size
    rows, columns = round(share * height), round(share * width)
    up, across = case.random.random(2)  # the severities share the place
    top, left = round(up * (height - rows)), round(across * (width - columns))
    return resized(case.planes[:, top : top + rows, left : left + columns], height, width)


def stretched(case: Case, factor: float) -> Planes:
    """Enlarge in height alone; the middle rows are kept."""
    height, width = case.size
    rows = round(height / factor)
    top = (height - rows) // 2
    return resized(case.planes[:, top : top + rows], height, width)


CORRUPTIONS = (
    Corruption(
        "quarter_turns",
        "geometry",
        REJECT,
        "the picture is turned",
        degrees(quarter_turns, (1, 2, 3)),
        turns=True,
    ),
    Corruption(
        "upside_down",
        "geometry",
        REJECT,
        "the picture is mirrored top to bottom",
        once(upside_down),
        turns=True,
    ),
    Corruption(
        "left_right",
        "geometry",
        REJECT,
        "the picture is mirrored left to right",
        once(left_right),
        turns=True,
    ),
    Corruption(
        "transposed",
        "geometry",
        REJECT,
        "the picture is turned and mirrored",
        once(transposed),
        turns=True,
    ),
    Corruption(
        "tilted",
        "geometry",
        RISING,
        "the picture is turned",
        degrees(tilted, (10.0, 25.0, 45.0)),
        turns=True,
    ),
    Corruption(
        "zoomed_out",
        "geometry",
        RISING,
        "the picture is too small in its frame",
        degrees(zoomed_out, (0.85, 0.7, 0.5)),
    ),
    Corruption(
        "cropped",
        "geometry",
        RISING,
        "the picture shows only a part",
        degrees(cropped, (0.85, 0.7, 0.5)),
    ),
    Corruption(
        "stretched",
        "geometry",
        RISING,
        "the proportions of the picture are wrong",
        degrees(stretched, (1.3, 1.6, 2.0)),
    ),
)
