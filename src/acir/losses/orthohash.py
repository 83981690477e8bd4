"""OrthoHash: one cosine between the logits and a nearly orthogonal code of each class.

Hoe et al., "One Loss for All: Deep Hashing with a Single Cosine Similarity based Learning
Objective", NeurIPS 2021, https://arxiv.org/abs/2109.14449.

=======  ================================================================================
paper    here
=======  ================================================================================
v        hash logits
o_1..C   `bernoulli_codebook`, rows of -1 and +1
cos      `cosines`
s, m     `scale`, `margin`
L        cross-entropy of s (cos - m y); several labels share the target (label smoothing)
=======  ================================================================================

Where the public code (kamwoh/orthohash) differs from ours:

- Its codebook may hold a code twice, and then two classes cannot be told apart; ours draws again.
- Its codes of logits are their signs, with 0 for a logit of 0; a code of ours has +1 there.
- Its hash layer ends in a batch normalisation, which balances the bits and belongs to the method.
  A loss cannot hold it, since the code is read from the logits; the network's head must.
- Its other choices (angular margin, quantisation, other losses for several labels) are off by
  default and left out.
"""

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from acir.errors import RecipeError
from acir.losses.base import Loss, LossTerms, above_zero, label_cross_entropy
from acir.tensors import Batch, Encoding

LARGEST_MARGIN = 2  # what separates the largest cosine from the smallest


class OrthoHash(Loss):
    """Turn the logits towards the code of their class, past those of the others by a margin.

    Logits that have the direction of a code are a code but for their length, so one term does for
    classification and quantisation.

    Args:
        bits: Length of the code.
        class_counts: Training pictures of each class; only their number matters.
        margin: Subtracted from the cosine to the picture's own class, in [0, 2].
        scale: Multiplies the cosines; the larger, the less a solved picture counts.

    Raises:
        RecipeError: Fewer codes than classes, or a margin or scale out of range.

    Example:
        >>> OrthoHash(bits=16, class_counts=(10, 30)).codebook.shape
        torch.Size([2, 16])
    """

    codebook: Float[Tensor, "classes bits"]

    def __init__(
        self,
        *,
        bits: int,
        class_counts: tuple[int, ...],
        margin: float = 0.2,
        scale: float = 8.0,
    ) -> None:
        super().__init__()
        if not 0 <= margin <= LARGEST_MARGIN:
            raise RecipeError(
                f"recipe key loss.margin is {margin}, expected at least 0 and at most "
                f"{LARGEST_MARGIN}"
            )
        self.margin = margin
        self.scale = above_zero("scale", scale)
        self.register_buffer("codebook", bernoulli_codebook(bits, len(class_counts)))

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss, which is its only term."""
        similarity = cosines(encoding.logits, self.codebook)
        total = label_cross_entropy(
            self.scale * (similarity - self.margin * batch.labels), batch.labels
        )
        return LossTerms(total, {"cosine": total})


def bernoulli_codebook(bits: int, classes: int) -> Float[Tensor, "classes bits"]:
    """Draw a code for each class from torch's generator, every bit by a fair coin, none twice.

    Two codes differ in half of their bits on average, which is orthogonal, give or take
    `sqrt(bits) / 2` bits.

    Raises:
        RecipeError: There are more classes than codes of this length.
    """
    if classes > 2**bits:
        raise RecipeError(
            f"recipe key model.bits is {bits}, but orthohash needs a code of its own for each of "
            f"{classes} classes, and there are only {2**bits} of that length; use more bits"
        )
    codes: list[Tensor] = []
    while len(codes) < classes:
        code = torch.randint(2, (bits,)) * 2.0 - 1
        if not any(torch.equal(code, other) for other in codes):
            codes.append(code)
    return torch.stack(codes)


def cosines(
    logits: Float[Tensor, "batch bits"], codebook: Float[Tensor, "classes bits"]
) -> Float[Tensor, "batch classes"]:
    """Cosine of each picture's logits with each class's code, in [-1, 1]; 0 for logits all 0."""
    directions, codes = normalize(logits, dim=1), normalize(codebook, dim=1).to(logits)
    return einsum(directions, codes, "i bit, label bit -> i label")
