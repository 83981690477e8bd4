"""Pictures turned, covered, photographed and taken apart, and those of something else."""

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Float
from scipy.ndimage import label, rotate  # type: ignore[import-untyped]

from acir.robustness.inputs import suite

Picture = Float[np.ndarray, "channels height width"]
Draw = Callable[..., Picture]

BY_NAME = {corruption.name: corruption for corruption in suite(oriented=True)}
GREY = np.full((3, 64, 64), 0.5)


def changed(
    name: str, picture: Picture, severity: int = 1, others: list[Picture] | None = None
) -> Picture:
    return BY_NAME[name].apply(picture, severity, 3, others or ())


# Geometry.


def test_four_quarter_turns_are_none(draw: Draw) -> None:
    picture = draw(0, 32, True)
    turned = [picture]
    for _ in range(4):
        turned.append(changed("quarter_turns", turned[-1]))
    assert [bool((each == picture).all()) for each in turned] == [True, False, False, False, True]


def test_severity_counts_the_quarter_turns(draw: Draw) -> None:
    once = changed("quarter_turns", draw())
    twice = changed("quarter_turns", once)
    np.testing.assert_array_equal(changed("quarter_turns", draw(), 2), twice)
    np.testing.assert_array_equal(
        changed("quarter_turns", draw(), 3), changed("quarter_turns", twice)
    )


@pytest.mark.parametrize("name", ["upside_down", "left_right", "transposed"])
def test_mirrored_twice_is_the_picture(draw: Draw, name: str) -> None:
    once = changed(name, draw(0, 32, True))
    np.testing.assert_array_equal(changed(name, once), draw(0, 32, True))


def test_a_corner_goes_where_a_mirroring_sends_it() -> None:
    picture = np.zeros((3, 32, 32))
    picture[:, 1, 5] = 1
    assert changed("upside_down", picture)[0, 30, 5] == 1
    assert changed("left_right", picture)[0, 1, 26] == 1
    assert changed("transposed", picture)[0, 5, 1] == 1
    assert changed("quarter_turns", picture)[0, 26, 1] == 1  # counter-clockwise


@pytest.mark.parametrize(("severity", "angle"), [(1, 10), (2, 25), (3, 45)])
def test_a_tilt_is_scipys_rotation_to_either_side(draw: Draw, severity: int, angle: int) -> None:
    picture = draw(0, 64).astype(np.float64)
    results = [BY_NAME["tilted"].apply(picture, severity, seed)[0] for seed in range(10)]
    sides = [
        rotate(picture[0], sign * angle, reshape=False, order=1, mode="mirror") for sign in (-1, 1)
    ]
    found = {tuple(np.allclose(one, side, atol=1e-9) for side in sides) for one in results}
    assert found == {(True, False), (False, True)}


@pytest.mark.parametrize(("severity", "side"), [(1, 54), (2, 45), (3, 32)])
def test_a_picture_zoomed_out_lies_on_black(severity: int, side: int) -> None:
    # 64 * 0.85 = 54.4, 64 * 0.7 = 44.8 and 64 * 0.5 = 32.
    result = changed("zoomed_out", np.ones((3, 64, 64)), severity)[0]
    rows, columns = np.nonzero(result)
    assert (result > 0.99).sum() == side**2
    assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == side
    assert abs(rows.mean() - 31.5) <= 0.5


@pytest.mark.parametrize(("severity", "share"), [(1, 0.85), (2, 0.7), (3, 0.5)])
def test_a_crop_shows_that_share_of_each_side(severity: int, share: float) -> None:
    ramp = np.tile(np.linspace(0, 1, 64), (3, 64, 1))
    shown = np.ptp(changed("cropped", ramp, severity)[0, 32])
    assert shown == pytest.approx(share, abs=2 / 64)


@pytest.mark.parametrize(("severity", "factor"), [(1, 1.3), (2, 1.6), (3, 2.0)])
def test_a_stretched_picture_is_larger_in_height_alone(severity: int, factor: float) -> None:
    square = np.zeros((3, 64, 64))
    square[:, 24:40, 24:40] = 1
    result = changed("stretched", square, severity)[0] > 0.5
    assert result.any(axis=0).sum() == 16
    assert result.any(axis=1).sum() == pytest.approx(16 * factor, abs=1.5)


# Overlay.


