"""Pictures of pictures: screenshots, photographs of a screen, and scanned pages."""

from math import ceil, cos, isqrt, pi, sin

import numpy as np
from einops import rearrange
from numpy.random import Generator
from PIL import Image

from acir.robustness.case import Case, Planes, degrees
from acir.robustness.corruption import REJECT, Corruption
from acir.robustness.ink import Mask, inked, random_words, written
from acir.robustness.resample import centred_grid, looked_up, placed, resized

WINDOW_GREY, BAR_GREY, BUTTON_GREY = 0.8, 0.45, 0.95
BUTTONS = 3
BAR_SHARE = 0.1  # of a window's height
CAST = np.array([1.0, 0.92, 0.75])  # red, green and blue of a camera beside a warm lamp
MOIRE_WAVES = 11.0  # across the shorter side
QUIET = 4  # white modules around a QR code, as ISO/IEC 18004 asks
FINDER = 7  # modules of the side of its three corner marks
MARGIN = 0.08  # of a page


def tiled(case: Case, count: int) -> Planes:
    """Show this many pictures in a grid on black: the picture, then the others in turn."""
    height, width = case.size
    columns = isqrt(count - 1) + 1
    rows, size = ceil(count / columns), (height // columns, width // columns)
    pictures = (case.planes, *case.others)
    sheet = np.zeros_like(case.planes)
    first = (height - rows * size[0]) // 2
    for place in range(count):
        small = resized(pictures[place % len(pictures)], *size)
        row, column = divmod(place, columns)
        sheet = placed(small, sheet, first + row * size[0], column * size[1])
    return sheet


def window(case: Case, scale: float) -> Planes:
    """Show the picture at a scale in a grey window with a title bar and buttons."""
    height, width = case.size
    frame = np.full((1, height, width), WINDOW_GREY)
    bar = max(3, round(BAR_SHARE * height))
    frame[:, :bar] = BAR_GREY
    button = bar - 2
    for number in range(BUTTONS):
        right = width - 1 - number * (button + 1)
        frame[:, 1 : 1 + button, right - button : right] = BUTTON_GREY
    small = resized(case.planes, round(scale * (height - bar)), round(scale * (width - bar)))
    top = bar + (height - bar - small.shape[1]) // 2
    return placed(small, frame, top, (width - small.shape[2]) // 2)


def photographed(case: Case, strength: float) -> Planes:
    """Look at a screen from aside: perspective, moire, darker corners, a colour cast."""
    direction, moire = 2 * pi * case.random.random(2)
    seen = _from_aside(case.planes, direction, strength)
    y, x = centred_grid(*case.size) / (min(case.size) / 2)
    wave = sin(moire) * y + cos(moire) * x
    light = 1 + 0.15 * strength * np.sin(pi * MOIRE_WAVES * wave)
    light = light * (1 - 0.3 * strength * (x**2 + y**2).clip(0, 2))
    return np.asarray(seen * light * rearrange(CAST**strength, "plane -> plane 1 1"))


def _from_aside(planes: Planes, direction: float, strength: float) -> Planes:
    """Apply a plane homography whose horizon lies in a direction; beyond the screen is black."""
    half = (np.array(planes.shape[1:]) - 1)[:, None, None] / 2
    y, x = grid = centred_grid(planes.shape[1], planes.shape[2]) / half
    nearness = 1 + 0.3 * strength * (sin(direction) * y + cos(direction) * x)
    return looked_up(planes, (1 + 0.1 * strength) * grid / nearness * half + half)


def text_page(case: Case, lines: int) -> Planes:
    """Return a page of random words, black on white."""
    height, width = case.size
    top, left = round(MARGIN * height), round(MARGIN * width)
    words = random_words(case.random, lines, 2 * lines)
    mask = written(words, height - 2 * top, width - 2 * left)
    return inked(np.ones((1, height, width)), mask, np.zeros(1), top, left)


def qr_code(case: Case, modules: int) -> Planes:
    """Return what looks like a QR code with this many modules a side; it says nothing."""
    code = np.pad(_modules(case.random, modules), QUIET)
    return np.asarray(1 - resized(code[None], *case.size, Image.Resampling.BOX))


def _modules(random: Generator, count: int) -> Mask:
    code = random.integers(0, 2, (count, count)).astype(np.float64)
    mark = np.pad(np.pad(np.pad(np.ones((3, 3)), 1), 1, constant_values=1.0), 1)
    end = FINDER + 1  # with the light line that parts a mark from the code
    code[:end, :end] = mark[1:, 1:]
    code[:end, -end:] = mark[1:, :-1]
    code[-end:, :end] = mark[:-1, 1:]
    return code


CORRUPTIONS = (
    Corruption(
        "tiled",
        "screenshot",
        REJECT,
        "there are several pictures in one",
        degrees(tiled, (2, 4, 9)),
        others=1,
    ),
    Corruption(
        "window",
        "screenshot",
        REJECT,
        "the picture is a screenshot",
        degrees(window, (0.9, 0.7, 0.5)),
    ),
    Corruption(
        "photographed",
        "screenshot",
        REJECT,
        "the picture was photographed from a screen",
        degrees(photographed, (0.5, 0.75, 1.0)),
    ),
    Corruption(
        "text_page",
        "screenshot",
        REJECT,
        "the picture is a page of text",
        degrees(text_page, (4, 8, 12)),
    ),
    Corruption(
        "qr_code",
        "screenshot",
        REJECT,
        "the picture is a printed code",
        degrees(qr_code, (21, 25, 29)),
    ),
)
