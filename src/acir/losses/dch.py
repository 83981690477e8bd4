"""Deep Cauchy hashing (DCH): a likelihood of pairs that looks at small distances.

Cao et al., "Deep Cauchy Hashing for Hamming Space Retrieval", CVPR 2018.

=====================  ==================================================================
paper                  here
=====================  ==================================================================
h_i                    `logits`: hash logits of picture i, one a bit
K                      bits
s_ij in {0, 1}         `similar`: whether two pictures share a label
w_ij                   `balanced_weight`, equation 2
d(h_i, h_j)            `distance`, of a cosine: 0 to K, the Hamming distance for codes
gamma                  `gamma`: the distance at which a pair is as likely similar as not
L, Q, lambda           `cross_entropy`, `quantisation`, `quantisation_weight`
=====================  ==================================================================

Where ours differs, and why:

- The authors' code has the squared Euclidean distance of tanh outputs, weighs similar pairs only
  and replaces Q by the mean of (|h| - 1)^2 with lambda = 0. We follow the paper, as
  DeepHash-pytorch does. gamma = 20 is that of both codes, lambda = 0.1 the latter's.
- A picture is not paired with itself, as in the authors' code: the pair teaches nothing, and
  its weight would be taken from the similar pairs. DeepHash-pytorch keeps it.
- 1 - cos is kept above 1e-6. DeepHash-pytorch keeps it above 0.01, below which it neither pulls
  similar pictures further together nor pushes others apart.
"""

import torch
from einops import einsum
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from acir.losses.base import (
    Loss,
    LossTerms,
    above_zero,
    at_least,
    balanced_weight,
    share_a_label,
)
from acir.tensors import Batch, Encoding

COSINE_MARGIN = 1e-6  # keeps log(gamma / d) finite for equal codes


class DCH(Loss):
    """Pull similar pictures within a small Hamming ball of each other.

    Equation 7: L + lambda Q. Memory is O(b^2) for a batch of b pictures.

    Args:
        gamma: Scale of the Cauchy distribution in bits, above 0; a smaller one pulls harder
            at small distances.
        quantisation_weight: The paper's lambda, at least 0.

    Raises:
        RecipeError: An option out of range.

    Example:
        >>> DCH(gamma=10.0).gamma
        10.0
    """

    def __init__(self, *, gamma: float = 20.0, quantisation_weight: float = 0.1) -> None:
        super().__init__()
        self.gamma = above_zero("gamma", gamma)
        self.quantisation_weight = at_least(0.0, "quantisation_weight", quantisation_weight)

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its two terms."""
        others = ~torch.eye(len(batch.labels), dtype=torch.bool, device=batch.labels.device)
        similar = share_a_label(batch.labels, batch.labels)[others]
        crossed = cross_entropy(pair_distance(encoding.logits)[others], similar, self.gamma)
        quantised = quantisation(encoding.logits, self.gamma)
        terms = {"cross_entropy": crossed, "quantisation": quantised}
        total = crossed + self.quantisation_weight * quantised
        return LossTerms(total, terms)


def distance(cosine: Float[Tensor, "..."], bits: int) -> Float[Tensor, "..."]:
    """Equation 6: d = K / 2 (1 - cos)."""
    return bits / 2 * (1 - cosine).clamp(min=COSINE_MARGIN)


def pair_distance(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch batch"]:
    """d(h_i, h_j) of all pictures of a batch."""
    units = normalize(logits, dim=1)
    return distance(einsum(units, units, "i bit, j bit -> i j"), logits.shape[1])


def cross_entropy(
    distances: Float[Tensor, " pairs"], similar: Bool[Tensor, " pairs"], gamma: float
) -> Float[Tensor, ""]:
    """Equation 8: mean of w_ij (s_ij log(d / gamma) + log(1 + gamma / d)); 0 without pairs.

    For s = 1 the bracket is log(1 + d / gamma), which does not cancel where d is small.
    """
    ratio = torch.where(similar, distances / gamma, gamma / distances)
    return (balanced_weight(similar) * torch.log1p(ratio)).sum() / max(len(similar), 1)


def quantisation(logits: Float[Tensor, "batch bits"], gamma: float) -> Float[Tensor, ""]:
    """Equation 9: mean of log(1 + d(|h_i|, 1) / gamma); 0 when all logits are as far from 0."""
    cosine = cosine_similarity(logits.abs(), torch.ones_like(logits), dim=1)
    return torch.log1p(distance(cosine, logits.shape[1]) / gamma).mean()
