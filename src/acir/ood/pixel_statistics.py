"""Mahalanobis distance of 23 numbers that describe the pixels of a picture."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from einops import reduce
from jaxtyping import Float64, Shaped
from torch import Tensor
from torch.nn.functional import avg_pool2d

from acir.ood.base import Detector, shrunk_covariance
from acir.tensors import Evidence

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 32
LEVEL = 0.1  # a shift by a tenth of the range counts like a strength greater by the factor e
FAINTEST = 0.02  # strengths below this, five grey levels of 8 bits, differ little
LEAST_DEVIATION = 0.2  # five grey levels, or a fifth more contrast: another day's exposure


class PixelStatistics(Detector):
    """How unusual brightness, sharpness, borders and colour are, without any network.

    Of the grey picture: seven quantiles, contrast and entropy; the mean step between pixels across,
    down and at half the size, the root mean square of all steps, and the curvature; the mean of
    each border and the contrast along all four. Of two opponent colours: mean and contrast.
    Strengths count in logarithms. The covariance is shrunk after Ledoit and Wolf 2004, and each
    number is given independent noise of `LEAST_DEVIATION`: what never varied in training must not
    outweigh everything else at the first noise. The score is the Mahalanobis distance divided by
    the square root of 23: near 1, or below, for an ordinary picture.
    """

    reason: ClassVar[str] = "its brightness, sharpness, borders or colours are unusual"
    reason_code: ClassVar[str] = "pixels"
    measure: ClassVar[str] = "deviation of pixel statistics"

    def __init__(self) -> None:
        self._mean: Float64[Tensor, " dim"] | None = None
        self._precision: Float64[Tensor, "dim dim"] | None = None

    def fit(self, seen: Evidence) -> "PixelStatistics":
        """Learn mean and covariance of the numbers."""
        described = torch.stack([_described(seen[row : row + 1]) for row in range(len(seen))])
        self._mean = described.mean(dim=0)
        self._precision = _precision(described - self._mean)
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the distance in root mean square deviations."""
        gap = _described(one) - self.require(self._mean)
        return float((gap @ self.require(self._precision) @ gap / len(gap)).sqrt())

    def state(self) -> dict[str, Float64[Tensor, "..."]]:
        """Return mean and inverse covariance."""
        return {"mean": self.require(self._mean), "precision": self.require(self._precision)}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "PixelStatistics":
        """Take over what `fit` learned."""
        self._mean, self._precision = state["mean"], state["precision"]
        return self


def _precision(centred: Float64[Tensor, "n dim"]) -> Float64[Tensor, "dim dim"]:
    covariance = shrunk_covariance(centred)
    noise = LEAST_DEVIATION**2 * torch.eye(len(covariance), dtype=torch.float64)
    precision: Tensor = torch.linalg.inv(covariance + noise)
    return precision.contiguous()


def _described(one: Evidence) -> Float64[Tensor, " dim"]:
    """Return the numbers of one picture; levels in tenths of the range, strengths as logarithms."""
    picture = one.images.detach().cpu().double()[0]
    grey = reduce(picture, "channel height width -> height width", "mean")
    return torch.cat([_histogram(grey), _steps(grey), _border(grey), _colours(picture)])


def _histogram(grey: Float64[Tensor, "height width"]) -> Float64[Tensor, " 9"]:
    levels = grey.quantile(torch.tensor(QUANTILES, dtype=torch.float64)) / LEVEL
    share = grey.clamp(0, 1).histc(BINS, 0, 1) / grey.numel()
    entropy = torch.special.entr(share).sum()  # in nats
    return torch.cat([levels, torch.stack([_strength(grey.std(correction=0)), entropy])])


def _steps(grey: Float64[Tensor, "height width"]) -> Float64[Tensor, " 5"]:
    across, down = grey.diff(dim=1).abs(), grey.diff(dim=0).abs()
    half = avg_pool2d(grey[None], 2)[0]
    coarse = (half.diff(dim=1).abs().mean() + half.diff(dim=0).abs().mean()) / 2
    steep = torch.cat([across.flatten(), down.flatten()]).square().mean().sqrt()
    curved = (grey.diff(n=2, dim=1).abs().mean() + grey.diff(n=2, dim=0).abs().mean()) / 2
    return _strength(torch.stack([across.mean(), down.mean(), coarse, steep, curved]))


def _border(grey: Float64[Tensor, "height width"]) -> Float64[Tensor, " 5"]:
    sides = [grey[0], grey[-1], grey[:, 0], grey[:, -1]]
    contrast = torch.cat(sides).std(correction=0)
    return torch.stack([*(side.mean() / LEVEL for side in sides), _strength(contrast)])


def _colours(picture: Float64[Tensor, "channel height width"]) -> Float64[Tensor, " 4"]:
    red, green, blue = picture
    opponents = torch.stack([red - green, (red + green) / 2 - blue])
    contrasts = opponents.flatten(start_dim=1).std(dim=1, correction=0)
    return torch.cat([opponents.mean(dim=(1, 2)) / LEVEL, _strength(contrasts)])


def _strength(value: Float64[Tensor, "..."]) -> Float64[Tensor, "..."]:
    return (value + FAINTEST).log()