@pytest.mark.parametrize(("severity", "share"), [(1, 0.05), (2, 0.15), (3, 0.3)])
@pytest.mark.parametrize("side", [28, 64, 224])
@pytest.mark.parametrize("name", ["black_box", "logo", "white_text", "black_text"])
def test_an_overlay_lies_in_a_box_with_that_share_of_the_area(
    name: str, side: int, severity: int, share: float
) -> None:
    result = changed(name, np.full((3, side, side), 0.5), severity)[0]
    rows, columns = np.nonzero(np.abs(result - 0.5) > 1e-9)
    box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1) / side**2
    text = name.endswith("text")  # whose letters do not reach every edge of their box
    assert (0.4 if text else 0.85) * share < box < 1.2 * share
    assert len(rows) / (box * side**2) > (0.2 if text else 0.99)


@pytest.mark.parametrize(("name", "shade"), [("white_text", 1.0), ("black_text", 0.0)])
def test_text_has_its_shade(name: str, shade: float) -> None:
    result = changed(name, GREY, 3)[0]
    assert (result == shade).sum() > 50
    assert ((result - 0.5) * (shade - 0.5) >= 0).all()


def test_text_in_the_shade_of_the_tissue_hides_in_it() -> None:
    # A body of 0.6 on black: the ink is seen on black alone, and has the value of the body.
    picture = np.zeros((3, 64, 64))
    picture[:, 8:56, 8:44] = 0.6
    result = changed("tissue_text", picture, 3)[0]
    np.testing.assert_allclose(result[8:56, 8:44], 0.6)
    added = result[picture[0] == 0]
    assert added.max() == pytest.approx(0.6)
    assert (added == 0).any()


def test_text_in_the_shade_of_coloured_tissue_has_its_colour() -> None:
    colour = np.array([0.7, 0.3, 0.5])
    picture = np.zeros((3, 64, 64))
    picture[:, 8:56, 8:44] = colour[:, None, None]
    added = changed("tissue_text", picture, 3)[:, picture[0] == 0]
    strongest = added[:, added[0].argmax()]
    np.testing.assert_allclose(strongest, colour)


def test_a_box_covers_more_of_the_same_place_with_severity() -> None:
    covered = [changed("black_box", GREY, severity)[0] == 0 for severity in (1, 2, 3)]
    assert covered[1][covered[0]].mean() > 0.5
    assert covered[2][covered[1]].mean() > 0.5


@pytest.mark.parametrize(("severity", "length"), [(1, 0.15), (2, 0.3), (3, 0.45)])
def test_an_arrow_points_at_the_centre_from_its_length(severity: int, length: float) -> None:
    white = changed("arrow", np.zeros((3, 224, 224)), severity)[0] > 0.5
    rows, columns = np.nonzero(white)
    distances = np.hypot(rows - 111.5, columns - 111.5)
    assert distances.min() < 4
    assert distances.max() == pytest.approx(length * 224, rel=0.05)
    assert label(white)[1] == 1


# Screenshots and pages.


@pytest.mark.parametrize(("severity", "count"), [(1, 2), (2, 4), (3, 9)])
def test_tiles_are_the_picture_and_the_others_in_turn(severity: int, count: int) -> None:
    others = [np.full((3, 64, 64), value) for value in (0.25, 0.75)]
    result = changed("tiled", GREY, severity, others)[0]
    values = [0.5, 0.25, 0.75]
    shown = np.array([values[place % 3] for place in range(count)])
    side = 64 // (2 if count < 9 else 3)
    for value in values:
        expected = (shown == value).sum() * side**2
        assert (np.abs(result - value) < 1e-6).sum() == expected
    assert result[33 if count == 2 else 1, 1] == 0.5


@pytest.mark.parametrize(("severity", "side"), [(1, 52), (2, 41), (3, 29)])
def test_a_window_shows_the_whole_picture_small_in_grey(severity: int, side: int) -> None:
    # 64 rows less a bar of 6: 58 * 0.9 = 52.2, 58 * 0.7 = 40.6, 58 * 0.5 = 29.
    result = changed("window", np.zeros((3, 64, 64)), severity)[0]
    assert (result == 0).sum() == side**2
    assert (np.abs(result[6:][result[6:] > 0] - 0.8) < 1e-6).all()


@pytest.mark.parametrize("side", [28, 64, 224])
def test_a_window_has_three_buttons(side: int) -> None:
    bar = changed("window", np.zeros((3, side, side)))[0, : max(3, round(0.1 * side))]
    assert label(bar > 0.9)[1] == 3


