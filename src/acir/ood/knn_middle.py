"""Cosine distance of the pooled shallow map to its k-th neighbour."""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from acir.ood.base import NeighbourDetector
from acir.tensors import Evidence


class KnnMiddle(NeighbourDetector):
    """Compare edges and texture, which a deep network forgets where its classes agree on them.

    Low-level statistics are the strongest signal on medical images (OpenMIBOOD, arXiv 2503.16247,
    table 21: MDSEns); they also see a harmless change of scanner.
    """

    reason: ClassVar[str] = "its edges and texture are like those of no training picture"
    reason_code: ClassVar[str] = "texture"
    measure: ClassVar[str] = "distance to the nearest"

    def vectors(self, evidence: Evidence) -> Float[Tensor, "batch dim"]:
        """Return the pooled shallow maps."""
        return evidence.middle
