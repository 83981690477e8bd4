"""The contract of a loss."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from acir.tensors import Batch, Encoding


@dataclass(frozen=True)
class LossTerms:
    """A loss and the named terms that it is made of, unweighted, for the log.

    Attributes:
        total: What is minimised; finite and at least 0.
        terms: Each term by name, detached from the graph.
    """

    total: Float[Tensor, ""]
    terms: Mapping[str, Float[Tensor, ""]]


class Loss(nn.Module, ABC):
    """Judge the encoding of a batch.

    Every term is defined for a batch of one picture and of one class, is unchanged when the batch
    is permuted, and sends a gradient to the logits. Codebooks and memories are parameters and
    buffers of the loss, addressed by `Batch.rows`.

    A constructor takes what it needs by keyword from: `bits`, `class_counts` (training pictures
    of each class), `pictures` (number of training pictures; `Batch.rows` counts them from 0), and
    options of its own.
    """

    @abstractmethod
    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss of a batch."""
