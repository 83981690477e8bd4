"""Central similarity quantisation (CSQ): each class has a fixed centre among the codes.

Yuan et al., "Central Similarity Quantization for Efficient Image and Video Retrieval", CVPR 2020,
https://arxiv.org/abs/1908.00347.

========  ====================================================================================
paper     here
========  ====================================================================================
K         `bits`
h_i       (1 + tanh u_i) / 2, in [0, 1], of the hash logits u_i
c_1..c_m  `hadamard_centres`: Algorithm 1, as rows of -1 and +1 for the paper's 0 and 1
c'_i      `picture_centres`: the centre of picture i, for several labels the centroid of theirs
L_C       `central_similarity`
L_Q       `quantisation`
lambda_1  `quantisation_weight`
========  ====================================================================================

Where the paper, its public code (yuanli2333/Hadamard-Matrix-for-hashing) and ours differ:

- Where no Hadamard centres exist, the paper draws random ones. Ours refuses: their distances are
  left to chance, and a row of a table that changes its method between lengths compares nothing.
- L_Q is the paper's log cosh; the code has a square in its place, about twice as large.
- The paper sums over pictures, and L_Q over bits too. Ours takes means of both as the code does,
  so the weight means the same at every length; its value is that of the code's commands.
- A bit for which a picture's centres vote evenly is drawn once for all pictures, as in the code,
  so that a loss depends on its batch alone; in the paper it is drawn for each picture.
- The code has a pairwise term too, whose weight its commands set to 0; the paper has none.
"""

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from acir.errors import RecipeError
from acir.losses.base import Loss, LossTerms, at_least
from acir.tensors import Batch, Encoding

LEAST_BITS = 8  # a code fills whole bytes


class CSQ(Loss):
    """Pull every picture to the centre of its class, and its bits to -1 and +1.

    L = L_C + weight L_Q. The first bit is 1 in the centres of the first `bits` classes, so with no
    more classes than bits it says nothing; that is the method's own.

    Args:
        bits: Length of the code.
        class_counts: Training pictures of each class; only their number matters.
        quantisation_weight: The paper's lambda_1.

    Raises:
        RecipeError: There are no Hadamard centres for so many bits and classes, or a weight is out
            of range.

    Example:
        >>> CSQ(bits=8, class_counts=(10, 30)).centres
        tensor([[ 1.,  1.,  1.,  1.,  1.,  1.,  1.,  1.],
                [ 1., -1.,  1., -1.,  1., -1.,  1., -1.]])
    """

    centres: Float[Tensor, "classes bits"]
    ties: Float[Tensor, " bits"]

    def __init__(
        self, *, bits: int, class_counts: tuple[int, ...], quantisation_weight: float = 0.05
    ) -> None:
        super().__init__()
        self.quantisation_weight = at_least(0.0, "quantisation_weight", quantisation_weight)
        centres = hadamard_centres(bits, len(class_counts))
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("ties", torch.randint(2, (bits,)) * 2.0 - 1)

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its two terms."""
        centres = picture_centres(batch.labels, self.centres, self.ties)
        central = central_similarity(encoding.logits, centres)
        quantised = quantisation(encoding.logits)
        return LossTerms(
            central + self.quantisation_weight * quantised,
            {"central": central, "quantisation": quantised},
        )


def hadamard_centres(bits: int, classes: int) -> Float[Tensor, "classes bits"]:
    """Algorithm 1: the first rows of a Hadamard matrix and then of its negative.

    Two of the first `bits` rows differ in half of their bits, a row and its negative in all.

    Raises:
        RecipeError: `bits` is no power of two, or there are more than `2 * bits` classes.
    """
    nearest = nearest_length(bits, classes)
    if bits != nearest:
        raise RecipeError(
            f"recipe key model.bits is {bits}, but csq needs a Hadamard centre for each of "
            f"{classes} classes, and its construction gives 2n centres at n bits, n a power of "
            f"two, and none elsewhere; the nearest possible length is {nearest}"
        )
    matrix = torch.ones(1, 1)
    while len(matrix) < bits:
        matrix = torch.kron(torch.tensor([[1.0, 1], [1, -1]]), matrix)
    return torch.cat([matrix, -matrix])[:classes]


def nearest_length(bits: int, classes: int) -> int:
    """Return the length nearest to `bits` that has a centre for each class, the longer of two.

    Example:
        >>> nearest_length(48, 10), nearest_length(16, 100)
        (64, 64)
    """
    least = max(LEAST_BITS, _power_of_two((classes + 1) // 2))
    above = _power_of_two(bits)
    return max(least, above // 2 if bits - above // 2 < above - bits else above)


def _power_of_two(number: int) -> int:
    """Return the smallest power of two that is not below a number."""
    return 1 << max(0, number - 1).bit_length()


def picture_centres(
    labels: Float[Tensor, "batch classes"],
    centres: Float[Tensor, "classes bits"],
    ties: Float[Tensor, " bits"],
) -> Float[Tensor, "batch bits"]:
    """c'_i: each bit as most centres of the picture's classes have it, at a tie that of `ties`.

    A picture without labels has no centre: its row is 0.
    """
    votes = einsum(labels, centres, "i label, label bit -> i bit")
    labelled = labels.sum(dim=1, keepdim=True).clamp(max=1)
    return torch.where(votes == 0, ties, votes.sign()) * labelled


def central_similarity(
    logits: Float[Tensor, "batch bits"], centres: Float[Tensor, "batch bits"]
) -> Float[Tensor, ""]:
    """L_C: mean binary cross-entropy of h to the centre; 0 for a picture without a centre.

    h = (1 + tanh u) / 2 is the logistic function of 2u, so the logarithms are taken of the logits
    and stay finite however large they are.
    """
    entropies = binary_cross_entropy_with_logits(
        2 * logits, (centres + 1) / 2, weight=centres.abs(), reduction="none"
    )
    return entropies.mean()


def quantisation(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, ""]:
    """L_Q = mean log cosh(| 2h - 1 | - 1), where 2h - 1 = tanh u; 0 far from 0."""
    return torch.log(torch.cosh(torch.tanh(logits).abs() - 1)).mean()
