"""The contract of a loss, and what several share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import torch
from einops import einsum
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from acir.errors import RecipeError
from acir.tensors import Batch, Encoding

HALF = 0.5


@dataclass(frozen=True)
class LossTerms:
    """A loss and the named terms that it is made of, unweighted, for the log.

    Attributes:
        total: What is minimised; finite and at least 0.
        terms: Each term by name, detached from the graph.
    """

    total: Float[Tensor, ""]
    terms: Mapping[str, Float[Tensor, ""]]

    def __post_init__(self) -> None:
        """Detach the terms, which a log must not keep a graph alive with."""
        detached = {name: term.detach() for name, term in self.terms.items()}
        object.__setattr__(self, "terms", detached)


class Loss(nn.Module, ABC):
    """Judge the encoding of a batch.

    Every term is defined for a batch of one picture and of one class, is unchanged when the batch
    is permuted, and sends a gradient to the logits. Codebooks and memories are parameters and
    buffers of the loss, addressed by `Batch.rows`.

    A constructor takes what it needs by keyword from: `bits`, `class_counts` (training pictures
    of each class), `pictures` (number of training pictures; `Batch.rows` counts them from 0),
    `steps` (of training, as planned), `lengths` (how many first bits are to be good codes too; none
    where the whole alone is), and options of its own.
    """

    @property
    def teaches_class_head(self) -> bool:
        """Whether the class head of the network learns by it, so that its logits say something."""
        return False

    @abstractmethod
    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss of a batch."""


def at_least(least: float, key: str, value: float) -> float:
    """Return the value of an option that is finite and not below the least.

    Raises:
        RecipeError: It is below, infinite or no number.
    """
    if not least <= value < inf:
        raise RecipeError(
            f"recipe key loss.{key} is {value}, expected a finite number of at least {least:g}"
        )
    return value


def above_zero(key: str, value: float) -> float:
    """Return the value of an option that is finite and above zero.

    Raises:
        RecipeError: It is not.
    """
    if not 0 < value < inf:
        raise RecipeError(f"recipe key loss.{key} is {value}, expected a finite number above 0")
    return value


def label_cross_entropy(
    class_logits: Float[Tensor, "batch classes"], labels: Float[Tensor, "batch classes"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy; several labels share the target evenly, none contribute 0."""
    target = labels / labels.sum(dim=1, keepdim=True).clamp(min=1)
    return -(target * log_softmax(class_logits, dim=1)).sum(dim=1).mean()


def cubic_quantisation(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, ""]:
    """Mean | |u| - 1 |^3: 0 where every logit is -1 or +1.

    Su et al., "Greedy Hash", NeurIPS 2018, https://papers.nips.cc/paper/7360. It holds the logits
    to a scale, which they need where the gradient passes straight through their signs: the sign of
    a large logit hardly ever changes.
    """
    return (logits.abs() - 1).abs().pow(3).mean()


class Memory(nn.Module):
    """What each training picture was last encoded as, for losses that pair a batch with all.

    Only pictures seen so far are recalled. A memory that starts from zero logits and no labels,
    as in public code, counts every picture not yet seen as dissimilar to all others for the first
    epoch. Nothing recalled carries a gradient.

    Args:
        pictures: Number of training pictures.
        classes: Number of classes.
        bits: Length of the code.
    """

    logits: Float[Tensor, "pictures bits"]
    labels: Float[Tensor, "pictures classes"]
    seen: Bool[Tensor, " pictures"]

    def __init__(self, *, pictures: int, classes: int, bits: int) -> None:
        super().__init__()
        self.register_buffer("logits", torch.zeros(pictures, bits))
        self.register_buffer("labels", torch.zeros(pictures, classes))
        self.register_buffer("seen", torch.zeros(pictures, dtype=torch.bool))

    def remember(self, logits: Float[Tensor, "batch bits"], batch: Batch) -> None:
        """Overwrite the rows of a batch."""
        self.logits[batch.rows] = logits.detach()
        self.labels[batch.rows] = batch.labels
        self.seen[batch.rows] = True

    def recall(self) -> tuple[Float[Tensor, "seen bits"], Float[Tensor, "seen classes"]]:
        """Return logits and labels of the pictures seen so far, as a copy."""
        return self.logits[self.seen], self.labels[self.seen]


def share_a_label(
    labels: Float[Tensor, "batch classes"], others: Float[Tensor, "others classes"]
) -> Bool[Tensor, "batch others"]:
    """Mark the similar pairs; a picture without labels is similar to none, itself included.

    A mixed picture has the labels of which it has more than half.

    Example:
        >>> labels = torch.tensor([[1.0, 1, 0], [0, 1, 0], [0, 0, 1]])
        >>> share_a_label(labels[:1], labels)
        tensor([[ True,  True, False]])
    """
    own, other = (labels > HALF).float(), (others > HALF).float()
    return einsum(own, other, "i label, j label -> i j") > 0


def balanced_weight(similar: Bool[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
    """w_ij = |S| / |S_1| for similar pairs and |S| / |S_0| for the others, of all pairs S.

    Both kinds weigh as much in sum; where one is missing, the other weighs 1 a pair.
    """
    ones = similar.sum().clamp(min=1)
    zeros = (~similar).sum().clamp(min=1)
    return similar.numel() / torch.where(similar, ones, zeros)
