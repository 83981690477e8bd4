"""The fingerprint: a 16 x 16 grey thumbnail that the SCH loss compares."""

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 16


def fingerprint(
    images: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch pixels"]:
    """Average each picture over its channels and over a 16 x 16 grid, in [0, 1].

    It is taken after augmentation, so that it describes what the network saw. A picture smaller
    than the grid repeats pixels.

    Example:
        >>> import torch
        >>> fingerprint(torch.ones(1, 3, 64, 64)).shape
        torch.Size([1, 256])
    """
    grey = reduce(images, "batch channel height width -> batch 1 height width", "mean")
    return rearrange(adaptive_avg_pool2d(grey, SIDE), "batch 1 y x -> batch (y x)")
