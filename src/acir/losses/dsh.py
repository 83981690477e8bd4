"""Deep supervised hashing (DSH): a contrastive loss with a margin.

Liu et al., "Deep Supervised Hashing for Fast Image Retrieval", CVPR 2016.

=======================  ================================================================
paper                    here
=======================  ================================================================
b_i                      `logits`: what the network gives for picture i, one number a bit
k                        `bits`
y = 0, y = 1             `similar` true, false: whether two pictures share a label
|| b_1 - b_2 ||^2        `squared_distance`
m = 2k                   `margin`: codes that differ in half of their bits reach it
L_r, first two terms     `contrast`
L_r, third term; alpha   `quantisation`; `alpha`
=======================  ================================================================

Where ours differs, and why:

- The paper pairs the pictures of a batch with each other. We pair them with the memory of all
  training pictures seen so far, as DeepHash-pytorch does, but leave out the pictures not seen yet.
  A picture's pair with itself is among them and adds nothing but 1 to the number of pairs.
- Each picture's quantisation is counted once, not at both ends of its pairs. A remembered end has
  no gradient, so that both terms have half the gradient of the mean over equation 4's pairs; so
  they have in the authors' code. DeepHash-pytorch has 0.1 times the mean over bits for the
  quantisation instead of 0.01 times the sum.
"""

from einops import einsum, rearrange, reduce
from jaxtyping import Bool, Float
from torch import Tensor

from acir.losses.base import Loss, LossTerms, Memory, at_least, share_a_label
from acir.tensors import Batch, Encoding


class DSH(Loss):
    """Pull similar pictures together; push others apart up to a margin.

    L = L_pairs + alpha L_q: 0 where similar pictures have one code of -1 and +1 and others differ
    in half of their bits or more. Memory is O(b n) for a batch of b among n pictures.

    Args:
        bits: Length of the code.
        class_counts: Training pictures of each class.
        pictures: Number of training pictures.
        alpha: Weight of the quantisation, at least 0; the paper's is 0.01.

    Raises:
        RecipeError: A weight out of range.

    Example:
        >>> DSH(bits=32, class_counts=(10, 30), pictures=40).margin
        64
    """

    def __init__(
        self, *, bits: int, class_counts: tuple[int, ...], pictures: int, alpha: float = 0.01
    ) -> None:
        super().__init__()
        self.alpha = at_least(0.0, "alpha", alpha)
        self.margin = 2 * bits
        self.memory = Memory(pictures=pictures, classes=len(class_counts), bits=bits)

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its two terms, and remember the batch."""
        self.memory.remember(encoding.logits, batch)
        others, other_labels = self.memory.recall()
        distance = squared_distance(encoding.logits, others)
        contrasted = contrast(distance, share_a_label(batch.labels, other_labels), self.margin)
        quantised = quantisation(encoding.logits)
        terms = {"contrast": contrasted, "quantisation": quantised}
        total = contrasted + self.alpha * quantised
        return LossTerms(total, terms)


def squared_distance(
    logits: Float[Tensor, "batch bits"], others: Float[Tensor, "others bits"]
) -> Float[Tensor, "batch others"]:
    """|| b_i - b_j ||^2 by a matrix product; four times the Hamming distance for codes."""
    inner = einsum(logits, others, "i bit, j bit -> i j")
    own = rearrange(logits.square().sum(dim=1), "i -> i 1")
    other = rearrange(others.square().sum(dim=1), "j -> 1 j")
    return (own + other - 2 * inner).clamp(min=0)  # rounding can go below 0


def contrast(
    distance: Float[Tensor, "batch others"], similar: Bool[Tensor, "batch others"], margin: int
) -> Float[Tensor, ""]:
    """Equation 3, first terms: mean of d / 2 for y = 0 and of max(m - d, 0) / 2 for y = 1."""
    return (distance.where(similar, (margin - distance).clamp(min=0)) / 2).mean()


def quantisation(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, ""]:
    """Equation 3, third term: || |b_i| - 1 ||_1, a sum over bits, mean over pictures."""
    return reduce((logits.abs() - 1).abs(), "batch bit -> batch", "sum").mean()
