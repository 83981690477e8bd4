"""Mahalanobis distance, to the nearest class, of 23 numbers that describe a picture's pixels."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from einops import einsum, reduce
from jaxtyping import Float64, Shaped
from torch import Tensor
from torch.nn.functional import avg_pool2d

from acir.ood.base import Detector, class_means, shrunk_covariance
from acir.tensors import Evidence

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 32
LEVEL = 0.1  # a shift by a tenth of the range counts like a strength greater by the factor e
FAINTEST = 0.02  # strengths below this, five grey levels of 8 bits, differ little
PICTURES_PER_DIMENSION = 10
LEAST_DEVIATION = 0.2  # five grey levels, or a fifth more contrast: another day's exposure


class PixelStatistics(Detector):
    """How unusual brightness, sharpness, borders and colour are, without any network.

    Of the grey picture: seven quantiles, contrast and entropy; the mean step between pixels across,
    down and at half the size, the root mean square of all steps, and the curvature; the mean of
    each border and the contrast along all four. Of two opponent colours: mean and contrast.
    Strengths count in logarithms.

    A chest and a hand have little in common but that each looks like others of its class, so each
    predicted class has a mean and a covariance, shrunk after Ledoit and Wolf 2004; classes with
    fewer than ten pictures a number share one covariance. Each number is given independent noise
    of `LEAST_DEVIATION`: what never varied in training must not outweigh everything else at the
    first noise. The score is the Mahalanobis distance to the nearest class divided by the square
    root of 23: near 1, or below, for an ordinary picture.
    """

    reason: ClassVar[str] = "its brightness, sharpness, borders or colours are unusual"
    reason_code: ClassVar[str] = "pixels"
    measure: ClassVar[str] = "deviation of pixel statistics"

    def __init__(self) -> None:
        self._means: Float64[Tensor, "classes dim"] | None = None
        self._precisions: Float64[Tensor, "classes dim dim"] | None = None

    def fit(self, seen: Evidence) -> "PixelStatistics":
        """Learn mean and covariance of the numbers of each predicted class."""
        described = torch.stack([_described(seen[row : row + 1]) for row in range(len(seen))])
        predicted = seen.class_logits.detach().cpu().argmax(dim=1)
        self._means, members = class_means(described, predicted)
        gaps = described - self._means[members]
        shared, enough = _precision(gaps), PICTURES_PER_DIMENSION * gaps.shape[1]
        each = [gaps[members == k] for k in range(len(self._means))]
        self._precisions = torch.stack(
            [_precision(g) if len(g) >= enough else shared for g in each]
        )
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the distance in root mean square deviations."""
        gaps = _described(one) - self.require(self._means)
        squared = einsum(gaps, self.require(self._precisions), gaps, "k i, k i j, k j -> k")
        return float((squared.min() / gaps.shape[1]).sqrt())

    def state(self) -> dict[str, Float64[Tensor, "..."]]:
        """Return means and inverse covariances."""
        return {"mean": self.require(self._means), "precision": self.require(self._precisions)}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "PixelStatistics":
        """Take over what `fit` learned; without classes, as it was once, there is one for all."""
        dim = state["mean"].shape[-1]
        self._means = state["mean"].reshape(-1, dim)
        self._precisions = state["precision"].reshape(-1, dim, dim)
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
