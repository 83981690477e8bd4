"""The paper's loss as its public code has it, without our repairs: the contestant to beat.

Nan et al., "Revisiting Medical Image Retrieval via Knowledge Consolidation", Medical Image
Analysis 2025, https://arxiv.org/abs/2503.09370. `acir.losses.sch` is the same loss as we make it.

================  ==========================================================================
paper             here
================  ==========================================================================
u_i, p_i, y_i     hash logits, fingerprint and class of picture i
S_ij              `structure_similarity`: cosine of the fingerprints as they are
d_ij              `correlation_distance` of two rows of logits, kept 1e-6 away from 0 and 1
w_ij              `pair_weight`
L_con, L_q, L_ce  `contrast`, `quantisation`, cross-entropy of the class head
L                 L_con + 0.5 L_q + 0.5 L_ce
================  ==========================================================================

What it keeps, though it does not do what it is meant to (each is a test):

- Grey pictures have a cosine near 1, so S hardly varies, and a neutral pair never arises.
- L_con is a mean over all b^2 pairs; the b pairs of a picture with itself add about nothing.
- L_q is log 1.5 whatever the logits are. Its target, a row of ones, is centred to zeros, so every
  distance is 1/2 and no gradient flows. A batch of one picture therefore teaches the code nothing.
- Class weights count only in a batch of more than one class.
- A picture has one label: of several the first, and the first class where it has none.

What it cannot keep: the code compares 32 x 32 colour thumbnails, and a batch here carries the
16 x 16 grey ones of the paper's figure. Terms of 1e-6 that the code adds to lengths are left out.
"""

import torch
from einops import einsum, rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from acir.losses.base import Loss, LossTerms
from acir.tensors import Batch, Encoding

DISTANCE_MARGIN = 1e-6
QUANTISATION_WEIGHT = 0.5
CLASSIFICATION_WEIGHT = 0.5


class ACIRPublished(Loss):
    """Contrast weighted by raw fingerprints and class size, and cross-entropy.

    Args:
        class_counts: Training pictures of each class.

    Example:
        >>> ACIRPublished(class_counts=(10, 30)).weights
        tensor([2.0000, 0.6667])
    """

    weights: Float[Tensor, " classes"]

    def __init__(self, *, class_counts: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("weights", class_weights(class_counts), persistent=False)

    @property
    def teaches_class_head(self) -> bool:
        """By its cross-entropy."""
        return True

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its three terms."""
        classes = batch.labels.argmax(dim=1)
        contrasted = contrast(
            distance=correlation_distance(encoding.logits, encoding.logits),
            similarity=structure_similarity(batch.fingerprints),
            same=same_class(classes),
            weight=pair_weight(classes, self.weights),
        )
        quantised = quantisation(encoding.logits)
        classified = cross_entropy(encoding.class_logits, classes)
        total = contrasted + QUANTISATION_WEIGHT * quantised + CLASSIFICATION_WEIGHT * classified
        terms = {"contrast": contrasted, "quantisation": quantised, "classification": classified}
        return LossTerms(total, terms)


def class_weights(class_counts: tuple[int, ...]) -> Float[Tensor, " classes"]:
    """w(c) = N / (N_c C), of N training pictures in C classes; 0 for a class without any."""
    counts = torch.tensor(class_counts, dtype=torch.float32)
    weights = counts.sum() / (counts * len(counts))
    return torch.where(counts > 0, weights, torch.zeros(()))


def structure_similarity(
    fingerprints: Float[Tensor, "batch pixels"],
) -> Float[Tensor, "batch batch"]:
    """S_ij: cosine of the fingerprints, in [0, 1], since no pixel is negative."""
    units = normalize(fingerprints, dim=1)
    return einsum(units, units, "i pixel, j pixel -> i j")


def correlation_distance(
    rows: Float[Tensor, "n bits"], others: Float[Tensor, "m bits"]
) -> Float[Tensor, "n m"]:
    """(1 - pearson) / 2 of every two rows, in [0, 1]; 1/2 with a row whose values are all equal."""
    left, right = normalize(_centred(rows), dim=1), normalize(_centred(others), dim=1)
    return (1 - einsum(left, right, "i bit, j bit -> i j")) / 2


def same_class(classes: Int[Tensor, " batch"]) -> Bool[Tensor, "batch batch"]:
    """Whether two pictures have one class."""
    return rearrange(classes, "i -> i 1") == rearrange(classes, "j -> 1 j")


def pair_weight(
    classes: Int[Tensor, " batch"], weights: Float[Tensor, " classes"]
) -> Float[Tensor, "batch batch"]:
    """w_ij = w(y_i) w(y_j); 1 throughout a batch of one class."""
    own = weights[classes]
    products = einsum(own, own, "i, j -> i j")
    return torch.where(same_class(classes).all(), torch.ones_like(products), products)


def contrast(
    *,
    distance: Float[Tensor, "batch batch"],
    similarity: Float[Tensor, "batch batch"],
    same: Bool[Tensor, "batch batch"],
    weight: Float[Tensor, "batch batch"],
) -> Float[Tensor, ""]:
    """L_con: mean over all pairs of w (-S log(1 - d)) in a class, w (-exp(S) log d) across."""
    distance = distance.clamp(DISTANCE_MARGIN, 1 - DISTANCE_MARGIN)
    attraction = -similarity * torch.log(1 - distance)
    repulsion = -torch.exp(similarity) * torch.log(distance)
    return (weight * torch.where(same, attraction, repulsion)).mean()


def quantisation(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, ""]:
    """L_q = mean log(1 + d(|u_i|, 1)), which is log 1.5: every distance to a flat row is 1/2."""
    ones = torch.ones_like(logits)
    return torch.log1p(correlation_distance(logits.abs(), ones)).mean()


def _centred(rows: Float[Tensor, "n bits"]) -> Float[Tensor, "n bits"]:
    return rows - rows.mean(dim=1, keepdim=True)
