"""From record to picture: padding, resizing and channels, against loops and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float, Shaped
from PIL import Image

from acir.prep.pipeline import Prep
from acir.types import ImageRecord


def record(pixels: Shaped[np.ndarray, "..."], white: float = 255.0) -> ImageRecord:
    return ImageRecord("a", pixels, (0.0, white), "train", 0.5)


def drawn(*shape: int) -> Shaped[np.ndarray, "..."]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def resized_by_loops(plane: Float[np.ndarray, "side side"], size: int) -> list[list[float]]:
    """Weigh pixels with a triangle as wide as the step, as antialiasing means it."""
    scale = len(plane) / size
    reach = max(scale, 1.0)

    def weights(place: int) -> dict[int, float]:
        centre = (place + 0.5) * scale
        raw = {i: max(0.0, 1 - abs(i + 0.5 - centre) / reach) for i in range(len(plane))}
        total = sum(raw.values())
        return {i: w / total for i, w in raw.items() if w > 0}

    return [
        [
            math.fsum(
                wy * wx * float(plane[y, x])
                for y, wy in weights(row).items()
                for x, wx in weights(column).items()
            )
            for column in range(size)
        ]
        for row in range(size)
    ]


@pytest.mark.parametrize("side", [5, 9, 16, 23])
def test_resizing_weighs_pixels_with_a_triangle(side: int) -> None:
    pixels = drawn(side, side)
    found = Prep(size=9, colour=False)(record(pixels))[0]
    expected = resized_by_loops(pixels.astype(np.float32) / 255, 9)
    assert found == pytest.approx(np.array(expected), abs=1e-5)


def test_the_right_size_is_left_alone() -> None:
    pixels = drawn(7, 7)
    assert Prep(size=7, colour=False)(record(pixels))[0] == pytest.approx(pixels / 255)


@pytest.mark.parametrize("colour", [False, True])
def test_a_strip_takes_no_memory_of_the_square_around_it(colour: bool) -> None:
    # 2,000,000 pixels a side: as a square it would take 16 TB.
    strip = np.repeat(drawn(2, 4, *([3] if colour else [])), 500_000, axis=1)
    for pixels in (strip, strip.swapaxes(0, 1)):
        found = Prep(size=16, colour=colour)(record(pixels))
        assert found.shape == (3, 16, 16)
        assert 0 < found.max() < 0.01


def test_a_long_picture_that_the_preflight_passes_is_resized_once() -> None:
    pixels = drawn(1000, 5000)
    square = np.zeros((5000, 5000), np.float32)
    square[2000:3000] = pixels / np.float32(255)
    expected = np.asarray(Image.fromarray(square).resize((8, 8), Image.Resampling.BILINEAR))
    assert Prep(size=8, colour=False)(record(pixels))[0] == pytest.approx(expected, abs=1e-6)


def test_a_grey_picture_gets_three_equal_channels() -> None:
    for colour in (False, True):
        found = Prep(size=8, colour=colour)(record(drawn(12, 12)))
        assert found.shape == (3, 8, 8)
        assert np.array_equal(found[0], found[1])
        assert np.array_equal(found[0], found[2])


def test_a_colour_picture_keeps_its_channels_or_becomes_its_luma() -> None:
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 255, 51, 0
    kept = Prep(size=4, colour=True)(record(pixels))
    assert kept[:, 0, 0].tolist() == pytest.approx([1, 0.2, 0])
    # 0.299 * 1 + 0.587 * 0.2 + 0.114 * 0 = 0.4164
    grey = Prep(size=4, colour=False)(record(pixels))
    assert grey[:, 0, 0].tolist() == pytest.approx([0.4164] * 3)


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        ((2, 4), slice(1, 3), slice(0, 4)),
        ((4, 2), slice(0, 4), slice(1, 3)),
        ((3, 4), slice(0, 3), slice(0, 4)),  # an odd margin: the spare row is below
    ],
)
def test_a_picture_is_padded_with_black_to_a_square_and_stays_in_the_middle(
    shape: tuple[int, int], rows: slice, columns: slice
) -> None:
    found = Prep(size=4, colour=False)(record(np.full(shape, 255, dtype=np.uint8)))[0]
    expected = np.zeros((4, 4))
    expected[rows, columns] = 1
    assert np.array_equal(found, expected)


def test_a_flat_picture_stays_flat() -> None:
    found = Prep(size=5, colour=False)(record(np.full((13, 13), 102, dtype=np.uint8)))
    assert found == pytest.approx(np.full((3, 5, 5), 0.4))


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.integers(1, 24),
    st.booleans(),
    st.booleans(),
)
def test_every_picture_becomes_a_square_in_zero_to_one(
    shape: tuple[int, int], size: int, colourful: bool, colour: bool
) -> None:
    pixels = np.random.default_rng(1).choice(
        np.array([0, 65535], dtype=np.uint16), (*shape, 3) if colourful else shape
    )
    found = Prep(size=size, colour=colour)(record(pixels, 65535.0))
    assert found.shape == (3, size, size)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("colour", [False, True])
def test_a_record_of_the_other_kind_is_converted(colour: bool) -> None:
    prep = Prep(size=4, colour=colour)
    assert prep.converts(record(drawn(4, 4))) is colour
    assert prep.converts(record(drawn(4, 4, 3))) is not colour


def test_it_survives_a_round_trip_through_plain_values() -> None:
    prep = Prep(size=28, colour=True)
    assert prep.to_dict() == {"size": 28, "colour": True}
    assert Prep.from_dict(prep.to_dict()) == prep


@pytest.mark.parametrize(("height", "width"), [(4, 4), (2, 4), (4, 3)])
def test_values_of_the_right_size_lie_where_the_picture_was_not_padded(
    height: int, width: int
) -> None:
    square = np.arange(16, dtype=np.float32).reshape(4, 4) - 8  # below 0 and above 1
    found = Prep(size=4, colour=False).on_picture(square, height, width)
    top, left = (4 - height) // 2, (4 - width) // 2
    assert np.array_equal(found, square[top : top + height, left : left + width])


@pytest.mark.parametrize(("height", "width"), [(9, 5), (3, 9), (11, 11)])
def test_values_on_a_larger_picture_are_interpolated(height: int, width: int) -> None:
    square = np.random.default_rng(0).normal(0, 5, (4, 4)).astype(np.float32)
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    expected = np.array(resized_by_loops(square, side))[top : top + height, left : left + width]
    found = Prep(size=4, colour=False).on_picture(square, height, width)
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_mark_comes_back_to_where_it_was() -> None:
    pixels = np.zeros((30, 60), dtype=np.uint8)
    pixels[20:24, 48:52] = 255
    prep = Prep(size=20, colour=False)
    found = prep.on_picture(prep(record(pixels))[0], 30, 60)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert abs(y - 21.5) < 2
    assert abs(x - 49.5) < 2
