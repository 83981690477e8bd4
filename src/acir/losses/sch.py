"""Structure-aware contrastive hashing (SCH), the loss of the paper.

Nan et al., "Revisiting Medical Image Retrieval via Knowledge Consolidation", Medical Image
Analysis 2025, https://arxiv.org/abs/2503.09370. The paper prints no equation numbers that are
public; `docs/explanation/paper.md` maps each of its parts to a function of this file.

================  =======================================================================
paper             here
================  =======================================================================
u_i               `logits`: hash logits of picture i, one a bit
p_i               `fingerprints`: 16 x 16 grey area means of the augmented picture
S_ij in [0, 1]    `structure_similarity`
d_ij in (0, 1)    `code_distance`
y_i = y_j         `label_overlap`: Jaccard index of the label sets, 0 or 1 for one label each
l+_ij, l-_ij      `attraction`, `repulsion`
w_ij              `pair_weight`
L_con, L_q, L_ce  `contrast`, `cosine_quantisation`, `label_cross_entropy`
================  =======================================================================

Where ours differs, and why:

- S is the Pearson correlation of fingerprints, clipped at 0. The cosine of raw grey pictures is
  near 1 for any two scans, so that no pair would ever be neutral.
- S enters with a strength in [0, 1]. On pictures without a canonical pose a fingerprint says
  nothing about content, and a strength that validation sets keeps it from doing harm.
- The quantisation target is not centred: centred, the vector of ones vanishes, and the term is a
  constant without gradient.
- The quantisation may be cubic instead, as GreedyHash has it. With the head that classifies signs
  it is needed: neither the cosines of L_con and L_q nor the signs hold the logits to a scale.
- The mean of L_con leaves the diagonal out, which teaches nothing.
- Several labels a picture blend attraction and repulsion by their overlap.
- Nested codes, if wanted: contrast and quantisation are the mean over the first 8, 16, 32 ... bits
  and all of them, so that each of these beginnings is a code by itself. The idea is that of
  Matryoshka representations (Kusupati et al., NeurIPS 2022, https://arxiv.org/abs/2205.13147).
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from acir.errors import RecipeError, suggestion
from acir.losses.base import Loss, LossTerms, at_least, cubic_quantisation, label_cross_entropy
from acir.tensors import Batch, Encoding

Similarity = Literal["pearson", "cosine"]
Quantisation = Literal["cosine", "cubic", "none"]
Kind = TypeVar("Kind", bound=str)

DISTANCE_MARGIN = 1e-6  # keeps both logarithms finite at d = 0 and d = 1
QUANTISATION_WEIGHT = 0.5


class SCH(Loss):
    """Pull pictures of a class together as far as their structure agrees; push others apart.

    L = L_con + 0.5 L_q + w L_ce. Memory is O(b^2 + b d) for a batch of b pictures.

    Where some classes are rarer than others, a network learns to guess the common ones. With
    `prior`, log(N_c / N) joins the class logits in training alone, so that they say what a picture
    shows, not how common it is (Menon et al., "Long-Tail Learning via Logit Adjustment", ICLR 2021,
    https://arxiv.org/abs/2007.07314, eq. 10).

    Args:
        class_counts: Training pictures of each class.
        structure: Strength of the structure similarity, in [0, 1]. At 0 the loss is a plain
            class-weighted contrast; at 1 it is the paper's.
        similarity: `pearson` (ours) or `cosine` (as the paper's public code has it).
        quantisation: `cosine` (the paper's), `cubic` (for the head that classifies signs), `none`.
        classification: Weight w of the class head's cross-entropy.
        class_weights: Whether pairs of rare classes weigh more.
        lengths: Given by `model.head.nested`: how many first bits are to be good codes too; none
            where the whole alone is to be one.
        prior: How much of log(N_c / N) the class logits are relieved of, at least 0; 1 makes them
            those of classes that are equally common.

    Raises:
        RecipeError: A strength or weight out of range, an unknown similarity or quantisation.

    Example:
        >>> SCH(class_counts=(10, 30)).weights
        tensor([2.0000, 0.6667])
    """

    weights: Float[Tensor, " classes"]
    offsets: Float[Tensor, " classes"]

    def __init__(  # noqa: PLR0913 - the keys of the loss, all by keyword
        self,
        *,
        class_counts: tuple[int, ...],
        structure: float = 1.0,
        similarity: str = "pearson",
        quantisation: str = "cosine",
        classification: float = 0.5,
        class_weights: bool = True,
        lengths: tuple[int, ...] = (),
        prior: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= structure <= 1:
            raise RecipeError(
                f"recipe key loss.structure is {structure}, expected at least 0 and at most 1"
            )
        self.structure = structure
        self.classification = at_least(0.0, "classification", classification)
        self.similarity: Similarity = _known("similarity", similarity, get_args(Similarity))
        kind: Quantisation = _known("quantisation", quantisation, get_args(Quantisation))
        self.quantisation = QUANTISATIONS[kind]
        self.lengths = lengths
        weights = inverse_frequencies(class_counts)
        if not class_weights:
            weights = torch.ones_like(weights)
        self.register_buffer("weights", weights, persistent=False)
        offsets = at_least(0.0, "prior", prior) * log_priors(class_counts)
        self.register_buffer("offsets", offsets, persistent=False)

    @property
    def teaches_class_head(self) -> bool:
        """By its cross-entropy, unless that has no weight."""
        return self.classification > 0

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        """Return the loss and its three terms."""
        similarity = structure_similarity(batch.fingerprints, self.similarity)
        pairs = partial(
            contrast,
            attract=attraction_strength(similarity, self.structure),
            repel=repulsion_strength(similarity, self.structure),
            overlap=label_overlap(batch.labels),
            weight=pair_weight(batch.labels, self.weights),
        )
        bits = encoding.logits.shape[1]
        beginnings = [encoding.logits[:, :n] for n in self.lengths or (bits,)]
        contrasted = _mean([pairs(distance=code_distance(logits)) for logits in beginnings])
        quantised = _mean([self.quantisation(logits) for logits in beginnings])
        classified = label_cross_entropy(encoding.class_logits + self.offsets, batch.labels)
        total = contrasted + QUANTISATION_WEIGHT * quantised + self.classification * classified
        terms = {"contrast": contrasted, "quantisation": quantised, "classification": classified}
        return LossTerms(total, terms)


def _known(key: str, value: str, kinds: tuple[Kind, ...]) -> Kind:
    for kind in kinds:
        if value == kind:
            return kind
    raise RecipeError(
        f"recipe key loss.{key} is {value!r}, expected one of {', '.join(kinds)}."
        f"{suggestion(value, kinds)}"
    )


def inverse_frequencies(class_counts: tuple[int, ...]) -> Float[Tensor, " classes"]:
    """w(c) = N / (N_c C): 1 on average over the training pictures; 0 for an empty class."""
    counts = torch.tensor(class_counts, dtype=torch.float32)
    weights = counts.sum() / (counts * len(counts))
    return torch.where(counts > 0, weights, torch.zeros(()))


def log_priors(class_counts: tuple[int, ...]) -> Float[Tensor, " classes"]:
    """log(N_c / N): how likely a class is before a picture was seen; 0 for an empty class."""
    counts = torch.tensor(class_counts, dtype=torch.float32)
    return torch.where(counts > 0, torch.log(counts / counts.sum()), torch.zeros(()))


def structure_similarity(
    fingerprints: Float[Tensor, "batch pixels"], kind: Similarity = "pearson"
) -> Float[Tensor, "batch batch"]:
    """S_ij: how alike two pictures are laid out, in [0, 1].

    A featureless picture (all pixels equal) is like nothing under `pearson`, itself included.
    """
    if kind == "pearson":
        fingerprints = _centred(fingerprints)
    units = normalize(fingerprints, dim=1)
    return einsum(units, units, "i pixel, j pixel -> i j").clamp(0, 1)


def code_distance(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch batch"]:
    """d_ij = (1 - pearson(u_i, u_j)) / 2, kept 1e-6 away from 0 and 1."""
    units = normalize(_centred(logits), dim=1)
    correlation = einsum(units, units, "i bit, j bit -> i j")
    return ((1 - correlation) / 2).clamp(DISTANCE_MARGIN, 1 - DISTANCE_MARGIN)


def label_overlap(labels: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch batch"]:
    """Jaccard index of the label sets, in [0, 1]; 0 with a picture without labels."""
    shared = einsum(labels, labels, "i label, j label -> i j")
    counts = labels.sum(dim=1)
    union = rearrange(counts, "i -> i 1") + rearrange(counts, "j -> 1 j") - shared
    return shared / union.clamp(min=1)


def attraction_strength(
    similarity: Float[Tensor, "batch batch"], structure: float
) -> Float[Tensor, "batch batch"]:
    """S at full strength, 1 at strength 0: near 0 a pair of one class is neutral."""
    return 1 - structure * (1 - similarity)


def repulsion_strength(
    similarity: Float[Tensor, "batch batch"], structure: float
) -> Float[Tensor, "batch batch"]:
    """exp(S) at full strength, 1 at strength 0: look-alikes of other classes weigh most."""
    return torch.exp(structure * similarity)


def attraction(
    distance: Float[Tensor, "batch batch"], strength: Float[Tensor, "batch batch"]
) -> Float[Tensor, "batch batch"]:
    """l+_ij = -S_ij log(1 - d_ij), for pictures of one class."""
    return -strength * torch.log(1 - distance)


def repulsion(
    distance: Float[Tensor, "batch batch"], strength: Float[Tensor, "batch batch"]
) -> Float[Tensor, "batch batch"]:
    """l-_ij = -exp(S_ij) log(d_ij), for pictures of different classes."""
    return -strength * torch.log(distance)


def pair_weight(
    labels: Float[Tensor, "batch classes"], weights: Float[Tensor, " classes"]
) -> Float[Tensor, "batch batch"]:
    """w_ij = w(y_i) w(y_j), rare classes first; several labels count with their mean."""
    own = einsum(labels, weights, "i label, label -> i") / labels.sum(dim=1).clamp(min=1)
    return einsum(own, own, "i, j -> i j")


def contrast(
    *,
    distance: Float[Tensor, "batch batch"],
    attract: Float[Tensor, "batch batch"],
    repel: Float[Tensor, "batch batch"],
    overlap: Float[Tensor, "batch batch"],
    weight: Float[Tensor, "batch batch"],
) -> Float[Tensor, ""]:
    """L_con: mean over i != j of w_ij (o l+ + (1 - o) l-), o the overlap; 0 for one picture."""
    pairs = overlap * attraction(distance, attract) + (1 - overlap) * repulsion(distance, repel)
    others = 1 - torch.eye(len(pairs), device=pairs.device)
    return (weight * pairs * others).sum() / others.sum().clamp(min=1)


def cosine_quantisation(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, ""]:
    """L_q = mean_i log(1 + (1 - cos(|u_i|, 1)) / 2): 0 when all logits of a picture are as far."""
    ones = torch.ones_like(logits)
    return torch.log1p((1 - cosine_similarity(logits.abs(), ones, dim=1)) / 2).mean()


QUANTISATIONS: Mapping[Quantisation, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "cosine": cosine_quantisation,
        "cubic": cubic_quantisation,
        "none": lambda logits: logits.new_zeros(()),
    }
)


def _mean(terms: list[Float[Tensor, ""]]) -> Float[Tensor, ""]:
    return torch.stack(terms).mean()


def _centred(rows: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
    return rows - rows.mean(dim=1, keepdim=True)
