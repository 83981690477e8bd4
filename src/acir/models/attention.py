"""Windowed self-attention on a map (ConvMSA), for maps of any size."""

from math import ceil

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acir.recipe import AttentionRecipe


class ConvMSA(nn.Module):
    """Add to a map what its positions learn from the others of their window.

    Multi-head self-attention with 1 x 1 convolutions for queries, keys, values and output, and a
    learned bias for each head and relative position. The bias is a table for the largest window,
    of which a smaller window uses the middle, so the weights fit maps of any size.

    Args:
        channels: Channels of the map, in and out.
        recipe: Largest side of a window, number and width of the heads.
    """

    def __init__(self, channels: int, recipe: AttentionRecipe) -> None:
        super().__init__()
        inner = recipe.heads * recipe.head_dim
        self.window, self.heads = recipe.window, recipe.heads
        self.qkv = nn.Conv2d(channels, 3 * inner, 1, bias=False)
        self.out = nn.Conv2d(inner, channels, 1)
        offsets = 2 * recipe.window - 1
        self.position_bias = nn.Parameter(torch.zeros(recipe.heads, offsets, offsets))

    def forward(
        self, maps: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the map plus its attention; windows are those of `window_side` on each axis."""
        height, width = maps.shape[-2:]
        tall, wide = window_side(height, self.window), window_side(width, self.window)
        padded = F.pad(maps, (0, -width % wide, 0, -height % tall))
        query, key, value = rearrange(
            self.qkv(padded),
            "b (three heads d) (y i) (x j) -> three (b y x) heads (i j) d",
            three=3,
            heads=self.heads,
            i=tall,
            j=wide,
        )
        bias = self._bias(tall, wide)
        if padded.shape != maps.shape:
            real = _is_real(maps, padded, tall, wide)
            bias = bias.masked_fill(~real[:, None, None, :], float("-inf"))
        attended = rearrange(
            F.scaled_dot_product_attention(query, key, value, attn_mask=bias),
            "(b y x) heads (i j) d -> b (heads d) (y i) (x j)",
            b=len(maps),
            y=padded.shape[-2] // tall,
            i=tall,
        )
        added: Tensor = self.out(attended[..., :height, :width])
        return maps + added

    def _bias(self, tall: int, wide: int) -> Float[Tensor, "1 heads n n"]:
        """Look up the bias of each pair of positions in a window."""
        device = self.position_bias.device
        rows, columns = torch.arange(tall, device=device), torch.arange(wide, device=device)
        down = rows[:, None] - rows + self.window - 1
        right = columns[:, None] - columns + self.window - 1
        return rearrange(
            self.position_bias[:, down[:, None, :, None], right[None, :, None, :]],
            "heads i j k l -> 1 heads (i j) (k l)",
        )


def window_side(side: int, largest: int) -> int:
    """Choose the side of the windows along one side of a map.

    It is the largest divisor of the map's side not above `largest`. When that divisor is at most
    half of what could be had, as for a prime, the fewest windows possible share the side evenly
    and the map is padded to fit.

    Example:
        >>> [window_side(side, 7) for side in (4, 16, 28, 11)]
        [4, 4, 7, 6]
    """
    divisor = max(d for d in range(1, min(side, largest) + 1) if side % d == 0)
    if 2 * divisor > min(side, largest):
        return divisor
    return ceil(side / ceil(side / largest))


def _is_real(
    maps: Float[Tensor, "b c h w"], padded: Float[Tensor, "b c y x"], tall: int, wide: int
) -> Bool[Tensor, "windows n"]:
    """Mark the positions of each window that are not padding; each window has at least one."""
    height, width = maps.shape[-2:]
    real = torch.zeros(padded.shape[-2:], dtype=torch.bool, device=maps.device)
    real[:height, :width] = True
    windows = rearrange(real, "(y i) (x j) -> (y x) (i j)", i=tall, j=wide)
    return repeat(windows, "w n -> (b w) n", b=len(maps))
