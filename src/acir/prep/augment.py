"""The random half of preparation, used in training only."""

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

from acir.recipe import AugmentRecipe


def augment(
    images: Float[Tensor, "batch 3 height width"], recipe: AugmentRecipe, random: Generator
) -> Float[Tensor, "batch 3 height width"]:
    """Crop, turn, flip and re-expose each picture at random, within the recipe's bounds.

    Half of the pictures are neither cropped nor turned, and the others are resampled by cubic
    convolution: resampling blurs, and a network that has seen only blurred pictures misjudges the
    sharp ones that it is asked about (`docs/log.md`, 2026-11-22).

    Args:
        images: In [0, 1]; so is what comes back.
        recipe: Which changes, and how large.
        random: The only source of chance: the same state gives the same pictures.
    """
    grid = affine_grid(_motions(len(images), recipe, random), list(images.shape), False)
    moved = grid_sample(images, grid, "bicubic", padding_mode="reflection", align_corners=False)
    return _exposed(moved.clamp(0, 1), recipe.contrast, random)


def _motions(count: int, recipe: AugmentRecipe, random: Generator) -> Float[Tensor, "batch 2 3"]:
    """Draw one affine map a picture: from places in the result to places in the original."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=random)

    def coin(allowed: bool) -> Tensor:
        return 1 - 2 * ((uniform(0.0, 1.0) < 0.5) & torch.tensor(allowed)).float()  # noqa: PLR2004 - a fair coin

    resampled = (uniform(0.0, 1.0) < 0.5).float()  # noqa: PLR2004 - half of them
    scale = 1 - resampled * (1 - uniform(recipe.scale, 1.0))
    angle = resampled * uniform(-recipe.degrees, recipe.degrees) * (math.pi / 180)
    turns = torch.floor(uniform(0.0, 4.0)) * float(recipe.quarter_turns)
    angle = angle + turns * (math.pi / 2)
    mirror_x, mirror_y = coin(recipe.flip_horizontal), coin(recipe.flip_vertical)
    # The crop may lie anywhere that keeps it inside the picture.
    shift_x, shift_y = uniform(-1.0, 1.0) * (1 - scale), uniform(-1.0, 1.0) * (1 - scale)
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    rows = torch.stack(
        [cosine * mirror_x, -sine * mirror_y, shift_x, sine * mirror_x, cosine * mirror_y, shift_y]
    )
    return rearrange(rows, "(row column) batch -> batch row column", row=2)


def _exposed(
    images: Float[Tensor, "batch 3 height width"], strength: float, random: Generator
) -> Float[Tensor, "batch 3 height width"]:
    def factor() -> Tensor:
        change = (2 * torch.rand(len(images), generator=random) - 1) * strength
        return rearrange(change, "batch -> batch 1 1 1")

    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((images - mean) * (1 + factor()) + mean + factor() * mean).clamp(0, 1)
