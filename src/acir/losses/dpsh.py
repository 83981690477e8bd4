"""Deep pairwise-supervised hashing (DPSH): a likelihood of pairs.

Li et al., "Feature Learning based Deep Supervised Hashing with Pairwise Labels", IJCAI 2016,
https://arxiv.org/abs/1511.03855. The objectives bear the paper's names, J_2 and J_3.

==================================  =====================================================
paper                               here
==================================  =====================================================
u_i                                 `logits`: hash logits of picture i, one a bit
U                                   `Memory`: logits of all training pictures
b_i = sgn(u_i)                      `codes`
s_ij in {0, 1}                      `similar`: whether two pictures share a label
Theta_ij                            `half_inner_product`
J_2: - log p(S | U)                 `negative_log_likelihood`
J_3, second term; eta               `quantisation`; `eta`
==================================  =====================================================

Where ours differs, and why:

- The paper sums over pairs and pictures; we take means, so that a learning rate fits any number
  of pictures. Its eta is ours times pictures over bits: our 0.1 is 10 for 5,000 pictures and 50
  bits, as in the demo of DPSH-pytorch, the authors' group's code. DeepHash-pytorch takes our means.
- A remembered end of a pair has no gradient, which halves that of J_2, and a picture is paired with
  itself, too; both as in public code.
- Public code starts U from zeros. There a picture not seen yet has Theta = 0 whatever it is; we
  leave it out.
- sgn(0) is +1, as in the stored codes, so that a logit of 0 is moved away from 0.
"""

import torch
from einops import einsum
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from acir.losses.base import Loss, LossTerms, Memory, at_least, share_a_label
from acir.tensors import Batch, Encoding


class DPSH(Loss):
    """Let the inner product of logits predict whether two pictures are similar.

    L = J_2 / pairs + eta L_q. Memory is O(b n) for a batch of b among n pictures.

    Args:
        bits: Length of the code.
        class_counts: Training pictures of each class.
        pictures: Number of training pictures.
        eta: Weight of the quantisation, at least 0.

    Raises:
        RecipeError: A weight out of range.

    Example:
        >>> DPSH(bits=32, class_counts=(10, 30), pictures=40).memory.logits.shape
        torch.Size([40, 32])
    """

    def __init__(
        self, *, bits: int, class_counts: tuple[int, ...], pictures: int, eta: float = 0.1
    ) -> None:
        super().__init__()
        self.eta = at_least(0.0, "eta", eta)
        self.memory = Memory(pictures=pictures, classes=len(class_counts), bits=bits)

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its two terms, and remember the batch."""
        self.memory.remember(encoding.logits, batch)
        others, other_labels = self.memory.recall()
        theta = half_inner_product(encoding.logits, others)
        likelihood = negative_log_likelihood(theta, share_a_label(batch.labels, other_labels))
        quantised = quantisation(encoding.logits)
        terms = {"likelihood": likelihood, "quantisation": quantised}
        total = likelihood + self.eta * quantised
        return LossTerms(total, terms)


def half_inner_product(
    logits: Float[Tensor, "batch bits"], others: Float[Tensor, "others bits"]
) -> Float[Tensor, "batch others"]:
    """Theta_ij = u_i . u_j / 2."""
    return einsum(logits, others, "i bit, j bit -> i j") / 2


def negative_log_likelihood(
    theta: Float[Tensor, "batch others"], similar: Bool[Tensor, "batch others"]
) -> Float[Tensor, ""]:
    """J_2 as a mean over pairs: log(1 + exp(Theta)) - s Theta.

    For s = 1 this is log(1 + exp(-Theta)), which does not cancel where Theta is large.
    """
    return softplus(torch.where(similar, -theta, theta)).mean()


def quantisation(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, ""]:
    """J_3, second term, as a mean over pictures and bits: (b - u)^2."""
    codes = torch.where(logits >= 0, 1.0, -1.0)
    return (codes - logits).square().mean()
