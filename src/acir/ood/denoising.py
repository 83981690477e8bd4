"""How much of its code a picture loses when it is denoised a little."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from einops import rearrange, reduce
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.functional import pad, unfold

from acir.ood.base import Detector
from acir.tensors import Encode, Evidence

WINDOW = 3
STEPS = 31  # 5 bits a channel: Xu et al. 2018 (arXiv 1704.01155) find 4 to 5 harmless


class Denoising(Detector):
    r"""Bits that flip under light denoising, and how decided they were.

    The picture is denoised twice, by the mean and by the median of 3 x 3 pixels, and both copies
    are rounded to 5 bits a channel. With $h$ the hash logits of the picture and $h'$ those of a
    copy, $s = \frac{1}{b} \sum_i [h_i h'_i < 0] + \frac{1}{2b} \sum_i |\tanh h_i - \tanh h'_i|$
    over its $b$ bits, and the score is the mean over both copies: 0 where nothing changes, 2
    where all bits flip that were decided. What an attack has turned is decided by little and turns
    back (UMCD, arXiv 2304.04228); the first term alone has few values and saturates in ties.

    It costs another pass of the encoder over two pictures, the only detector that does.

    Args:
        encode: Encodes pictures.
    """

    reason: ClassVar[str] = "its code changes under light denoising"
    reason_code: ClassVar[str] = "denoising"
    measure: ClassVar[str] = "change of the code"

    def __init__(self, encode: Encode) -> None:
        self._encode = encode

    def fit(self, seen: Evidence) -> "Denoising":
        """Learn nothing."""
        return self

    @torch.no_grad()
    def score_one(self, one: Evidence) -> float:
        """Return the change, from 0 to 2; +inf where a logit is infinite."""
        before = one.logits.detach().cpu().double()
        after = self._encode(denoised(one.images.detach().cpu().float())).logits.cpu().double()
        if not (before.isfinite().all() and after.isfinite().all()):
            return math.inf  # tanh would make decided bits of them
        flipped = ((before < 0) != (after < 0)).double().mean()
        moved = (before.tanh() - after.tanh()).abs().mean() / 2
        return float(flipped + moved)

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return no array."""
        return {}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Denoising":
        """Take nothing over."""
        return self


def denoised(images: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "2 3 height width"]:
    """Return the mean and the median of 3 x 3 pixels, rounded; edges are repeated."""
    height, width = images.shape[2:]
    padded = pad(images, [WINDOW // 2] * 4, mode="replicate")
    near = rearrange(unfold(padded, WINDOW), "1 (c k) (h w) -> c h w k", c=3, h=height, w=width)
    copies = torch.stack([reduce(near, "c h w k -> c h w", "mean"), near.median(dim=3).values])
    return (copies * STEPS).round() / STEPS
