"""Mahalanobis distance to the nearest class, relative to that of all classes together."""

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
    class_means,
    shrunk_covariance,
    whitening,
)
from acir.tensors import Evidence


class RelativeMahalanobis(Detector):
    r"""Squared distance to the nearest class less the one to the whole (Ren et al. 2021).

    $\min_k (z - \mu_k)' \Sigma^{-1} (z - \mu_k) - (z - \mu_0)' \Sigma_0^{-1} (z - \mu_0)$
    (arXiv 2106.09022, eq. 2 and 3) on the blended features: $\Sigma$ is the covariance within the
    classes, $\mu_0$ and $\Sigma_0$ ignore them. What varies within classes as between them
    cancels. It is near 0 for an ordinary picture and may be negative. Where there is but one class
    nothing is left to be relative to, and the first term is the score.

    The class of a training picture is the one that the model predicts: no label is asked for.
    Covariances are shrunk after Ledoit and Wolf 2004. With fewer than ten training pictures a
    dimension the vectors are reduced to their first principal components, one for each ten: of
    576 dimensions and 200 pictures a full covariance would see mostly its own noise.
    """

    reason: ClassVar[str] = "it fits none of the known classes"
    reason_code: ClassVar[str] = "no-class"
    measure: ClassVar[str] = "relative distance"
    looks_at_content: ClassVar[bool] = True

    def __init__(self) -> None:
        self._mean: Float64[Tensor, " dim"] | None = None
        self._overall: Float64[Tensor, "kept dim"] | None = None
        self._within: Float64[Tensor, "kept dim"] | None = None
        self._centres: Float64[Tensor, "classes kept"] | None = None
        self._form: Float64[Tensor, "dim dim"] | None = None
        self._pulls: Float64[Tensor, "classes dim"] | None = None
        self._lengths: Float64[Tensor, " classes"] | None = None

    def fit(self, seen: Evidence) -> "RelativeMahalanobis":
        """Learn the means of the predicted classes and both covariances."""
        samples = seen.blended.detach().cpu().double()
        mean = samples.mean(dim=0)
        offsets = samples - mean
        basis = _basis(offsets)
        reduced = offsets @ basis.T
        centres, members = class_means(reduced, seen.class_logits.detach().cpu().argmax(dim=1))
        within, overall = (
            whitening(shrunk_covariance(gaps), LEAST_VARIANCE)
            for gaps in (reduced - centres[members], reduced)
        )
        return self.load_state(
            {
                "mean": mean,
                "overall": overall @ basis,
                "within": within @ basis,
                "centres": centres @ within.T,
            }
        )

    def score_one(self, one: Evidence) -> float:
        """Return the difference of the squared distances, without unit."""
        form, pulls = self.require(self._form), self.require(self._pulls)
        offset = one.blended.detach().cpu().double()[0] - self.require(self._mean)
        nearest = (self.require(self._lengths) - pulls @ offset).min()
        return float(offset @ (form @ offset) + nearest)

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return the mean, both whitenings and the whitened class means."""
        return {
            "mean": self.require(self._mean),
            "overall": self.require(self._overall),
            "within": self.require(self._within),
            "centres": self.require(self._centres),
        }

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "RelativeMahalanobis":
        """Take over what `fit` learned.

        The squares are multiplied out, $|W z - c|^2 = z'W'W z - 2 c'W z + c'c$, so that a picture
        costs one product with a matrix instead of two.
        """
        self._mean, self._overall = state["mean"], state["overall"]
        self._within, self._centres = state["within"], state["centres"]
        self._form = self._within.T @ self._within
        if len(self._centres) > 1:
            self._form -= self._overall.T @ self._overall
        self._pulls = 2 * self._centres @ self._within
        self._lengths = self._centres.square().sum(dim=1)
        return self


def _basis(offsets: Float64[Tensor, "n dim"]) -> Float64[Tensor, "kept dim"]:
    """Return the axes that are looked at: all, or the first principal ones if pictures are few."""
    pictures, dim = offsets.shape
    if pictures >= PICTURES_PER_DIMENSION * dim:
        return torch.eye(dim, dtype=torch.float64)
    kept = max(1, pictures // PICTURES_PER_DIMENSION)
    _, vectors = torch.linalg.eigh(offsets.T @ offsets)  # the largest come last
    basis: Tensor = rearrange(vectors[:, -kept:], "dim kept -> kept dim")
    return basis
