"""The embedding: what an index keeps of a picture beside its code, for content-guided ranking.

Unit vectors side by side, so that the cosine of two embeddings is a weighted mean of theirs:

- the classes, where the model is to weigh them (`model.head.posterior`): how likely each is. A
  picture that could be of two classes is nearest to those of the likelier one, then to those of
  the other, and to the rest last, which no distance of codes promises;
- the blended features, as the paper ranks by;
- the hash logits, of which the code keeps the signs alone. What training shapes most is lost
  least: ordered by them, the right class comes first more often than by the blended features;
- the structure: the centred fingerprint, whose cosine is the Pearson correlation that SCH
  compares by. Inside a class the others hardly tell pictures apart. This does, and two models
  agree on it, because nothing in it is learned.

The weights were chosen on validation pictures (`docs/log.md`, 2026-11-23 and 2026-11-28).
"""

from math import sqrt

import numpy as np
import torch
from jaxtyping import Float, Float16, Shaped
from torch import Tensor
from torch.nn.functional import normalize

from acir.prep.fingerprint import SIDE, fingerprint

BLENDED, LOGITS, STRUCTURE = 0.4, 0.4, 0.2
POSTERIOR = 0.7  # of the whole; the others share the rest


def embed(
    blended: Float[Tensor, "batch dim"],
    logits: Float[Tensor, "batch bits"],
    images: Float[Tensor, "batch 3 height width"],
    class_logits: Float[Tensor, "batch classes"] | None = None,
) -> Float[Tensor, "batch embedding"]:
    """Return the embeddings of some pictures, of unit length but for those without structure.

    A picture of one grey has no structure: that part of its embedding is zero.

    Args:
        blended: Of any length; it does not count.
        logits: Of any length.
        images: As the network saw them, in [0, 1].
        class_logits: Of the classes that are to be weighed, or None.
    """
    structure = fingerprint(images)
    structure = structure - structure.mean(dim=1, keepdim=True)
    parts = [(BLENDED, blended), (LOGITS, logits), (STRUCTURE, structure)]
    if class_logits is not None:
        rest = [((1 - POSTERIOR) * weight, part) for weight, part in parts]
        parts = [(POSTERIOR, torch.softmax(class_logits, dim=1)), *rest]
    return torch.cat([sqrt(weight) * normalize(part, dim=1) for weight, part in parts], dim=1)


def stored(embeddings: Float[Tensor, "batch embedding"]) -> Float16[np.ndarray, "batch embedding"]:
    """Return embeddings in the precision that they are kept and compared in."""
    return embeddings.numpy().astype(np.float16)


def logits_of(
    embeddings: Shaped[np.ndarray, "*n embedding"], bits: int
) -> Shaped[np.ndarray, "*n bits"]:
    """Return the part of embeddings that is the hash logits, but for a factor above 0."""
    part: Shaped[np.ndarray, "*n bits"] = embeddings[..., -bits - SIDE * SIDE : -SIDE * SIDE]
    return part


def structure_of(
    embeddings: Shaped[np.ndarray, "*n embedding"],
) -> Shaped[np.ndarray, "*n structure"]:
    """Return the part of embeddings that is the structure, but for a factor above 0."""
    part: Shaped[np.ndarray, "*n structure"] = embeddings[..., -SIDE * SIDE :]
    return part


def embedding_length(dim: int, bits: int, classes: int = 0) -> int:
    """Return the length of the embeddings of a network that weighs as many classes.

    Example:
        >>> embedding_length(320, 32)  # and 16 * 16 of the fingerprint
        608
    """
    return classes + dim + bits + SIDE * SIDE
