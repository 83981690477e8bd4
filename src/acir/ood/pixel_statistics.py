"""Mahalanobis distance, to the nearest class, of 23 numbers that describe a picture's pixels."""

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from acir.ood.base import GaussianDetector
from acir.tensors import Evidence

QUANTILES = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
BINS = 32
EDGES = np.array([-np.inf, *np.arange(1, BINS) / BINS, np.inf])
LEVEL = 0.1  # a shift by a tenth of the range counts like a strength greater by the factor e
FAINTEST = 0.02  # strengths below this, five grey levels of 8 bits, differ little


class PixelStatistics(GaussianDetector):
    """How unusual brightness, sharpness, borders and colour are, without any network.

    Of the grey picture: seven quantiles, contrast and entropy; the mean step between pixels across,
    down and at half the size, the root mean square of all steps, and the curvature; the mean of
    each border and the contrast along all four. Of two opponent colours: mean and contrast.
    Strengths count in logarithms.
    """

    reason: ClassVar[str] = "its brightness, sharpness, borders or colours are unusual"
    reason_code: ClassVar[str] = "pixels"
    measure: ClassVar[str] = "deviation of pixel statistics"

    def describe(self, one: Evidence) -> Float64[np.ndarray, "1 dim"]:
        """Return the 23 numbers; levels in tenths of the range, strengths as logarithms.

        In NumPy: on a small picture each operation of torch costs several times what it computes.
        """
        (red, green, blue), grey = one.planes[0], one.greys[0]
        opponents = (red - green, (red + green) / 2 - blue)
        numbers = [*_histogram(grey), *_steps(grey), *_border(grey), *_colours(opponents)]
        return np.array([numbers])


def _histogram(grey: Float64[np.ndarray, "height width"]) -> list[float]:
    ascending = np.sort(grey, axis=None)
    places = (grey.size - 1) * QUANTILES
    below = places.astype(np.intp)
    low, high = ascending[below], ascending.take(below + 1, mode="clip")
    levels = (low + (places - below) * (high - low)) / LEVEL
    bounds = ascending.searchsorted(EDGES)
    counts = (bounds[1:] - bounds[:-1]).tolist()
    entropy = sum(n / grey.size * math.log(grey.size / n) for n in counts if n)  # in nats
    return [*levels.tolist(), _strength(_contrast(ascending)), entropy]


def _steps(grey: Float64[np.ndarray, "height width"]) -> list[float]:
    across, down = _differences(grey)
    half = (grey[:-1:2, :-1:2] + grey[1::2, :-1:2] + grey[:-1:2, 1::2] + grey[1::2, 1::2]) / 4
    coarse = sum(_size(d) for d in _differences(half)) / 2
    squares = float(np.square(across).sum() + np.square(down).sum())
    steep = math.sqrt(squares / (across.size + down.size))
    curved = (_size(across[:, 1:] - across[:, :-1]) + _size(down[1:] - down[:-1])) / 2
    return [_strength(each) for each in (_size(across), _size(down), coarse, steep, curved)]


def _border(grey: Float64[np.ndarray, "height width"]) -> list[float]:
    sides = [grey[0], grey[-1], grey[:, 0], grey[:, -1]]
    contrast = _contrast(np.concatenate(sides))
    return [*(_mean(side) / LEVEL for side in sides), _strength(contrast)]


def _colours(opponents: Iterable[Float64[np.ndarray, "height width"]]) -> list[float]:
    means = [_mean(each) / LEVEL for each in opponents]
    return [*means, *(_strength(_contrast(each)) for each in opponents)]


def _differences(
    grey: Float64[np.ndarray, "height width"],
) -> tuple[Float64[np.ndarray, "height across"], Float64[np.ndarray, "down width"]]:
    return grey[:, 1:] - grey[:, :-1], grey[1:] - grey[:-1]


def _size(differences: Float64[np.ndarray, "down across"]) -> float:
    return _mean(np.abs(differences))


def _mean(values: Float64[np.ndarray, "..."]) -> float:
    return float(values.sum()) / values.size  # NumPy's own takes longer than the sum


def _contrast(values: Float64[np.ndarray, "..."]) -> float:
    return math.sqrt(_mean(np.square(values - _mean(values))))


def _strength(value: float) -> float:
    return math.log(value + FAINTEST)
