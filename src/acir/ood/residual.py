"""Mahalanobis distance of the reconstruction residual, pooled; and its heat map."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from einops import pack, rearrange
from jaxtyping import Float, Float64, Shaped
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from acir.ood.base import PICTURES_PER_DIMENSION, Detector, shrunk_covariance, whitening
from acir.tensors import Evidence

FINEST_GRID = 4
FAINTEST = 0.01  # residuals below this, two to three grey levels of 8 bits, differ little
LEVEL = 0.02  # a shift by five grey levels counts like a residual stronger by the factor e
LEAST_DEVIATION = 0.2
LEAST_VARIANCE = 1e-3
CHUNK = 64
SMOOTHING = 5


class Residual(Detector):
    """How unusual the residual is, place by place (after MaRS, arXiv 2606.22649).

    For each channel and each place of a grid: the logarithm of the mean absolute residual, and the
    mean residual with its sign. In logarithms a residual that is too small is as far out as one
    that is too large: a blank picture, which any decoder rebuilds perfectly, is outlying. The
    covariance is shrunk, and the grid is at most 4 x 4 and so coarse that
    ten training pictures stand behind each dimension. The score is the Mahalanobis distance
    divided by the square root of the number of dimensions: near 1 for an ordinary picture.
    """

    reason: ClassVar[str] = "it cannot be rebuilt as training pictures can"
    reason_code: ClassVar[str] = "reconstruction"
    measure: ClassVar[str] = "deviation of the residual"
    needs_decoder: ClassVar[bool] = True

    def __init__(self) -> None:
        self._mean: Float64[Tensor, " dim"] | None = None
        self._whitening: Float64[Tensor, "dim dim"] | None = None
        self._pixel_mean: Float[Tensor, "height width"] | None = None
        self._pixel_deviation: Float[Tensor, "height width"] | None = None

    def fit(self, seen: Evidence) -> "Residual":
        """Learn mean and covariance of the pooled residual, and of each pixel for the heat map."""
        grid = _grid_for(len(seen), seen.images.shape[1])
        chunks = [seen[start : start + CHUNK] for start in range(0, len(seen), CHUNK)]
        pooled = torch.cat([_pooled(chunk, grid) for chunk in chunks])
        maps = torch.cat([_strength(chunk) for chunk in chunks])
        self._mean = pooled.mean(dim=0)
        self._whitening = _whitening(pooled)
        self._pixel_mean = maps.mean(dim=0)
        self._pixel_deviation = maps.std(dim=0, correction=0).clamp_min(FAINTEST)
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the distance in root mean square deviations."""
        mean, whitening = self.require(self._mean), self.require(self._whitening)
        grid = round((len(mean) / (2 * one.images.shape[1])) ** 0.5)
        return float((whitening @ (_pooled(one, grid)[0] - mean)).square().mean().sqrt())

    def heat_map(self, evidence: Evidence) -> Float[Tensor, "batch height width"]:
        """Return the residual, smoothed over 5 pixels, as deviations from training's per pixel."""
        mean, deviation = self.require(self._pixel_mean), self.require(self._pixel_deviation)
        return (_strength(evidence) - mean) / deviation

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return what `fit` learned."""
        return {
            "mean": self.require(self._mean),
            "whitening": self.require(self._whitening),
            "pixel_mean": self.require(self._pixel_mean),
            "pixel_deviation": self.require(self._pixel_deviation),
        }

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Residual":
        """Take over what `fit` learned."""
        self._mean, self._whitening = state["mean"], state["whitening"]
        self._pixel_mean, self._pixel_deviation = state["pixel_mean"], state["pixel_deviation"]
        return self


def _whitening(samples: Float64[Tensor, "n dim"]) -> Float64[Tensor, "dim dim"]:
    """Return W such that W'W is the inverse of the covariance, shrunk after Ledoit and Wolf 2004.

    What varies too little counts as if it had independent noise of the least deviation: a corner
    that is black in all training pictures must not outweigh everything else at the first noise.
    """
    deviation = samples.std(dim=0, correction=0).clamp_min(LEAST_DEVIATION)
    scaled = samples / deviation
    noise = torch.diag(1 - scaled.var(dim=0, correction=0))
    covariance = shrunk_covariance(scaled - scaled.mean(dim=0)) + noise
    return (whitening(covariance, LEAST_VARIANCE) / deviation).contiguous()


def _grid_for(pictures: int, channels: int) -> int:
    """Return the side of the finest grid that this many training pictures allow."""
    allowed = [
        side
        for side in range(2, FINEST_GRID + 1)
        if 2 * channels * side**2 * PICTURES_PER_DIMENSION <= pictures
    ]
    return max(allowed, default=1)


def _pooled(evidence: Evidence, grid: int) -> Float64[Tensor, "batch dim"]:
    residual = (evidence.images - evidence.reconstruction).detach().cpu().double()
    shift = adaptive_avg_pool2d(residual, grid) / LEVEL
    strength = (adaptive_avg_pool2d(residual.abs(), grid) + FAINTEST).log()
    pooled, _ = pack([shift, strength], "batch *")
    return pooled


def _strength(evidence: Evidence) -> Float[Tensor, "batch height width"]:
    residual = (evidence.images - evidence.reconstruction).detach().cpu().float().abs()
    smooth = avg_pool2d(
        residual.mean(dim=1, keepdim=True),
        SMOOTHING,
        stride=1,
        padding=SMOOTHING // 2,
        count_include_pad=False,
    )
    return rearrange(smooth, "batch 1 height width -> batch height width")