def test_a_photograph_of_a_white_screen_is_warm_dark_at_the_corners_and_has_waves() -> None:
    picture = np.full((3, 224, 224), 0.8)  # 15 % lighter, it is not yet saturated
    picture[2, 0, 0] = 0.79  # else it would count as grey
    result = changed("photographed", picture, 3)
    red, green, blue = (plane[90:134, 90:134].mean() for plane in result)
    assert green / red == pytest.approx(0.92, abs=0.02)
    assert blue / red == pytest.approx(0.75, abs=0.02)
    assert result[0, :20, :20].mean() < 0.6 * red
    # 11 half waves to either side of the centre; seen along rows and columns, 1 / sqrt(2) of 22.
    middle = result[1, 112] - np.median(result[1, 112])
    crossings = max(
        (np.diff(np.sign(line)) != 0).sum()
        for line in (middle, result[1, :, 112] - np.median(result[1, :, 112]))
    )
    assert crossings >= 15


def test_a_photograph_shows_parallel_edges_at_an_angle() -> None:
    # Two vertical bars: seen from aside and, with this seed, from above or below as well, their
    # distance is not the same in two rows as far from the middle.
    picture = np.zeros((3, 224, 224))
    picture[:, :, 60:64] = picture[:, :, 160:164] = 1
    result, columns = changed("photographed", picture, 3)[0], np.arange(224)
    above, below = (
        np.average(columns[112:], weights=row[112:]) - np.average(columns[:112], weights=row[:112])
        for row in result[[60, 164]]
    )
    assert abs(above - below) > 10


@pytest.mark.parametrize(("name", "black"), [("text_page", 0.3), ("qr_code", 0.35)])
def test_a_page_is_white_with_black_ink_whatever_the_picture(
    draw: Draw, name: str, black: float
) -> None:
    result = changed(name, draw(0, 224))[0]
    np.testing.assert_array_equal(result, changed(name, draw(1, 224))[0])
    assert result[0].min() > 0.99
    assert result[-1].min() > 0.99
    assert (result < 0.5).mean() == pytest.approx(black, abs=0.12)


def test_a_code_has_its_finder_marks() -> None:
    # 21 modules and 4 of margin on each side make 29: at 8 pixels a module, 232 pixels.
    modules = changed("qr_code", np.zeros((3, 232, 232)))[0].reshape(29, 8, 29, 8)
    assert (np.ptp(modules, axis=(1, 3)) < 1e-6).all()
    dark = modules[:, 0, :, 0] < 0.5
    # ISO/IEC 18004: dark, light, dark dark dark, light, dark through the middle of a mark.
    mark = [True, False, True, True, True, False, True]
    assert dark[7, 4:11].tolist() == dark[7, 18:25].tolist() == dark[21, 4:11].tolist() == mark
    assert dark[4:11, 7].tolist() == dark[18:25, 7].tolist() == dark[4:11, 21].tolist() == mark
    assert not dark[:4].any()


# Structure.


@pytest.mark.parametrize(("severity", "count"), [(1, 2), (2, 4), (3, 8)])
def test_shuffled_patches_are_all_there_and_none_in_its_place(
    draw: Draw, severity: int, count: int
) -> None:
    noise = np.random.default_rng(0).random((3, 64, 64))
    result = changed("shuffled", noise, severity)
    side = 64 // count

    def patches(picture: Picture) -> list[bytes]:
        return [
            picture[:, row : row + side, column : column + side].tobytes()
            for row in range(0, 64, side)
            for column in range(0, 64, side)
        ]

    before, after = patches(noise), patches(result)
    assert sorted(before) == sorted(after)
    assert not any(b == a for b, a in zip(before, after, strict=True))


def test_what_fills_no_patch_stays() -> None:
    noise = np.random.default_rng(0).random((3, 30, 30))  # 4 patches of 7, and 2 pixels
    result = changed("shuffled", noise, 2)
    np.testing.assert_array_equal(result[:, 28:], noise[:, 28:])
    np.testing.assert_array_equal(result[:, :, 28:], noise[:, :, 28:])


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("side", [32, 33])
def test_randomised_phases_keep_the_spectrum(draw: Draw, side: int, colour: bool) -> None:
    # A tenth of the contrast: nothing saturates.
    picture = 0.5 + 0.1 * (draw(0, side, colour).astype(np.float64) - 0.5)
    result = changed("phase_randomised", picture)
    np.testing.assert_allclose(np.abs(np.fft.fft2(result)), np.abs(np.fft.fft2(picture)), atol=1e-9)
    assert abs(np.corrcoef(result[0].ravel(), picture[0].ravel())[0, 1]) < 0.8


def test_randomised_phases_keep_what_the_planes_share(draw: Draw) -> None:
    picture = 0.5 + 0.1 * (draw(0, 32, True).astype(np.float64) - 0.5)
    before = np.cov(picture.reshape(3, -1))
    after = np.cov(changed("phase_randomised", picture).reshape(3, -1))
    np.testing.assert_allclose(after, before, atol=1e-12)


