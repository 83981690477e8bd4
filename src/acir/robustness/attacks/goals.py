"""Codes that an attack steers towards: one for each picture, of -1 and +1.

- HAG: Yang et al., "Adversarial Examples for Hamming Space Search", IEEE Transactions on
  Cybernetics 2020 (online 2018).
- DHTA: Bai et al., "Targeted Attack for Deep Hashing based Retrieval", ECCV 2020,
  https://arxiv.org/abs/2004.07955.
- CgAT: Wang et al., WWW 2023, https://arxiv.org/abs/2204.10779, with centre codes;
  SAAT: Yuan et al., TIFS 2023, https://arxiv.org/abs/2310.14637, with mainstay codes.
"""

from dataclasses import dataclass

import torch
from einops import einsum, rearrange
from jaxtyping import Float, Int
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.ball import Images, check_images
from acir.robustness.attacks.objective import Logits, check_codes
from acir.tensors import binarised


@dataclass(frozen=True)
class Gallery:
    """What an attacker knows of the pictures that are searched.

    Attributes:
        codes: -1 and +1.
        labels: One column a class: 1 where the picture has the class, else 0.

    Raises:
        UsageError: Not as many codes as labels, or codes of other numbers.
    """

    codes: Float[Tensor, "gallery bits"]
    labels: Float[Tensor, "labelled classes"]

    def __post_init__(self) -> None:
        """Refuse what cannot vote."""
        if len(self.codes) != len(self.labels):
            raise UsageError(
                f"the gallery has {len(self.codes)} codes and labels of {len(self.labels)} "
                "pictures, expected as many"
            )
        check_codes(self.codes)


def away_from_own(logits: Logits, images: Images) -> Float[Tensor, "batch bits"]:
    """Return the opposite of each picture's own code: the goal of HAG.

    Raises:
        UsageError: There is no picture, or one has values beyond [0, 1].
    """
    check_images(images)
    with torch.no_grad():
        return -binarised(logits(images))


def away_from_class(
    labels: Float[Tensor, "batch classes"], gallery: Gallery
) -> Float[Tensor, "batch bits"]:
    """Return the opposite of the code that stands for each picture's labels: SAAT and CgAT.

    That code is, bit by bit, the sign of the mean over pictures with a shared label, weighed by
    the Jaccard index of the label sets, less the mean over all others; the bit is +1 in a tie.
    Among all codes it has the least mean distance to the first less that to the second. The papers
    sum over all pairs of a similar and a dissimilar picture, which has the sign of these means.

    Raises:
        UsageError: A picture shares no label with the gallery, or the number of classes differs.

    Example:
        >>> codes = torch.tensor([[1.0, 1, -1], [1, -1, -1], [1, -1, 1]])
        >>> gallery = Gallery(codes, torch.tensor([[1.0, 0], [1, 0], [0, 1]]))
        >>> away_from_class(torch.tensor([[1.0, 0]]), gallery)
        tensor([[-1., -1.,  1.]])
    """
    if labels.shape[1] != gallery.labels.shape[1]:
        raise UsageError(
            f"the pictures have labels of {labels.shape[1]} classes and the gallery of "
            f"{gallery.labels.shape[1]}, expected the same classes"
        )
    overlap = _overlap(labels, gallery.labels)
    similar = (overlap > 0).to(overlap)
    alone = torch.nonzero(similar.sum(dim=1) == 0).flatten().tolist()
    if alone:
        raise UsageError(
            f"picture {alone[0]} shares no label with the gallery, expected at least one similar "
            "picture; leave it out or enlarge the gallery"
        )
    ours = overlap / similar.sum(dim=1, keepdim=True)
    others = (1 - similar) / (1 - similar).sum(dim=1, keepdim=True).clamp(min=1)
    return -binarised(einsum(ours - others, gallery.codes, "b g, g bit -> b bit"))


def towards_class(classes: Int[Tensor, " batch"], gallery: Gallery) -> Float[Tensor, "batch bits"]:
    """Return the code that stands for a target class: the goal of DHTA.

    Each bit of this anchor code is the majority's among the gallery's pictures of the class, +1 in
    a tie: the least total distance to their codes.

    Args:
        classes: For each picture the column of the class that it should be taken for.
        gallery: Whose pictures vote.

    Raises:
        UsageError: There is no such class, or the gallery has no picture of it.

    Example:
        >>> codes = torch.tensor([[1.0, -1], [1, -1], [-1, -1]])
        >>> towards_class(torch.tensor([0]), Gallery(codes, torch.ones(3, 1)))
        tensor([[ 1., -1.]])
    """
    count = gallery.labels.shape[1]
    for number in set(classes.tolist()):
        if not 0 <= number < count:
            raise UsageError(f"the target class is {number}, expected 0 to {count - 1}")
        if not gallery.labels[:, number].any():
            raise UsageError(
                f"the gallery has no picture of target class {number}, expected at least one; "
                "take another target"
            )
    votes = einsum(gallery.labels, gallery.codes, "g label, g bit -> label bit")
    return binarised(votes)[classes]


def _overlap(
    ours: Float[Tensor, "batch classes"], theirs: Float[Tensor, "gallery classes"]
) -> Float[Tensor, "batch gallery"]:
    """Jaccard index of the label sets, 0 for a picture without labels."""
    shared = einsum(ours, theirs, "b label, g label -> b g")
    sizes = rearrange(ours.sum(dim=1), "b -> b 1") + rearrange(theirs.sum(dim=1), "g -> 1 g")
    return shared / (sizes - shared).clamp(min=1)
