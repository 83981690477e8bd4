"""Cosine distance of the blended features to its k-th neighbour."""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from acir.ood.base import NeighbourDetector
from acir.tensors import Evidence


class Knn(NeighbourDetector):
    """Compare what retrieval compares: the blended features."""

    reason: ClassVar[str] = "it looks like no training picture"
    reason_code: ClassVar[str] = "nearest-neighbour"
    measure: ClassVar[str] = "distance to the nearest"
    looks_at_content: ClassVar[bool] = True

    def vectors(self, evidence: Evidence) -> Float[Tensor, "batch dim"]:
        """Return the blended features."""
        return evidence.blended
