"""Blank and truncated pictures, wrong grey values and noise, each by what it is."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from einops import rearrange
from jaxtyping import Float
from PIL import Image

from acir.robustness.inputs import suite

Picture = Float[np.ndarray, "channels height width"]
Draw = Callable[..., Picture]

BY_NAME = {corruption.name: corruption for corruption in suite(oriented=True)}
GREY = np.full((3, 32, 32), 0.5)
STEPS = np.tile(np.linspace(0, 1, 32), (3, 32, 1))  # from black on the left to white on the right


def changed(name: str, picture: Picture, severity: int = 1, seed: int = 0) -> Picture:
    return BY_NAME[name].apply(picture, severity, seed)


# Blank.


def test_black_is_zero_everywhere(draw: Draw) -> None:
    assert not changed("black", draw()).any()


@pytest.mark.parametrize(("severity", "value"), [(1, 0.25), (2, 0.5), (3, 0.75)])
def test_plain_grey_has_one_value(draw: Draw, severity: int, value: float) -> None:
    assert set(changed("plain_grey", draw(), severity).flat) == {value}


@pytest.mark.parametrize(("severity", "deviation"), [(1, 0.005), (2, 0.01), (3, 0.02)])
def test_a_noisy_blank_is_the_mean_with_noise(severity: int, deviation: float) -> None:
    picture = np.full((3, 224, 224), 0.3)
    picture[:, :112] = 0.5
    result = changed("grey_with_noise", picture, severity)
    # 50,176 pixels: the mean is known to deviation / 224, the deviation to 0.3 %.
    assert result.mean() == pytest.approx(0.4, abs=5 * deviation / 224)
    assert result.std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize(("severity", "share"), [(1, 0.95), (2, 0.99), (3, 1.0)])
@pytest.mark.parametrize("side", [28, 64, 224])
def test_of_a_mostly_black_picture_that_share_is_zero(
    side: int, severity: int, share: float
) -> None:
    result = changed("mostly_black", np.ones((3, side, side)), severity)
    zeros = (result == 0).mean()
    # A side of the white box is at most one pixel shorter than the exact one.
    assert share <= zeros <= share + 2 * (1 - share) ** 0.5 / side


# Truncated.


@pytest.mark.parametrize(("name", "fill"), [("cut_off", 0.0), ("half_downloaded", 128 / 255)])
@pytest.mark.parametrize(("severity", "kept"), [(1, 24), (2, 16), (3, 8)])
def test_the_lower_rows_are_missing(
    draw: Draw, name: str, fill: float, severity: int, kept: int
) -> None:
    picture = draw().astype(np.float64)  # 32 rows
    result = changed(name, picture, severity)
    np.testing.assert_array_equal(result[:, :kept], picture[:, :kept])
    assert (result[:, kept:] == fill).all()


@pytest.mark.parametrize(("severity", "start"), [(1, 3), (2, 8), (3, 16)])
def test_a_rolled_picture_begins_with_a_row_further_down(
    draw: Draw, severity: int, start: int
) -> None:
    picture = draw()  # of 32 rows: 0.1 of them are 3
    expected = np.concatenate([picture[:, start:], picture[:, :start]], axis=1)
    np.testing.assert_array_equal(changed("rolled", picture, severity), expected)


# Grey values.


def test_inverted_twice_is_the_picture(draw: Draw) -> None:
    picture = draw(0, 32, True).astype(np.float64)
    once = changed("inverted", picture)
    np.testing.assert_allclose(once + picture, 1)
    np.testing.assert_allclose(changed("inverted", once), picture)


def test_gamma_by_hand() -> None:
    # 0.5 ** 0.7 = 0.61557, 0.5 ** 0.4 = 0.75786, 0.5 ** 0.2 = 0.87055.
    found = [changed("gamma", GREY, severity)[0, 0, 0] for severity in (1, 2, 3)]
    assert found == pytest.approx([0.61557, 0.75786, 0.87055], abs=1e-5)


def test_contrast_stretches_about_the_mean_and_saturates() -> None:
    # The mean of the steps is 0.5: twice the contrast maps 0.5 + d to 0.5 + 2 d.
    expected = np.clip(0.5 + 2 * (STEPS - 0.5), 0, 1)
    np.testing.assert_allclose(changed("contrast", STEPS), expected, atol=1e-12)
    assert (changed("contrast", STEPS, 3)[..., :14] == 0).all()  # 13/31 is 0.08 below: beyond 1/16
    assert (changed("contrast", STEPS, 3)[..., 18:] == 1).all()


@pytest.mark.parametrize(("severity", "distance"), [(1, 0.2), (2, 0.4), (3, 0.6)])
def test_a_wrong_window_centre_makes_lighter_or_darker(severity: int, distance: float) -> None:
    found = {changed("window_centre", STEPS, severity, seed).tobytes() for seed in range(20)}
    both = {np.clip(STEPS + sign * distance, 0, 1).tobytes() for sign in (-1, 1)}
    assert found == both


@pytest.mark.parametrize(("severity", "factor"), [(1, 4), (2, 8), (3, 16)])
def test_wrapped_values_start_again_at_black(draw: Draw, severity: int, factor: int) -> None:
    picture = draw(0, 32, True).astype(np.float64)
    expected = (picture * factor) % 1
    np.testing.assert_array_equal(changed("wrapped", picture, severity), expected)


# Noise.


@pytest.mark.parametrize(("severity", "deviation"), [(1, 0.02), (2, 0.1)])
def test_gaussian_noise_has_its_deviation(severity: int, deviation: float) -> None:
    # At 0.1 saturation is 5 deviations away. 50,176 pixels: the deviation is known to 0.3 %.
    noise = changed("gaussian", np.full((3, 224, 224), 0.5), severity) - 0.5
    assert noise.std() == pytest.approx(deviation, rel=0.02)
    assert abs(noise.mean()) < 5 * deviation / 224


def test_noise_of_a_coloured_picture_is_coloured(draw: Draw) -> None:
    picture = np.stack([np.full((32, 32), value) for value in (0.4, 0.5, 0.6)])
    noise = changed("gaussian", picture) - picture
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.2  # chance: 1 / 32


@pytest.mark.parametrize(("severity", "share"), [(1, 0.01), (2, 0.05), (3, 0.2)])
def test_salt_and_pepper_is_that_share_of_black_and_white_pixels(
    severity: int, share: float
) -> None:
    result = changed("salt_and_pepper", np.full((3, 224, 224), 0.5), severity)[0]
    assert set(result.flat) == {0.0, 0.5, 1.0}
    tolerance = 5 * (share / 2 / 224**2) ** 0.5
    assert (result == 0).mean() == pytest.approx(share / 2, abs=tolerance)
    assert (result == 1).mean() == pytest.approx(share / 2, abs=tolerance)


def test_speckle_grows_with_the_value_and_leaves_black_black() -> None:
    picture = np.zeros((3, 224, 224))
    picture[:, :, :75], picture[:, :, 75:150] = 0.2, 0.4
    result = changed("speckle", picture)[0]
    assert result[:, :75].std() == pytest.approx(0.2 * 0.05, rel=0.03)
    assert result[:, 75:150].std() == pytest.approx(0.4 * 0.05, rel=0.03)
    assert not result[:, 150:].any()


def test_pure_noise_knows_nothing_of_the_picture(draw: Draw) -> None:
    first = changed("nothing_but_noise", draw(0, 64))
    np.testing.assert_array_equal(first, changed("nothing_but_noise", draw(1, 64)))
    # Evenly spread: mean 1/2, deviation 1 / sqrt(12).
    assert first[0].mean() == pytest.approx(0.5, abs=0.03)
    assert first[0].std() == pytest.approx(12**-0.5, abs=0.02)


def test_stripes_are_equal_along_a_row_and_sum_to_nothing() -> None:
    stripes = (changed("stripes", GREY, 2) - 0.5)[0]
    np.testing.assert_allclose(stripes, np.tile(stripes[:, :1], 32), atol=1e-12)
    # A whole number of waves: the mean is 0 and the root mean square 0.1 / sqrt(2).
    assert stripes.mean() == pytest.approx(0, abs=1e-12)
    assert stripes.std() == pytest.approx(0.1 / 2**0.5)


def test_rings_are_equal_all_around() -> None:
    rings = (changed("rings", GREY, 2) - 0.5)[0]
    np.testing.assert_allclose(rings, np.rot90(rings), atol=1e-12)
    np.testing.assert_allclose(rings, rings.T, atol=1e-12)
    assert rings.std() > 0.05


# Detail.


@pytest.mark.parametrize("name", ["blurred", "motion", "downsampled"])
def test_lost_detail_leaves_a_plain_picture_as_it_was(name: str) -> None:
    np.testing.assert_allclose(changed(name, GREY, 3), GREY, atol=1e-6)


@pytest.mark.parametrize(("severity", "deviation"), [(1, 0.5), (2, 1.5), (3, 3.0)])
def test_a_point_blurs_to_a_gaussian(severity: int, deviation: float) -> None:
    point = np.zeros((3, 33, 33))
    point[:, 16, 16] = 1
    line = np.exp(-((np.arange(33) - 16.0) ** 2) / (2 * deviation**2))
    line /= line.sum()
    result = changed("blurred", point, severity)[0]
    np.testing.assert_allclose(result, np.outer(line, line), atol=2e-4)


@pytest.mark.parametrize(("severity", "way"), [(1, 3), (2, 7), (3, 15)])
def test_motion_spreads_a_point_over_its_way(severity: int, way: int) -> None:
    point = np.zeros((3, 33, 33))
    point[:, 16, 16] = 1
    expected = np.zeros((33, 33))
    expected[16, 16 - way // 2 : 17 + way // 2] = 1 / way
    np.testing.assert_allclose(changed("motion", point, severity)[0], expected, atol=1e-12)


@pytest.mark.parametrize(("severity", "factor"), [(1, 2), (2, 4), (3, 8)])
def test_downsampling_keeps_what_is_larger_than_its_squares(severity: int, factor: int) -> None:
    def board(pixels: int) -> Picture:
        rows = np.arange(64) // pixels
        return np.stack([((rows[:, None] + rows) % 2).astype(np.float64)] * 3)

    fine, coarse = board(factor // 2), board(4 * factor)
    # A square holds two fields of each colour.
    np.testing.assert_allclose(changed("downsampled", fine, severity), 0.5, atol=1e-6)
    # The pixel beside the middle of a field is half a square and more away from its edges.
    middles = np.arange(2 * factor, 64, 4 * factor)
    result = changed("downsampled", coarse, severity)[:, middles][:, :, middles]
    np.testing.assert_allclose(result, coarse[:, middles][:, :, middles], atol=1e-6)


@pytest.mark.parametrize(("severity", "quality"), [(1, 60), (2, 20), (3, 5)])
@pytest.mark.parametrize("colour", [False, True])
def test_jpeg_is_what_pillow_makes_of_it(
    draw: Draw, colour: bool, severity: int, quality: int
) -> None:
    picture = draw(0, 40, colour)
    bytes_ = np.round(picture * 255).astype(np.uint8)
    pixels = rearrange(bytes_, "c h w -> h w c") if colour else bytes_[0]
    stored = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stored, "JPEG", quality=quality)
    read = np.asarray(Image.open(stored))
    expected = rearrange(read, "h w c -> c h w") if colour else np.stack([read] * 3)
    np.testing.assert_array_equal(
        changed("jpeg", picture, severity), (expected / 255).astype(np.float32)
    )


# Mild.


@pytest.mark.parametrize(("severity", "way"), [(1, {(0, 1)}), (2, {(0, 2)}), (3, {(2, 2)})])
def test_a_shift_moves_by_pixels_and_repeats_the_edge(
    draw: Draw, severity: int, way: set[tuple[int, int]]
) -> None:
    picture = draw()
    result = changed("shifted", picture, severity)
    padded = np.pad(picture, ((0, 0), (2, 2), (2, 2)), mode="edge")
    found = {
        (abs(down), abs(right))
        for down in range(-2, 3)
        for right in range(-2, 3)
        if (result == padded[:, 2 - down : 34 - down, 2 - right : 34 - right]).all()
    }
    assert found == way


@pytest.mark.parametrize(("severity", "distance"), [(1, 0.03), (2, 0.06), (3, 0.1)])
def test_a_slight_exposure_is_a_power_near_one(severity: int, distance: float) -> None:
    found = {changed("slightly_exposed", GREY, severity, s)[0, 0, 0] for s in range(20)}
    expected = [0.5 ** (1 + distance), 0.5 ** (1 - distance)]
    assert sorted(found) == pytest.approx(expected)


def test_mild_noise_and_compression_stay_close(draw: Draw) -> None:
    picture = draw(0, 64)
    for name in ("slightly_noisy", "slightly_compressed"):
        for severity in (1, 2, 3):
            assert 0 < np.abs(changed(name, picture, severity) - picture).mean() < 0.02
