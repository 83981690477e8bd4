"""Mild copies are what their names say, stay in [0, 1], and keep grey pictures grey."""

from io import BytesIO

import numpy as np
import pytest
from jaxtyping import Float
from PIL import Image

from acir.evaluation.mild_copies import compressed, mild_copies, noisy, shifted


def colour(seed: int = 0, height: int = 32, width: int = 24) -> Float[np.ndarray, "3 h w"]:
    """Draw a smooth colour picture that touches neither black nor white."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 5 + a) * np.cos(y / 7 + b) for a, b in rng.uniform(0, 6, (3, 2))]
    return (0.5 + 0.3 * np.stack(waves)).astype(np.float32)


def grey(seed: int = 0) -> Float[np.ndarray, "3 h w"]:
    return np.repeat(colour(seed)[:1], 3, axis=0)


def test_the_copies_have_names_and_are_pictures_of_the_same_kind() -> None:
    image = colour()
    copies = mild_copies(image, seed=0)
    assert list(copies) == ["shift", "jpeg", "noise"]
    for copy in copies.values():
        assert (copy.shape, copy.dtype) == (image.shape, image.dtype)
        assert copy.min() >= 0
        assert copy.max() <= 1
        assert not np.array_equal(copy, image)


def test_each_copy_is_mild() -> None:
    # A shift of 2 px moves grey levels by at most twice the steepest slope, 0.3 / 5 a pixel; JPEG
    # at this quality and noise of 0.01 stay within a few hundredths on a smooth picture.
    image = colour()
    copies = mild_copies(image, seed=0)
    assert np.abs(copies["shift"] - image).max() <= 2 * 0.3 / 5 + 1e-6
    assert np.abs(copies["jpeg"] - image).mean() < 0.02
    assert np.abs(copies["noise"] - image).max() < 0.06


def test_copies_leave_the_picture_as_it_was() -> None:
    image = colour()
    mild_copies(image, seed=0)
    assert np.array_equal(image, colour())


@pytest.mark.parametrize("channels", [1, 3])
def test_copies_of_a_grey_picture_are_grey_and_those_of_one_channel(channels: int) -> None:
    image = grey()[:channels]
    for name, copy in mild_copies(image, seed=4).items():
        assert (copy == copy[:1]).all()
        assert np.array_equal(copy[:1], mild_copies(image[:1], seed=4)[name])


def test_a_black_and_a_white_picture_stay_within_range() -> None:
    for level in (0.0, 1.0):
        image = np.full((3, 16, 16), level, dtype=np.float32)
        copies = mild_copies(image, seed=0)
        assert (copies["shift"] == level).all()
        assert (copies["jpeg"] == level).all()
        assert 0 <= copies["noise"].min() <= copies["noise"].max() <= 1


# The shift


def test_every_column_moves_two_pixels_and_the_left_edge_is_repeated() -> None:
    image = colour()
    copy = shifted(image)
    assert np.array_equal(copy[:, :, 2:], image[:, :, :-2])
    assert np.array_equal(copy[:, :, 0], image[:, :, 0])
    assert np.array_equal(copy[:, :, 1], image[:, :, 0])


def test_a_picture_narrower_than_the_shift_repeats_its_edge() -> None:
    assert shifted(np.array([[[0.3], [0.7]]])).tolist() == [[[0.3], [0.7]]]


# JPEG


def test_jpeg_is_pillows_at_quality_85() -> None:
    image = colour()
    stored = BytesIO()
    eight_bits = (np.moveaxis(image, 0, 2) * 255).round().astype(np.uint8)
    Image.fromarray(eight_bits).save(stored, "JPEG", quality=85)
    expected = np.moveaxis(np.asarray(Image.open(stored)), 2, 0)
    assert np.array_equal((compressed(image) * 255).round().astype(np.uint8), expected)


def test_jpeg_of_a_flat_picture_only_rounds_it_to_eight_bits() -> None:
    # 128 is the middle grey that JPEG subtracts: every coefficient is 0.
    assert compressed(np.full((1, 8, 8), 0.501)) == pytest.approx(np.full((1, 8, 8), 128 / 255))


# Noise


def test_the_noise_has_mean_zero_and_deviation_one_hundredth() -> None:
    # 30,000 draws: five standard errors are 5 * 0.01 / sqrt(30,000) = 0.0003 of the mean and
    # 5 * 0.01 / sqrt(60,000) = 0.0002 of the deviation.
    image = np.full((3, 100, 100), 0.5)
    image[0] = 0.4  # in colour, so that every channel draws its own
    noise = noisy(image, seed=0) - image
    assert noise.mean() == pytest.approx(0, abs=3e-4)
    assert noise.std() == pytest.approx(0.01, abs=2.1e-4)
    assert np.abs(np.corrcoef(noise.reshape(3, -1)) - np.eye(3)).max() < 5 / 100


def test_a_seed_gives_one_noise_and_another_seed_another() -> None:
    image = colour()
    assert np.array_equal(noisy(image, seed=1), noisy(image, seed=1))
    assert not np.array_equal(noisy(image, seed=1), noisy(image, seed=2))
