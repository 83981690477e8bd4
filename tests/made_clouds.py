"""Smooth pictures, and pictures as detectors see them that look at pixels alone."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from acir.tensors import Evidence

Images = Float[Tensor, "n 3 height width"]


def seen_in(images: Images) -> Evidence:
    """Return evidence that differs in the pictures only."""
    other = torch.ones(len(images), 1)
    return Evidence(images, images, other, other, other, other)


def clouds(count: int, side: int, *, cells: int = 8, noise: float = 0.0, seed: int = 0) -> Images:
    """Draw coloured clouds of so many cells a side, with noise on top."""
    random = torch.Generator().manual_seed(seed)
    coarse = 0.5 + 0.15 * torch.randn(count, 3, cells, cells, generator=random)
    smooth = interpolate(coarse, size=side, mode="bilinear", align_corners=True)
    return (smooth + noise * torch.randn(smooth.shape, generator=random)).clamp(0, 1)
