"""The baseline of all hashing losses: classify, and read the signs of the features as a code.

There is no paper to follow. The classifier sees the logits as they are: nothing in training
knows that only their signs will be kept, and what the hashing losses gain over this one is what
knowing it is worth. A tanh before the classifier would be a relaxed sign, and so already a
hashing method.
"""

from torch import nn

from acir.losses.base import Loss, LossTerms, label_cross_entropy
from acir.tensors import Batch, Encoding


class Classification(Loss):
    """Cross-entropy of a linear layer on the hash logits, which is trained with the network.

    The class head of the network, which sees features before the hash layer, is not used.

    Args:
        bits: Length of the code.
        class_counts: Training pictures of each class; only their number matters.

    Example:
        >>> Classification(bits=16, class_counts=(10, 30)).classifier
        Linear(in_features=16, out_features=2, bias=True)
    """

    def __init__(self, *, bits: int, class_counts: tuple[int, ...]) -> None:
        super().__init__()
        self.classifier = nn.Linear(bits, len(class_counts))

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss, which is its only term."""
        total = label_cross_entropy(self.classifier(encoding.logits), batch.labels)
        return LossTerms(total, {"classification": total})
