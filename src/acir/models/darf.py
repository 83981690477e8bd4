"""Depth-aware representation fusion (DaRF): what the shallow map finds in the deep one."""

import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn

from acir.recipe import FusionRecipe


class DepthFusion(nn.Module):
    """Attend from the shallow map to the deep one.

    Both maps are aligned first: batch norm, ReLU, average pooling to the deep grid. Queries come
    from the shallow map, keys and values from the deep one; the result is averaged over positions
    and projected to the shallow width.

    Args:
        shallow: Channels of the shallow map, and width of the result.
        deep: Channels of the deep map.
        recipe: Number and width of the heads.
    """

    def __init__(self, shallow: int, deep: int, recipe: FusionRecipe) -> None:
        super().__init__()
        inner = recipe.heads * recipe.head_dim
        self.heads = recipe.heads
        self.norm_shallow = nn.BatchNorm2d(shallow)
        self.norm_deep = nn.BatchNorm2d(deep)
        self.query = nn.Linear(shallow, inner, bias=False)
        self.key_value = nn.Linear(deep, 2 * inner, bias=False)
        self.out = nn.Linear(inner, shallow)

    def forward(
        self, shallow: Float[Tensor, "batch shallow hs ws"], deep: Float[Tensor, "batch deep hd wd"]
    ) -> Float[Tensor, "batch shallow"]:
        """Return one vector a picture."""
        near = _tokens(F.relu(self.norm_shallow(shallow)), deep)
        far = _tokens(F.relu(self.norm_deep(deep)), deep)
        query = rearrange(self.query(near), "b n (heads d) -> b heads n d", heads=self.heads)
        key, value = rearrange(
            self.key_value(far), "b n (two heads d) -> two b heads n d", two=2, heads=self.heads
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        # The projection is linear, so it may follow the average: one product a picture.
        fused: Tensor = self.out(reduce(attended, "b heads n d -> b (heads d)", "mean"))
        return fused


def _tokens(
    maps: Float[Tensor, "b c h w"], like: Float[Tensor, "b deep y x"]
) -> Float[Tensor, "b yx c"]:
    """Average a map over another's grid and list its positions."""
    height, width = like.shape[-2:]
    return rearrange(F.adaptive_avg_pool2d(maps, (height, width)), "b c y x -> b (y x) c")
