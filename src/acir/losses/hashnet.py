"""HashNet: a balanced likelihood of pairs, and codes that harden while training.

Cao et al., "HashNet: Deep Learning to Hash by Continuation", ICCV 2017,
https://arxiv.org/abs/1702.00758.

==============================  =========================================================
paper                           here
==============================  =========================================================
z_i                             `logits`: hash logits of picture i, one a bit
h_i = tanh(beta z_i)            `hardened`
beta                            `HashNet.beta`: from 1 to `hardness` while training
s_ij in {0, 1}                  `similar`: whether two pictures share a label
S, S_1, S_0                     all pairs of a step, the similar and the dissimilar ones
w_ij                            `balanced_weight`, equation 2
alpha                           `steepness` / bits
==============================  =========================================================

Where ours differs, and why:

- The paper trains a sequence of networks, each to convergence under one beta. As the authors'
  code does, we let beta^2 grow evenly from 1 while one network trains; t counts the training steps
  and is saved with the loss. Theirs has beta = (1 + 0.005 t)^(1/2), takes a new one every 200 steps
  and reaches 7.1 after 10,000; ours reaches that at the end of training, however long it is. With
  their growth, the continuation would hardly begin in a short one.
- The paper defines S over the training set. We pair a batch with all training pictures seen so
  far, whose logits are remembered and hardened by the present beta. DeepHash-pytorch did so until
  September 2022; the authors' code and its present version pair within a batch, where S_1 of a
  rare class is often empty. A picture is paired with itself, too.
- c_ij, by which the paper grades pictures of several labels, is 1, as it is for one label each.
- alpha is 10 / bits as in the authors' code, which keeps the largest logit the same at any length;
  DeepHash-pytorch has 0.1.
"""

import torch
from einops import einsum
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import softplus

from acir.losses.base import (
    Loss,
    LossTerms,
    Memory,
    above_zero,
    at_least,
    balanced_weight,
    share_a_label,
)
from acir.tensors import Batch, Encoding


class HashNet(Loss):
    """Let the inner product of hardened codes predict whether two pictures are similar.

    Memory is O(b n) for a batch of b among n pictures.

    Args:
        bits: Length of the code.
        class_counts: Training pictures of each class.
        pictures: Number of training pictures.
        steepness: The logit of a pair with equal codes, above 0.
        steps: Training steps planned, at least 1; beta stays as it is after them.
        hardness: What beta is at the end of training, at least 1.

    Raises:
        RecipeError: An option out of range.

    Example:
        >>> loss = HashNet(bits=32, class_counts=(10, 30), pictures=40, steps=300, hardness=3.0)
        >>> loss.done += 300
        >>> loss.beta
        tensor(3.)
    """

    done: Int[Tensor, ""]

    def __init__(
        self,
        *,
        bits: int,
        class_counts: tuple[int, ...],
        pictures: int,
        steps: int,
        steepness: float = 10.0,
        hardness: float = 7.1,
    ) -> None:
        super().__init__()
        self.alpha = above_zero("steepness", steepness) / bits
        self.growth = (at_least(1.0, "hardness", hardness) ** 2 - 1) / steps
        self.steps = steps
        self.memory = Memory(pictures=pictures, classes=len(class_counts), bits=bits)
        self.register_buffer("done", torch.zeros((), dtype=torch.long))

    @property
    def beta(self) -> Float[Tensor, ""]:
        """Return the sharpness of tanh, 1 before the first training step."""
        return torch.sqrt(1 + self.growth * self.done.clamp(max=self.steps))

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its only term, remember the batch and, in training, count a step."""
        self.memory.remember(encoding.logits, batch)
        others, other_labels = self.memory.recall()
        similar = share_a_label(batch.labels, other_labels)
        codes, other_codes = hardened(encoding.logits, self.beta), hardened(others, self.beta)
        likelihood = weighted_likelihood(codes, other_codes, similar, self.alpha)
        if self.training:
            self.done += 1
        return LossTerms(likelihood, {"likelihood": likelihood})


def hardened(
    logits: Float[Tensor, "rows bits"], beta: Float[Tensor, ""]
) -> Float[Tensor, "rows bits"]:
    """Squash logits: h = tanh(beta z), which tends to the code sgn(z) as beta grows."""
    return torch.tanh(beta * logits)


def weighted_likelihood(
    codes: Float[Tensor, "batch bits"],
    others: Float[Tensor, "others bits"],
    similar: Bool[Tensor, "batch others"],
    alpha: float,
) -> Float[Tensor, ""]:
    """Equation 4: mean of w_ij (log(1 + exp(alpha h_i . h_j)) - alpha s_ij h_i . h_j).

    For s = 1 the bracket is log(1 + exp(-alpha h_i . h_j)), which does not cancel.
    """
    logit = alpha * einsum(codes, others, "i bit, j bit -> i j")
    surprise = softplus(torch.where(similar, -logit, logit))
    return (balanced_weight(similar) * surprise).mean()
