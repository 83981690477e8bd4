"""Whether the edges of the blocks of a strong JPEG compression are seen."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Shaped
from torch import Tensor

from acir.ood.base import Detector
from acir.tensors import Evidence

BLOCK = 8  # pixels a side (ITU-T T.81, A.1.1)
LEVEL = 1 / 255  # smaller steps differ little


class BlockEdges(Detector):
    r"""How much larger the steps across edges of 8 x 8 blocks are than those beside them.

    After Wang, Sheikh and Bovik 2002, "No-reference perceptual quality assessment of JPEG
    compressed images", but line by line: with $b$ the mean step of grey values across an edge that
    runs through the whole picture, and $a$ that between the other rows or columns of the half
    blocks beside it, the score is the median of $\log ((b + l) / (a + l))$ over all edges, $l$
    being one level of 8 bits. It is near 0 where blocks are not seen. Compression is everywhere;
    what ends at an edge by chance, a tile or a frame, is no more than a few of its lines. There is
    nothing to learn.

    It sees compression at the size that the network is shown. A picture that was made smaller or
    larger for it has its blocks elsewhere; by then compression has done less harm, too.
    """

    reason: ClassVar[str] = "it seems to have been compressed too much"
    reason_code: ClassVar[str] = "compression"
    measure: ClassVar[str] = "steps between blocks"

    def fit(self, seen: Evidence) -> "BlockEdges":
        """Learn nothing."""
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the median of the logarithms; 0 for a picture of a single block."""
        grey = one.greys[0]
        if not math.isfinite(grey.sum()):
            return math.inf
        across = np.abs(grey[:, 1:] - grey[:, :-1]).sum(axis=0) / len(grey)
        down = np.abs(grey[1:] - grey[:-1]).sum(axis=1) / grey.shape[1]
        edges = np.concatenate([_at_edges(across), _at_edges(down)])
        return round(float(np.median(edges)), 6) if edges.size else 0.0

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return no array."""
        return {}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "BlockEdges":
        """Take nothing over."""
        return self


def _at_edges(steps: Float64[np.ndarray, " steps"]) -> Float64[np.ndarray, " edges"]:
    """Return the logarithm of how much larger each step between blocks is than those beside it.

    Beside an edge are up to three steps before and three after, those up to the middles of the
    blocks. The last block may end earlier.
    """
    edges = np.arange(BLOCK - 1, len(steps), BLOCK)
    places = edges[:, None] + np.array([-3, -2, -1, 1, 2, 3])
    inside = places < len(steps)
    beside = np.where(inside, steps[np.minimum(places, len(steps) - 1)], 0.0)
    others = beside.sum(axis=1) / inside.sum(axis=1)
    ratios: Float64[np.ndarray, " edges"] = np.log((steps[edges] + LEVEL) / (others + LEVEL))
    return ratios
