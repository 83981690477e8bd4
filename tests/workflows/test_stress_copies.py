"""Copies of equal colour, size and sharpness: what is left of a picture."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

from acir.types import ImageRecord
from acir.workflows.stressing.pictures import equalised


def _record(pixels: np.ndarray) -> ImageRecord:
    return ImageRecord("a", pixels, (0.0, 255.0), "test", 0.5, labels=("b",))


def test_a_copy_is_grey_of_the_size_asked_for_and_keeps_its_name() -> None:
    random = np.random.default_rng(0)
    copy = equalised(_record(random.integers(0, 256, (90, 60, 3)).astype(np.uint8)), 45)
    assert copy.pixels.shape == (45, 30)
    assert copy.pixels.dtype == np.uint8
    assert (copy.id, copy.labels, copy.draw) == ("a", ("b",), 0.5)


def test_a_copy_is_smoothed_by_a_gaussian_of_one_pixel() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32)).astype(np.uint8)
    smooth = gaussian_filter(pixels.astype(np.float64), 1, mode="nearest")
    assert np.abs(equalised(_record(pixels), 32).pixels - smooth).max() <= 0.51


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 0, 255)])
def test_two_colours_of_one_luma_give_one_copy(colour: tuple[int, int, int]) -> None:
    luma = round(float(np.dot([0.299, 0.587, 0.114], colour)))
    red, grey = np.tile(np.array(colour, np.uint8), (30, 30, 1)), np.full((30, 30), luma, np.uint8)
    first, second = equalised(_record(red), 30), equalised(_record(grey), 30)
    assert np.array_equal(first.pixels, second.pixels)
