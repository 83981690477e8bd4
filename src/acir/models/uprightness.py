"""Whether pictures have an up: whether one that was turned or mirrored can be told.

Radiographs and slices of a body have one; cells on a slide lie as they fell. Where there is none,
features that do not change with the way a picture lies have less to learn.
"""

from dataclasses import replace

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from acir.models.scattering import Scattering
from acir.recipe import ScatteringRecipe

FEWEST = 40
BLOCKS = 20
CHUNK = 64
PENALTY = 300.0
TOLD = 1 / 3  # guessing is right for an eighth


def have_an_up(images: Float[Tensor, "n 3 height width"], recipe: ScatteringRecipe) -> bool:
    """Say whether pictures have an up, as radiographs do.

    Fewer than 40 pictures cannot tell, and are taken to have one.

    Args:
        images: In [0, 1]; alike ones, as those of one patient, should be neighbours.
        recipe: Which wavelets look.
    """
    return len(images) < FEWEST or share_told(images, recipe) > TOLD


@torch.no_grad()
def share_told(images: Float[Tensor, "n 3 height width"], recipe: ScatteringRecipe) -> float:
    """Return how often a linear classifier names the way in which an unseen picture lies.

    Pictures are shown in the eight ways of a square. The classifier, a ridge regression on the
    answers of wavelets, learns from every other twentieth of them and names the ways of the rest.
    """
    from sklearn.linear_model import RidgeClassifier  # noqa: PLC0415 - only training asks

    looking = Scattering(replace(recipe, symmetry="square"))
    ways = torch.cat([looking.ways(some) for some in torch.split(images, CHUNK)])
    learned = torch.arange(len(ways)) * BLOCKS // len(ways) % 2 == 0
    mean, deviation = ways[learned].mean(dim=(0, 1)), ways[learned].std(dim=(0, 1))
    standardised = (ways - mean) / deviation.clamp(min=torch.finfo(torch.float32).eps)

    def shown(part: Tensor) -> tuple[Tensor, Tensor]:
        names = torch.arange(ways.shape[1]).repeat(int(part.sum()))
        return rearrange(standardised[part], "n way feature -> (n way) feature"), names

    classifier = RidgeClassifier(alpha=PENALTY).fit(*shown(learned))
    return float(classifier.score(*shown(~learned)))
