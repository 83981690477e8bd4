"""Things drawn over a picture: text, logos, arrows and black boxes.

Text in the shade of the tissue is there because what does not stand out is overlooked by readers
and by pixel statistics alike.
"""

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from acir.robustness.case import Case, Planes, degrees
from acir.robustness.corruption import WARN, Corruption
from acir.robustness.ink import Mask, inked, random_words, written
from acir.robustness.resample import centred_grid, resized

SHARES = (0.05, 0.15, 0.3)  # of the picture's area
PROPORTION = 2.0  # of a box: width to height
LINES, LETTERS = 2, 8  # of a box of text
FINENESS = 4  # an arrow is drawn this much larger, then reduced, for smooth edges

Shade = Float[np.ndarray, " planes"]


def white(planes: Planes) -> Shade:
    """Return 1 in every plane."""
    return np.ones(len(planes))


def black(planes: Planes) -> Shade:
    """Return 0 in every plane."""
    return np.zeros(len(planes))


def tissue(planes: Planes) -> Shade:
    """Return the median of the middle of a picture, a half of each side, where its subject is."""
    height, width = planes.shape[1:]
    middle = planes[:, height // 4 : -(height // 4), width // 4 : -(width // 4)]
    return np.asarray(np.median(middle, axis=(1, 2)))


def text(shade: Callable[[Planes], Shade]) -> Callable[[Case, float], Planes]:
    """Return a change that writes two lines into a box with a share of the area, anywhere."""

    def change(case: Case, share: float) -> Planes:
        words = random_words(case.random, LINES, LETTERS)
        top, left, height, width = _box(case, share)
        return inked(case.planes, written(words, height, width), shade(case.planes), top, left)

    return change


def logo(case: Case, share: float) -> Planes:
    """Cover a white box with a black disc in it."""
    top, left, height, width = _box(case, share)
    disc = np.hypot(*centred_grid(height, width)) < height / 3
    result = case.planes.copy()
    result[:, top : top + height, left : left + width] = np.where(disc, 0.0, 1.0)
    return result


def black_box(case: Case, share: float) -> Planes:
    """Cover a box, as de-identification does."""
    top, left, height, width = _box(case, share)
    return inked(case.planes, np.ones((height, width)), black(case.planes), top, left)


def arrow(case: Case, length: float) -> Planes:
    """Point a white arrow, as long as a share of the shorter side, at the centre."""
    mask = _arrow(case.size, length * min(case.size), 2 * pi * case.random.random())
    return inked(case.planes, mask, white(case.planes), 0, 0)


def _box(case: Case, share: float) -> tuple[int, int, int, int]:
    """Return top, left, height and width; the severities share the place."""
    height, width = case.size
    tall = (share / PROPORTION) ** 0.5
    rows, columns = round(tall * height), round(PROPORTION * tall * width)
    down, across = case.random.random(2)
    return round(down * (height - rows)), round(across * (width - columns)), rows, columns


def _arrow(size: tuple[int, int], length: float, angle: float) -> Mask:
    height, width = size
    along = np.array([cos(angle), sin(angle)])  # x, y
    across = np.array([-along[1], along[0]])
    # A shaft as wide as a sixth of the length, and a head twice as wide; its tip is at 0.
    outline = [(0, 0), (0.4, 0.17), (0.4, 0.08), (1, 0.08), (1, -0.08), (0.4, -0.08), (0.4, -0.17)]
    centre = np.array([width, height]) / 2
    corners = [
        tuple((FINENESS * (centre + length * (back * along + aside * across))).tolist())
        for back, aside in outline
    ]
    page = Image.new("L", (FINENESS * width, FINENESS * height))
    ImageDraw.Draw(page).polygon(corners, fill=255)
    large = np.asarray(page, np.float64)[None] / 255
    return np.asarray(resized(large, height, width, Image.Resampling.BOX)[0])


CORRUPTIONS = (
    Corruption(
        "white_text", "overlay", WARN, "there is text in the picture", degrees(text(white), SHARES)
    ),
    Corruption(
        "black_text", "overlay", WARN, "there is text in the picture", degrees(text(black), SHARES)
    ),
    Corruption(
        "tissue_text",
        "overlay",
        WARN,
        "there is text in the picture",
        degrees(text(tissue), SHARES),
    ),
    Corruption("logo", "overlay", WARN, "a logo covers a part", degrees(logo, SHARES)),
    Corruption(
        "arrow",
        "overlay",
        WARN,
        "an arrow is drawn on the picture",
        degrees(arrow, (0.15, 0.3, 0.45)),
    ),
    Corruption(
        "black_box", "overlay", WARN, "a black box covers a part", degrees(black_box, SHARES)
    ),
)