def test_the_mean_picture_is_the_mean_of_the_others(draw: Draw) -> None:
    others = [draw(seed).astype(np.float64) for seed in range(1, 10)]
    result = changed("mean_picture", draw().astype(np.float64), 1, others)
    np.testing.assert_allclose(result, sum(others) / 9)


@pytest.mark.parametrize(("severity", "share"), [(1, 0.3), (2, 0.4), (3, 0.5)])
def test_two_patients_are_averaged_by_share(draw: Draw, severity: int, share: float) -> None:
    one, other = draw(0).astype(np.float64), draw(1).astype(np.float64)
    result = changed("averaged", one, severity, [other])
    np.testing.assert_allclose(result, (1 - share) * one + share * other)


# Another modality.


@pytest.mark.parametrize(
    ("value", "colour"),
    [
        (0.0, [0, 1, 1]),
        (0.25, [0, 0, 1]),
        (0.5, [0, 0, 0]),
        (0.75, [1, 0, 0]),
        (0.875, [1, 0.5, 0]),
    ],
)
def test_false_colours_follow_the_scale(value: float, colour: list[float]) -> None:
    picture = np.full((3, 32, 32), value)
    picture[:, 0, 0] = 0.1, 0.2, 0.3  # else it would count as grey
    result = changed("false_colour", picture)
    # The weights of the luma add up to 1 within 1e-7.
    np.testing.assert_allclose(result[:, 5, 5], colour, atol=1e-5)


def test_false_colours_of_a_grey_picture_are_seen_in_grey() -> None:
    # Cyan 0.587 + 0.114, black 0, yellow 0.299 + 0.587: not in the order of 0, 0.5 and 1.
    found = [changed("false_colour", np.full((1, 32, 32), v))[0, 0, 0] for v in (0.0, 0.5, 1.0)]
    assert found == pytest.approx([0.701, 0, 0.886], abs=1e-6)


@pytest.mark.parametrize(("severity", "waves"), [(1, 4.0), (2, 6.0), (3, 9.0)])
def test_a_weave_has_its_waves(severity: int, waves: float) -> None:
    result = changed("weave", np.zeros((1, 128, 128)), severity)[0]
    spectrum = np.abs(np.fft.fft2(result - result.mean()))
    row, column = np.unravel_index(spectrum[:64].argmax(), (64, 128))
    assert np.hypot(row, min(column, 128 - column)) == pytest.approx(waves, abs=0.8)


@pytest.mark.parametrize("name", ["weave", "perlin"])
@pytest.mark.parametrize("severity", [1, 2, 3])
def test_a_texture_knows_nothing_of_the_picture(draw: Draw, name: str, severity: int) -> None:
    first = changed(name, draw(0, 64, True), severity)
    np.testing.assert_array_equal(first, changed(name, draw(1, 64, True), severity))


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_clouds_go_from_black_to_white_without_a_seam(severity: int) -> None:
    result = changed("perlin", np.zeros((1, 224, 224)), severity)[0]
    assert (result.min(), result.max()) == (0, 1)
    # Smooth: of 3 * 2 ** 2 cells at most, one has 224 / 12 = 19 pixels.
    steps = max(np.abs(np.diff(result, axis=axis)).max() for axis in (0, 1))
    assert steps < 0.2


def test_more_octaves_have_more_detail() -> None:
    def share_of_detail(severity: int) -> float:
        result = changed("perlin", np.zeros((1, 224, 224)), severity)[0]
        power = np.abs(np.fft.fft2(result - result.mean())) ** 2
        fast = np.hypot(*np.meshgrid(*[224 * np.fft.fftfreq(224)] * 2)) > 4  # waves a side
        return float(power[fast].sum() / power.sum())

    assert share_of_detail(1) < share_of_detail(2) < share_of_detail(3)


@pytest.mark.parametrize(("severity", "count"), [(1, 1), (2, 4), (3, 9)])
def test_letters_are_white_on_black_and_as_many_as_said(severity: int, count: int) -> None:
    result = changed("letters", np.full((3, 224, 224), 0.5), severity)[0]
    assert np.isin(result, (0, 1)).mean() > 0.9  # but for soft edges
    side = round(count**0.5)
    inner = result[18:-18, 18:-18]
    cells = [
        cell for rows in np.array_split(inner, side) for cell in np.array_split(rows, side, axis=1)
    ]
    assert len(cells) == count
    assert all(0.1 < (cell > 0.5).mean() < 0.6 for cell in cells)
