"""Random changes: none where none are allowed, exact where they can be, and always repeatable."""

from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

from acir.prep.augment import augment
from acir.recipe import AugmentRecipe

NOTHING = AugmentRecipe(scale=1.0, degrees=0.0, contrast=0.0)
COUNT = 64


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def drawn(count: int = COUNT) -> Tensor:
    return torch.rand(count, 3, 12, 12, generator=seeded(9))


def corner(count: int = COUNT) -> Tensor:
    """Draw a picture like an L, that no turn and no mirror leaves as it is."""
    image = torch.zeros(count, 3, 12, 12)
    image[:, :, 1:11, 1:4] = 1
    image[:, :, 9:11, 1:9] = 1
    return image


def nearest(images: Tensor, known: dict[str, Tensor]) -> list[str]:
    """Say for each picture which of the known changes of the corner it is, to 1e-5."""
    names = []
    for image in images:
        found = [name for name, other in known.items() if torch.allclose(image, other, atol=1e-5)]
        assert len(found) == 1
        names += found
    return names


def test_no_change_allowed_is_no_change() -> None:
    torch.testing.assert_close(augment(drawn(), NOTHING, seeded()), drawn(), atol=1e-5, rtol=0)


def test_the_same_state_gives_the_same_pictures_and_another_gives_others() -> None:
    every = AugmentRecipe(flip_horizontal=True, flip_vertical=True, quarter_turns=True)
    first = augment(drawn(), every, seeded(1))
    assert torch.equal(first, augment(drawn(), every, seeded(1)))
    assert not torch.equal(first, augment(drawn(), every, seeded(2)))


def test_torchs_own_chance_is_not_used() -> None:
    before = torch.get_rng_state()
    augment(drawn(), AugmentRecipe(), seeded())
    assert torch.equal(torch.get_rng_state(), before)


def test_every_picture_has_a_chance_of_its_own() -> None:
    same = drawn(1).expand(COUNT, -1, -1, -1)
    found = augment(same, AugmentRecipe(), seeded())
    assert len({image.numpy().tobytes() for image in found}) == COUNT


@pytest.mark.parametrize("contrast", [0.0, 0.5, 0.9])
def test_pictures_stay_between_black_and_white(contrast: float) -> None:
    recipe = AugmentRecipe(scale=0.5, degrees=90.0, contrast=contrast, quarter_turns=True)
    for seed in range(5):
        found = augment(drawn(), recipe, seeded(seed))
        assert found.min() >= 0
        assert found.max() <= 1


def test_grey_stays_grey() -> None:
    grey = drawn()[:, :1].expand(-1, 3, -1, -1)
    found = augment(grey, AugmentRecipe(quarter_turns=True), seeded())
    assert torch.equal(found[:, 0], found[:, 1])
    assert torch.equal(found[:, 0], found[:, 2])


def test_quarter_turns_are_exact_and_all_four_happen() -> None:
    known = {str(k): torch.rot90(corner(1)[0], k, (1, 2)) for k in range(4)}
    recipe = replace(NOTHING, quarter_turns=True)
    assert set(nearest(augment(corner(), recipe, seeded()), known)) == {"0", "1", "2", "3"}


@pytest.mark.parametrize(
    ("horizontal", "vertical", "expected"),
    [
        (False, False, {"as it is"}),
        (True, False, {"as it is", "left to right"}),
        (False, True, {"as it is", "upside down"}),
        (True, True, {"as it is", "left to right", "upside down", "both"}),
    ],
)
def test_flips_happen_only_where_they_are_allowed(
    horizontal: bool, vertical: bool, expected: set[str]
) -> None:
    image = corner(1)[0]
    known = {
        "as it is": image,
        "left to right": image.flip(2),
        "upside down": image.flip(1),
        "both": image.flip(1, 2),
    }
    recipe = replace(NOTHING, flip_horizontal=horizontal, flip_vertical=vertical)
    assert set(nearest(augment(corner(256), recipe, seeded()), known)) == expected


def test_the_defaults_keep_the_side_and_the_orientation() -> None:
    # The upright of the L stays in the left half and its foot below, in every one of the pictures.
    found = augment(corner(512), AugmentRecipe(), seeded()).mean(dim=1)
    assert (found[:, :, :6].sum(dim=(1, 2)) > found[:, :, 6:].sum(dim=(1, 2))).all()
    assert (found[:, 6:].sum(dim=(1, 2)) > found[:, :6].sum(dim=(1, 2))).all()


def test_a_crop_shows_a_part_of_the_picture_enlarged() -> None:
    # A ramp from 0 to 1 has slope s after a crop to the share s, and starts between 0 and 1 - s.
    pixel = (torch.arange(12) + 0.5) / 12
    ramp = pixel.expand(COUNT, 3, 12, 12)
    found = augment(ramp, replace(NOTHING, scale=0.6), seeded())[:, 0, 6]
    # The convolution is exact on a ramp where its four pixels lie inside the picture.
    slopes = (found[:, 7] - found[:, 4]) / (pixel[7] - pixel[4])
    starts = found[:, 6] - slopes * pixel[6]
    assert 0.59 < slopes.min() < 0.65
    assert 0.95 < slopes.max() < 1.01
    assert starts.min() > -0.01
    assert (starts + slopes).max() < 1.01
    assert starts.max() > 0.25


def test_half_of_the_pictures_are_not_resampled() -> None:
    sharp = torch.rand(1, 3, 16, 16).expand(512, 3, 16, 16)
    found = augment(sharp, replace(NOTHING, scale=0.6, degrees=20.0), seeded())
    untouched = (found - sharp).abs().amax(dim=(1, 2, 3)) < 1e-4
    # 512 fair coins: the share of heads lies within 5 standard deviations of one half.
    assert abs(float(untouched.float().mean()) - 0.5) < 5 * 0.5 / 512**0.5


def test_a_rotation_stays_within_its_bounds() -> None:
    # The centre of the right half turns about the middle: its angle is that of the rotation.
    disc = torch.zeros(256, 3, 64, 64)
    disc[:, :, 28:36, 48:56] = 1
    found = augment(disc, replace(NOTHING, degrees=20.0), seeded())[:, 0]
    place = torch.arange(64) - 31.5
    mass = found.sum(dim=(1, 2))
    x = (found * place).sum(dim=(1, 2)) / mass
    y = (found * place[:, None]).sum(dim=(1, 2)) / mass
    angles = torch.rad2deg(torch.atan2(y, x))
    assert 19 < angles.abs().max() < 20.5
    assert -1.5 < angles.mean() < 1.5


def test_contrast_and_brightness_change_within_their_bounds() -> None:
    # Values 0.4 and 0.6 have mean 0.5: contrast a and brightness b give
    # 0.5 (1 + b) +/- 0.1 (1 + a), with a and b in [-0.2, 0.2].
    images = torch.full((512, 3, 12, 12), 0.4)
    images[:, :, :, 6:] = 0.6
    found = augment(images, replace(NOTHING, contrast=0.2), seeded())
    low, high = found[:, 0, 6, 2], found[:, 0, 6, 9]
    contrast = (high - low) / 0.2 - 1
    brightness = (high + low) / 1.0 - 1
    for change in (contrast, brightness):
        assert 0.19 < change.max() < 0.2001
        assert -0.2001 < change.min() < -0.19
