"""From the deep map back to the picture."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acir.recipe import DecoderRecipe

SLOPE = 0.2


class Decoder(nn.Module):
    """Three blocks of convolutions, each followed by bilinear upsampling, and a last convolution.

    A block has two 3 x 3 convolutions, each with instance norm and leaky ReLU. The upsampling
    factors multiply to the stride of the map: 2, 4, 4 for stride 32 (the paper's) and 2, 2, 4 for
    stride 16. The last one goes to the exact size of the picture.

    Args:
        channels: Channels of the deep map.
        stride: Stride of the deep map.
        recipe: Widths of the three blocks.
    """

    def __init__(self, channels: int, stride: int, recipe: DecoderRecipe) -> None:
        super().__init__()
        self.factors = upsampling(stride)[:2]
        first, second, third = recipe.widths
        self.blocks = nn.ModuleList(
            [_block(channels, first), _block(first, second), _block(second, third)]
        )
        self.last = nn.Conv2d(third, 3, 3, padding=1)

    def forward(
        self, deep: Float[Tensor, "batch channels hd wd"], size: tuple[int, int]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return pictures in [0, 1] of `size` (height, width)."""
        maps = deep
        for block, factor in zip(self.blocks[:2], self.factors, strict=True):
            maps = F.interpolate(block(maps), scale_factor=factor, mode="bilinear")
        maps = F.interpolate(self.blocks[2](maps), size, mode="bilinear")
        pictures: Tensor = self.last(maps).sigmoid()
        return pictures


def upsampling(stride: int) -> tuple[int, int, int]:
    """Split a stride, a power of two from 8 to 64, into three factors that ascend.

    Example:
        >>> upsampling(32), upsampling(16)
        ((2, 4, 4), (2, 2, 4))
    """
    doublings = stride.bit_length() - 1
    low, middle, high = (2 ** ((doublings + place) // 3) for place in range(3))
    return low, middle, high


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        _InstanceNorm(outputs, affine=True),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        _InstanceNorm(outputs, affine=True),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class _InstanceNorm(nn.InstanceNorm2d):
    """Instance norm that leaves a map of a single position to its scale and shift.

    Over one position the norm is undefined in training and erases everything otherwise.
    """

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if maps.shape[-2:].numel() > 1:
            return super().forward(maps)
        return maps * self.weight[:, None, None] + self.bias[:, None, None]
