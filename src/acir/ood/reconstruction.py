"""Plain reconstruction error: our reading of the paper's gate, kept as a baseline."""

from collections.abc import Mapping
from typing import ClassVar

from jaxtyping import Shaped
from torch import Tensor

from acir.ood.base import Detector
from acir.tensors import Evidence


class Reconstruction(Detector):
    """Root mean square of the reconstruction residual (ACIR, arXiv 2503.09370).

    There is nothing to learn. A blank picture is rebuilt perfectly and passes: see `residual`.
    """

    reason: ClassVar[str] = "it cannot be rebuilt from what the model knows"
    reason_code: ClassVar[str] = "reconstruction-error"
    measure: ClassVar[str] = "error"
    needs_decoder: ClassVar[bool] = True

    def fit(self, seen: Evidence) -> "Reconstruction":
        """Learn nothing."""
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the error, in units of the picture's range from 0 to 1."""
        residual = (one.images - one.reconstruction).detach().cpu().double()
        return float(residual.square().mean().sqrt())

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return no array."""
        return {}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Reconstruction":
        """Take nothing over."""
        return self
