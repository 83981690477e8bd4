"""Whether pictures have an up, on pictures that are made to have one or not."""

import pytest
import torch
from torch import Tensor

from acir.models.uprightness import have_an_up, share_told
from acir.recipe import ScatteringRecipe

RECIPE = ScatteringRecipe(on=True, scales=2)


def _lit_from_above(count: int) -> Tensor:
    """Draw noise that is brighter at the top and has a mark on its left."""
    random = torch.Generator().manual_seed(0)
    pictures = 0.2 * torch.rand(count, 3, 28, 28, generator=random)
    pictures += torch.linspace(0.6, 0.0, 28)[:, None]
    pictures[..., 10:18, 2:6] += 0.2
    return pictures


def _as_they_fell(pictures: Tensor) -> Tensor:
    """Turn and mirror each picture in a way of its own."""
    random = torch.Generator().manual_seed(1)
    quarters = torch.randint(4, (len(pictures),), generator=random).tolist()
    mirrored = torch.randint(2, (len(pictures),), generator=random).tolist()
    return torch.stack(
        [
            picture.rot90(quarter, (1, 2)).flip([2] if mirror else [])
            for picture, quarter, mirror in zip(pictures, quarters, mirrored, strict=True)
        ]
    )


def test_pictures_lit_from_above_have_an_up() -> None:
    pictures = _lit_from_above(80)
    assert share_told(pictures, RECIPE) > 0.95
    assert have_an_up(pictures, RECIPE)


def test_the_same_pictures_as_they_fell_have_none() -> None:
    pictures = _as_they_fell(_lit_from_above(80))
    # Guessing is right for an eighth; of 320 guesses 99 % lie within 0.05 of it.
    assert share_told(pictures, RECIPE) == pytest.approx(1 / 8, abs=0.06)
    assert not have_an_up(pictures, RECIPE)


def test_too_few_pictures_are_taken_to_have_an_up() -> None:
    fallen = _as_they_fell(_lit_from_above(40))
    assert not have_an_up(fallen, RECIPE)
    assert have_an_up(fallen[:39], RECIPE)


def test_blank_pictures_have_no_up() -> None:
    assert not have_an_up(torch.zeros(40, 3, 28, 28), RECIPE)
