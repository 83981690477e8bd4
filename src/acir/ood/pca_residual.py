"""Size of what the principal components of the training pictures leave over."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Float64, Shaped
from torch import Tensor

from acir.ood.base import (
    LEAST_VARIANCE,
    PICTURES_PER_DIMENSION,
    Detector,
    shrunk_covariance,
    whitening,
)
from acir.tensors import Evidence

SHARE = 0.9


class PcaResidual(Detector):
    r"""How far the blended features leave the principal subspace of the training pictures.

    The residual of ViM (Wang et al. 2022, arXiv 2203.10807, section 4.1) about the mean: what is
    left of a vector when its first principal components are taken away. Those are as few as hold
    90 % of the variance, at most half of all, and at most one for each ten training pictures. The
    norm of ViM becomes the Mahalanobis distance under the residual's own covariance, shrunk
    after Ledoit and Wolf 2004: with fewer pictures than dimensions that is nearly the norm, with
    many it weighs a direction that never varied more than one that did. It is divided by the
    square root of the number of dimensions: near 1 for an ordinary picture.
    """

    reason: ClassVar[str] = "it differs in ways in which training pictures do not"
    reason_code: ClassVar[str] = "new-variation"
    measure: ClassVar[str] = "deviation outside known variation"
    looks_at_content: ClassVar[bool] = True

    def __init__(self) -> None:
        self._mean: Float64[Tensor, " dim"] | None = None
        self._whitening: Float64[Tensor, "left dim"] | None = None

    def fit(self, seen: Evidence) -> "PcaResidual":
        """Learn the mean, the components and the covariance of what they leave over."""
        samples = seen.blended.detach().cpu().double()
        self._mean = samples.mean(dim=0)
        offsets = samples - self._mean
        outside = _outside(offsets)
        covariance = shrunk_covariance(offsets @ outside.T)
        self._whitening = whitening(covariance, LEAST_VARIANCE) @ outside
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the distance in root mean square deviations."""
        offset = one.blended.detach().cpu().double()[0] - self.require(self._mean)
        return float((self.require(self._whitening) @ offset).square().mean().sqrt())

    def state(self) -> dict[str, Float64[Tensor, "..."]]:
        """Return the mean and the whitening of the residual."""
        return {"mean": self.require(self._mean), "whitening": self.require(self._whitening)}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "PcaResidual":
        """Take over what `fit` learned."""
        self._mean, self._whitening = state["mean"], state["whitening"]
        return self


def _outside(offsets: Float64[Tensor, "n dim"]) -> Float64[Tensor, "left dim"]:
    """Return axes of the space outside the principal components."""
    values, vectors = torch.linalg.eigh(offsets.T @ offsets)  # the largest come last
    pictures, dim = offsets.shape
    before = values.sum() - values.cumsum(0)  # the variance of all components ahead
    needed = (before < SHARE * values.sum()) & (values > LEAST_VARIANCE * pictures)
    known = min(int(needed.sum()), dim // 2, pictures // PICTURES_PER_DIMENSION)
    outside: Tensor = rearrange(vectors[:, : dim - known], "dim left -> left dim")
    return outside
