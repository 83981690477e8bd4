"""What no camera or scanner of the training data made; drawn here, so that no download is needed.

Textures are in two random colours where the picture has colour: an absence of colour would give
them away.
"""

import numpy as np
from einops import einsum, rearrange
from numpy import pi
from numpy.random import Generator

from acir.prep.pixels import LUMA
from acir.robustness.case import Case, Planes, degrees, once
from acir.robustness.corruption import REJECT, Corruption
from acir.robustness.ink import Mask, inked, random_words, written
from acir.robustness.resample import centred_grid

# Red, green and blue of a Doppler scale: cyan, blue, black, red, yellow. Its luma falls and rises
# again, so that a model of grey pictures has something to see too.
SCALE = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 0], [1, 1, 0]], dtype=np.float64)
MARGIN = 0.1  # around letters
COARSEST = 3  # cells of Perlin noise across a picture, at its first octave
FALLOFF = 0.5  # of the amplitude from one octave to the next


def false_colour(case: Case) -> Planes:
    """Colour the luma by a scale: another modality's way to show values."""
    values = (
        einsum(case.planes, LUMA, "c h w, c -> h w") if len(case.planes) > 1 else case.planes[0]
    )
    stops = np.linspace(0, 1, len(SCALE))
    return np.stack([np.interp(values, stops, channel) for channel in SCALE.T])


def weave(case: Case, waves: float) -> Planes:
    """Return a cloth of two crossing waves, this many across the shorter side."""
    angle, phase, other_phase = 2 * pi * case.random.random(3)
    y, x = 2 * pi * waves * centred_grid(*case.size) / min(case.size)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    return _coloured(case, (2 + np.sin(along + phase) + np.sin(across + other_phase)) / 4)


def perlin(case: Case, octaves: int) -> Planes:
    """Return gradient noise from black to white: clouds with details of several sizes."""
    total = sum(
        FALLOFF**octave * _gradient_noise(case.random, case.size, COARSEST * 2**octave)
        for octave in range(octaves)
    )
    spread = np.asarray(total)
    return _coloured(case, (spread - spread.min()) / np.ptp(spread))


def letters(case: Case, count: int) -> Planes:
    """Return `count` by `count` capitals or digits, white on black."""
    height, width = case.size
    top, left = round(MARGIN * height), round(MARGIN * width)
    words = random_words(case.random, count, count)
    mask = written(words, height - 2 * top, width - 2 * left)
    return inked(np.zeros((1, height, width)), mask, np.ones(1), top, left)


def _coloured(case: Case, values: Mask) -> Planes:
    """Lead from one random colour to another; a grey picture stays grey."""
    if len(case.planes) == 1:
        return values[None]
    start, end = rearrange(case.random.random((2, 3)), "which plane -> which plane 1 1")
    return np.asarray(start + (end - start) * values)


def _gradient_noise(random: Generator, size: tuple[int, int], cells: int) -> Mask:
    """Perlin, "An image synthesizer", SIGGRAPH 1985, with the fade of his "Improving noise", 2002.

    Each corner of a grid has a random direction; a pixel is a smooth mixture of what the slopes at
    the four corners of its cell say.
    """
    angles = 2 * pi * random.random((cells + 1, cells + 1))
    slopes = np.stack([np.sin(angles), np.cos(angles)])
    y, x = (cells * (np.arange(side) + 0.5) / side for side in size)
    rows, columns = np.meshgrid(y.astype(int), x.astype(int), indexing="ij")
    dy, dx = np.meshgrid(y % 1, x % 1, indexing="ij")

    def said(down: int, right: int) -> Mask:
        slope = slopes[:, rows + down, columns + right]
        return np.asarray(slope[0] * (dy - down) + slope[1] * (dx - right))

    upper = said(0, 0) + _fade(dx) * (said(0, 1) - said(0, 0))
    lower = said(1, 0) + _fade(dx) * (said(1, 1) - said(1, 0))
    return np.asarray(upper + _fade(dy) * (lower - upper))


def _fade(at: Mask) -> Mask:
    """6 t^5 - 15 t^4 + 10 t^3: from 0 to 1, with slope and curvature 0 at both ends."""
    return np.asarray(at**3 * (at * (6 * at - 15) + 10))


CORRUPTIONS = (
    Corruption(
        "false_colour",
        "modality",
        REJECT,
        "the colours are those of another modality",
        once(false_colour),
    ),
    Corruption(
        "weave", "modality", REJECT, "the picture is a texture", degrees(weave, (4.0, 6.0, 9.0))
    ),
    Corruption(
        "perlin", "modality", REJECT, "the picture is a texture", degrees(perlin, (1, 2, 3))
    ),
    Corruption(
        "letters", "modality", REJECT, "the picture shows letters", degrees(letters, (1, 2, 3))
    ),
)
