"""How strong a picture's structures are, by their size and direction, as a whole or by halves."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float64, Int
from scipy.fft import rfft2  # type: ignore[import-untyped]

DIRECTIONS = 4
NYQUIST = 0.5  # cycles a pixel
FAINTEST = 0.015  # amplitudes below this, four grey levels of 8 bits, differ little
OCTAVE = 1.0
LEVEL = 0.1  # a shift by a tenth of the range counts like a strength greater by the factor e

Picture = Float64[np.ndarray, "height width"]
Frequencies = Int[np.ndarray, " frequencies"]
Starts = Int[np.ndarray, " parts"]


def log_amplitudes(
    greys: Float64[np.ndarray, "n height width"], rings: int, octaves: float
) -> Float64[np.ndarray, "n parts"]:
    r"""Return the logarithms of the amplitudes of grey pictures, ring by ring.

    The power spectrum of a picture, its mean taken off and its edges faded out by Hann's window, is
    averaged over rings of frequency from the finest on, and in each over four directions, 45
    degrees wide: along the rows, down the columns and along both diagonals. What a small picture
    has no frequency in is left out. Of white noise of standard deviation $\sigma$ all are about
    $\log \sigma$.

    Args:
        greys: Of one size, in [0, 1].
        rings: How many, at most.
        octaves: The width of each.

    Example:
        >>> waves = 0.5 + 0.2 * np.cos(np.pi / 2 * np.arange(16)) * np.ones((1, 16, 1))
        >>> int(log_amplitudes(waves, rings=3, octaves=1.0).argmax())  # along the rows, second ring
        4
    """
    return _described(greys, rings, octaves)[:, 1:]


def of_halves(grey: Picture, rings: int) -> Float64[np.ndarray, "9 numbers"]:
    """Describe nine windows of a picture, row by row: brightness, then amplitudes.

    The windows are half as high and wide as the picture and overlap by a half. Of each, the first
    number is its mean, faded out by Hann's window, in tenths of the range; the others are
    `log_amplitudes` in rings of an octave.

    Args:
        grey: In [0, 1], at least two pixels high and wide.
        rings: How many, at most.

    Example:
        >>> of_halves(np.full((64, 64), 0.3), rings=4).shape
        (9, 17)
    """
    found = _described(grey.take(_halves(*grey.shape)), rings, OCTAVE)
    found[:, 0] /= LEVEL
    return found


def _described(
    greys: Float64[np.ndarray, "n height width"], rings: int, octaves: float
) -> Float64[np.ndarray, "n numbers"]:
    """Return the faded mean of each picture, then the logarithms of its amplitudes."""
    window, order, starts, sizes = _layout(*greys.shape[1:], rings, octaves)
    means = greys.reshape(len(greys), -1) @ window.ravel() / window.sum()
    spectra = rfft2((greys - means[:, None, None]) * window)
    found = spectra.reshape(len(greys), -1).take(order, axis=1)
    sums = np.add.reduceat(np.square(found.real) + np.square(found.imag), starts, axis=1)
    return np.column_stack([means, np.log(sums / sizes + FAINTEST**2) / 2])


@lru_cache(maxsize=8)
def _halves(height: int, width: int) -> Int[np.ndarray, "9 high wide"]:
    """Return the pixels of each window, counted row by row through the picture."""
    high, wide = height // 2, width // 2
    tops, lefts = (np.linspace(0, end, 3).astype(int) for end in (height - high, width - wide))
    rows = tops[:, None, None, None] + np.arange(high)[:, None]
    columns = lefts[:, None, None] + np.arange(wide)
    return (rows * width + columns).reshape(-1, high, wide)


@lru_cache(maxsize=8)
def _layout(
    height: int, width: int, rings: int, octaves: float
) -> tuple[Picture, Frequencies, Starts, Float64[np.ndarray, " parts"]]:
    """Return Hann's window without its zeros, and the frequencies part by part.

    They are where the frequencies of all parts are in a spectrum, where among these each part
    begins, and by what the sum of its power is divided: its size, for a window of mean power 1.
    """
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    radius, angle = np.hypot(down, across), np.arctan2(down, across)
    finest = NYQUIST / np.maximum(radius, np.finfo(float).tiny)
    ring = np.floor(np.log2(finest) / octaves + 1e-9).clip(min=0)
    direction = np.round(angle / (np.pi / DIRECTIONS)) % DIRECTIONS
    inside = (radius > 0) & (ring < rings)
    part = np.where(inside, ring * DIRECTIONS + direction, np.inf).ravel()
    order = np.argsort(part, kind="stable")[: int(inside.sum())]
    _, starts, sizes = np.unique(part[order], return_index=True, return_counts=True)
    return window, order, starts, sizes * np.square(window).sum()
