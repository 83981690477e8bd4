"""Transformer whose tokens are the positions of the deep map (PiT)."""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from acir.recipe import TransformerRecipe

GRID = 7  # side of the grid of learned positions: the paper's deep map at 224 px


class PixelTransformer(nn.Module):
    """Read the deep map as a sequence, after Dosovitskiy et al., ViT (arXiv 2010.11929).

    Each position is projected to a token, a class token leads, and learned positions are added,
    interpolated where the map's grid is not `GRID` x `GRID`. Of the last `kept` layers, the class
    tokens together give the global vector and the map tokens the local one.

    Args:
        channels: Channels of the deep map.
        recipe: Sizes.
    """

    def __init__(self, channels: int, recipe: TransformerRecipe) -> None:
        super().__init__()
        self.kept = recipe.kept
        self.embed = nn.Linear(channels, recipe.dim)
        self.class_token = nn.Parameter(torch.randn(1, 1, recipe.dim) * 0.02)
        self.class_position = nn.Parameter(torch.randn(1, 1, recipe.dim) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, recipe.dim, GRID, GRID) * 0.02)
        self.dropout = nn.Dropout(recipe.dropout)
        self.layers = nn.ModuleList(_Layer(recipe) for _ in range(recipe.depth))
        self.to_global = nn.Linear(recipe.kept * recipe.dim, recipe.out)
        self.to_local = nn.Linear(recipe.kept * recipe.dim, recipe.out)

    def forward(
        self, deep: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch out"], Float[Tensor, "batch out"]]:
        """Return the global and the local vector of each picture."""
        tokens = self._embed(deep)
        kept = []
        for layer in self.layers:
            tokens = layer(tokens)
            kept.append(tokens)
        last = torch.cat(kept[-self.kept :], dim=-1)
        # A 1 x 1 convolution is linear, so averaging before it gives the same at one position.
        return self.to_global(last[:, 0]), self.to_local(last[:, 1:].mean(dim=1))

    def _embed(self, deep: Float[Tensor, "b c h w"]) -> Float[Tensor, "b tokens dim"]:
        """Turn positions into tokens with a class token first."""
        height, width = deep.shape[-2:]
        positions: Tensor = self.positions
        if (height, width) != (GRID, GRID):
            # Antialiasing lets each learned position count in a coarser grid.
            positions = F.interpolate(positions, (height, width), mode="bilinear", antialias=True)
        tokens = self.embed(rearrange(deep, "b c h w -> b (h w) c"))
        tokens = tokens + rearrange(positions, "1 dim h w -> 1 (h w) dim")
        leader = (self.class_token + self.class_position).expand(len(deep), -1, -1)
        embedded: Tensor = self.dropout(torch.cat([leader, tokens], dim=1))
        return embedded


class _Layer(nn.Module):
    """Self-attention, then two linear maps, each after a layer norm and added to its input."""

    def __init__(self, recipe: TransformerRecipe) -> None:
        super().__init__()
        self.heads = recipe.heads
        self.norm1 = nn.LayerNorm(recipe.dim)
        self.qkv = nn.Linear(recipe.dim, 3 * recipe.dim)
        self.out = nn.Linear(recipe.dim, recipe.dim)
        self.norm2 = nn.LayerNorm(recipe.dim)
        self.widen = nn.Linear(recipe.dim, recipe.mlp)
        self.narrow = nn.Linear(recipe.mlp, recipe.dim)
        self.dropout = nn.Dropout(recipe.dropout)

    def forward(self, tokens: Float[Tensor, "b n dim"]) -> Float[Tensor, "b n dim"]:
        tokens = tokens + self.dropout(self._attend(self.norm1(tokens)))
        hidden = self.dropout(F.gelu(self.widen(self.norm2(tokens))))
        deeper: Tensor = tokens + self.dropout(self.narrow(hidden))
        return deeper

    def _attend(self, tokens: Float[Tensor, "b n dim"]) -> Float[Tensor, "b n dim"]:
        query, key, value = rearrange(
            self.qkv(tokens), "b n (three heads d) -> three b heads n d", three=3, heads=self.heads
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        mixed: Tensor = self.out(rearrange(attended, "b heads n d -> b n (heads d)"))
        return mixed
