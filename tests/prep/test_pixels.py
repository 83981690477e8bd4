"""Window, inversion and channels against values computed by hand and by Pillow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Shaped
from PIL import Image

from acir.prep.pixels import grey, to_unit
from acir.types import ImageRecord


def _record(
    pixels: Shaped[np.ndarray, "..."], low: float, high: float, inverted: bool = False
) -> ImageRecord:
    return ImageRecord("a", pixels, (float(low), float(high)), "train", 0.5, inverted=inverted)


def test_the_range_maps_linearly_to_zero_and_one_and_saturates() -> None:
    # (x + 100) / 200 for -150, -100, 0, 50, 100, 300
    stored = np.array([[-150, -100, 0, 50, 100, 300]], dtype=np.int16)
    unit = to_unit(_record(stored, -100, 100))
    assert unit[0, :, 0].tolist() == [0, 0, 0.5, 0.75, 1, 1]
    assert unit.dtype == np.float32


def test_inversion_comes_after_the_window() -> None:
    # Inverted before the window, 300 would be mapped to another place, not to black.
    stored = np.array([[-150, -100, 50, 300]], dtype=np.int16)
    unit = to_unit(_record(stored, -100, 100, inverted=True))
    assert unit[0, :, 0].tolist() == [1, 1, 0.25, 0]


@pytest.mark.parametrize(
    ("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.uint32, 2**32 - 1)]
)
def test_unsigned_types_do_not_wrap_around(dtype: type[np.generic], white: int) -> None:
    unit = to_unit(_record(np.array([[0, white]], dtype=dtype), 0, white))
    assert unit[0, :, 0].tolist() == [0, 1]


def test_grey_has_one_channel_and_colour_three() -> None:
    assert to_unit(_record(np.zeros((4, 5), dtype=np.uint8), 0, 255)).shape == (4, 5, 1)
    assert to_unit(_record(np.zeros((4, 5, 3), dtype=np.uint8), 0, 255)).shape == (4, 5, 3)


def test_the_grey_of_pure_colours_is_their_luma() -> None:
    unit = np.eye(3, dtype=np.float32)[None]
    assert grey(unit)[0, :, 0] == pytest.approx([0.299, 0.587, 0.114])


def test_grey_leaves_a_grey_picture_alone() -> None:
    unit = np.random.default_rng(0).random((3, 4, 1), dtype=np.float32)
    assert np.array_equal(grey(unit), unit)


@given(st.integers(0, 2**32 - 1))
def test_the_grey_of_a_colour_picture_is_pillows_within_one_level(seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    luma = grey(to_unit(_record(rgb, 0, 255)))[:, :, 0]
    pillow = np.asarray(Image.fromarray(rgb).convert("L"), dtype=np.float32) / 255
    assert np.abs(luma - pillow).max() <= 1 / 255
