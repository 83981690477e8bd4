"""GreedyHash: classify the code itself, and pass its gradient to the logits as if it were they.

Su et al., "Greedy Hash: Towards Fast Optimization for Accurate Hash Coding in CNN", NeurIPS 2018,
https://papers.nips.cc/paper/7360.

=====================  ============================================================
paper                  here
=====================  ============================================================
H                      hash logits
B = sgn(H)             `binarised`; the gradient of H is that of B
|| H - sgn(H) ||_3^3   `cubic_quantisation`, the mean over pictures and bits
alpha                  `quantisation_weight`
=====================  ============================================================

The public code (ssppp/GreedyHash) takes the mean of the cubes where the paper sums them, and the
weight 0.1 for CIFAR-10 and 1 for ImageNet; ours follows it. Its sign of 0 is 0, ours +1 as
everywhere in this package. Like the code's, the classifier has no bias.
"""

from torch import nn

from acir.losses.base import Loss, LossTerms, at_least, cubic_quantisation, label_cross_entropy
from acir.tensors import Batch, Encoding, binarised


class GreedyHash(Loss):
    """Classify the signs of the logits by a linear layer that is trained with the network.

    L = L_ce + weight mean | |u| - 1 |^3.

    Args:
        bits: Length of the code.
        class_counts: Training pictures of each class; only their number matters.
        quantisation_weight: The paper's alpha.

    Raises:
        RecipeError: The weight is out of range.

    Example:
        >>> GreedyHash(bits=16, class_counts=(10, 30)).classifier
        Linear(in_features=16, out_features=2, bias=False)
    """

    def __init__(
        self, *, bits: int, class_counts: tuple[int, ...], quantisation_weight: float = 0.1
    ) -> None:
        super().__init__()
        self.quantisation_weight = at_least(0.0, "quantisation_weight", quantisation_weight)
        self.classifier = nn.Linear(bits, len(class_counts), bias=False)

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its two terms."""
        classified = label_cross_entropy(self.classifier(binarised(encoding.logits)), batch.labels)
        quantised = cubic_quantisation(encoding.logits)
        return LossTerms(
            classified + self.quantisation_weight * quantised,
            {"classification": classified, "quantisation": quantised},
        )
