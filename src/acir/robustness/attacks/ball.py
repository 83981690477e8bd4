"""Where an attack may go: pictures in [0, 1] at most eps from the original; chance by picture."""

from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor

from acir.errors import UsageError
from acir.types import pixel_hash

Picture: TypeAlias = Float[Tensor, "channels height width"]
Images: TypeAlias = Float[Tensor, "batch channels height width"]


def check_eps(eps: float) -> None:
    """Refuse an eps that is no distance between pictures.

    Raises:
        UsageError: It is not above 0 and at most 1.
    """
    if not 0 < eps <= 1:  # so written that NaN is refused
        raise UsageError(
            f"eps is {eps:g}, expected more than 0 and at most 1; pixels lie in [0, 1], so give "
            "8/255 for 8 grey values"
        )


def check_seed(seed: int) -> None:
    """Refuse a seed that numpy would not take.

    Raises:
        UsageError: It is below 0.
    """
    if seed < 0:
        raise UsageError(f"the seed is {seed}, expected 0 or more")


def check_images(images: Images) -> None:
    """Refuse what cannot be attacked.

    Raises:
        UsageError: There is no picture, or one has values beyond [0, 1].
    """
    if not len(images):
        raise UsageError("there are 0 pictures to attack, expected at least 1")
    low, high = images.min().item(), images.max().item()
    if not (low >= 0 and high <= 1):  # so written that NaN is refused
        raise UsageError(
            f"the pictures have values from {low:g} to {high:g}, expected 0 to 1; prepare them "
            "first, and normalise inside `logits`"
        )


def projected(points: Images, images: Images, eps: float) -> Images:
    """Return the nearest pictures in [0, 1] that differ from `images` by at most eps a pixel.

    Example:
        >>> images = torch.tensor([0.5, 0.9]).reshape(2, 1, 1, 1)
        >>> projected(images + 1, images, 0.25).flatten()
        tensor([0.7500, 1.0000])
    """
    return points.clamp(images - eps, images + eps).clamp(0, 1)


def generator(picture: Picture, *numbers: int) -> Generator:
    """Return a generator that depends on the picture's values and on numbers at least 0 alone.

    So an attack is the same however pictures are ordered and batched.
    """
    content = int(pixel_hash(picture.detach().cpu().numpy()), 16)
    return np.random.default_rng([*numbers, content])


def random_start(images: Images, eps: float, seed: int, restart: int) -> Images:
    """Draw for each picture one that differs by at most eps, evenly."""
    draws = [generator(p, seed, restart).uniform(-1, 1, p.shape) for p in images]
    return projected(images + eps * torch.from_numpy(np.stack(draws)).to(images), images, eps)
