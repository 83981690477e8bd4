"""Free energy of the class logits."""

import math
from collections.abc import Mapping
from typing import ClassVar

from jaxtyping import Shaped
from torch import Tensor

from acir.ood.base import Detector
from acir.tensors import Evidence


class Energy(Detector):
    r"""How little the class head sees of any class (Liu et al. 2020, arXiv 2010.03759, eq. 4).

    $E(x) = -\log \sum_k e^{f_k(x)}$ at temperature 1, in nats. There is nothing to learn. Unlike
    the largest probability, it tells when all logits sink together.
    """

    reason: ClassVar[str] = "the model sees none of its classes in it"
    reason_code: ClassVar[str] = "weak-classes"
    measure: ClassVar[str] = "energy"
    reads_classes: ClassVar[bool] = True
    looks_at_content: ClassVar[bool] = True

    def fit(self, seen: Evidence) -> "Energy":
        """Learn nothing."""
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the energy, any real number; +inf when one logit is infinite."""
        logits = one.class_logits.detach().cpu().double()[0]
        # A single logit of -inf would vanish from the sum.
        return -float(logits.logsumexp(dim=0)) if logits.isfinite().all() else math.inf

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return no array."""
        return {}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Energy":
        """Take nothing over."""
        return self
