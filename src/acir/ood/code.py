"""Distance of a code, undecided bits and all, to the nearest training code."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float64, Shaped, UInt8
from torch import Tensor

from acir import codes
from acir.ood.base import Detector
from acir.tensors import Evidence


class Code(Detector):
    r"""Hamming distance to the nearest training code and quantisation loss, as one number of bits.

    $s(h) = \min_c \frac{1}{2} \sum_i (1 - c_i \tanh h_i)$ over the training codes $c$, in -1 and
    +1. Read $\frac{1}{2}(1 + \tanh h_i)$ as the probability that bit i is 1: the sum is the
    expected Hamming distance to $c$. A bit that agrees adds half its quantisation loss
    $1 - |\tanh h_i|$, and one that differs adds 1 less half its loss; so the score of a decided
    code is its Hamming distance, an undecided bit costs half a bit whatever its sign, and no
    weight between the two signs of attack is left to choose (both: UMCD, arXiv 2304.04228).
    """

    reason: ClassVar[str] = "its code is undecided or far from those of training pictures"
    reason_code: ClassVar[str] = "code"
    measure: ClassVar[str] = "bits to the nearest code"
    looks_at_content: ClassVar[bool] = True

    def __init__(self) -> None:
        self._known: Float64[Tensor, "n bits"] | None = None

    def fit(self, seen: Evidence) -> "Code":
        """Keep each code of the training pictures once, packed."""
        packed = np.unique(codes.pack(seen.logits.detach().cpu().numpy()), axis=0)
        return self.load_state({"codes": torch.from_numpy(packed)})

    def score_one(self, one: Evidence) -> float:
        """Return the expected distance, from 0 to the number of bits."""
        known = self.require(self._known)
        logits = one.logits.detach().cpu().double()[0]
        if not logits.isfinite().all():
            return math.inf  # tanh would make a decided bit of it
        return float((len(logits) - (known @ logits.tanh()).max()) / 2)

    def state(self) -> dict[str, UInt8[Tensor, "..."]]:
        """Return the packed codes."""
        return {"codes": torch.from_numpy(codes.pack(self.require(self._known).numpy()))}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Code":
        """Take codes over."""
        self._known = torch.from_numpy(codes.unpack(state["codes"].numpy())).double()
        return self
