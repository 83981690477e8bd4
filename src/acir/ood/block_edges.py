"""Whether the edges of the blocks of a strong JPEG compression are seen."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from acir.ood.base import Detector
from acir.tensors import Evidence

BLOCK = 8  # pixels a side (ITU-T T.81, A.1.1)
LEVEL = 1 / 255  # smaller steps differ little


class BlockEdges(Detector):
    r"""How much larger the steps across edges of 8 x 8 blocks are than those between other pixels.

    After Wang, Sheikh and Bovik 2002, "No-reference perceptual quality assessment of JPEG
    compressed images": with $b$ the mean step of grey values from one block to the next, across
    plus down, and $a$ that between other neighbours, the score is $\log ((b + l) / (a + l))$, $l$
    being one level of 8 bits: 0 where blocks are not seen, and negative for the few pictures where
    others are steeper. There is nothing to learn.

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
        """Return the logarithm of the ratio; 0 for a picture of a single block."""
        grey = one.images.detach().cpu().double()[0].mean(dim=0).numpy()
        if not math.isfinite(grey.sum()):
            return math.inf
        across = np.abs(grey[:, 1:] - grey[:, :-1]).mean(axis=0)
        down = np.abs(grey[1:] - grey[:-1]).mean(axis=1)
        edges, others = (sum(parts) for parts in zip(_parted(across), _parted(down), strict=True))
        return math.log((edges + LEVEL) / (others + LEVEL))

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return no array."""
        return {}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "BlockEdges":
        """Take nothing over."""
        return self


def _parted(steps: Float64[np.ndarray, " steps"]) -> tuple[float, float]:
    """Return the mean step between blocks and the mean of the others; of one block, that twice."""
    edges: Bool[np.ndarray, " steps"] = np.arange(1, len(steps) + 1) % BLOCK == 0
    others = float(steps[~edges].mean())
    return float(steps[edges].mean()) if edges.any() else others, others
