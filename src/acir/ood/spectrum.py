"""Mahalanobis distance, to the nearest class, of a picture's power spectrum."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int

from acir.ood.base import GaussianDetector
from acir.tensors import Evidence

RINGS, DIRECTIONS = 6, 4
NYQUIST = 0.5  # cycles a pixel
RING = 0.75  # octaves
FAINTEST = 0.015  # amplitudes below this, four grey levels of 8 bits, differ little

Grey = Float64[np.ndarray, "height width"]


class Spectrum(GaussianDetector):
    r"""How unusual the sizes and directions of a picture's structures are, without any network.

    The power spectrum of the grey picture, its mean taken off and its edges faded out by Hann's
    window, is averaged over six rings of frequency, each three quarters of an octave from the
    finest on, and in each over four directions, 45 degrees wide: along the rows, down the columns
    and along both diagonals. What a small picture has no frequency in is left out. Amplitudes
    count in logarithms; of white noise of standard deviation $\sigma$ they are all about
    $\log \sigma$.

    Natural and medical pictures have spectra that fall evenly (Field 1987; Torralba and Oliva
    2003), those of one class much alike. Blur and low dose, motion, wrong proportions, turning,
    compression and things that are drawn or laid on change them, wherever they are and without a
    change of brightness.
    """

    reason: ClassVar[str] = "its structures are of unusual size, strength or direction"
    reason_code: ClassVar[str] = "spectrum"
    measure: ClassVar[str] = "deviation of the power spectrum"

    def describe(self, one: Evidence) -> Float64[np.ndarray, " dim"]:
        """Return the logarithms of the amplitudes, ring by ring."""
        grey = one.greys[0]
        fading, places, sizes = _layout(*grey.shape)
        faded = (grey - (grey * fading).sum() / fading.sum()) * fading
        power = np.square(np.abs(np.fft.rfft2(faded))).ravel()
        means = np.bincount(places, power, len(sizes) + 1)[:-1] / sizes / np.square(fading).sum()
        amplitudes: Float64[np.ndarray, " dim"] = np.log(means + FAINTEST**2) / 2
        return amplitudes


@lru_cache(maxsize=4)
def _layout(
    height: int, width: int
) -> tuple[Grey, Int[np.ndarray, " bins"], Int[np.ndarray, " dim"]]:
    """Return the window, the part that each frequency belongs to, and how many each part has.

    Parts without any are left out; frequencies of no part are given the number after the last.
    """
    fading = np.outer(_hann(height), _hann(width))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    radius, angle = np.hypot(down, across), np.arctan2(down, across)
    rings = np.floor(
        np.log2(NYQUIST / np.maximum(radius, np.finfo(float).tiny)) / RING + 1e-9
    ).clip(min=0)
    directions = np.round(angle / (np.pi / DIRECTIONS)) % DIRECTIONS
    part = np.where((radius > 0) & (rings < RINGS), rings * DIRECTIONS + directions, np.inf)
    kinds, places, sizes = np.unique(part, return_inverse=True, return_counts=True)
    return fading, places.ravel(), sizes[np.isfinite(kinds)]


def _hann(side: int) -> Float64[np.ndarray, " side"]:
    """Return Hann's window without the zeros at its ends."""
    return np.hanning(side + 2)[1:-1]
