"""Figures hold what they were given: read back by Pillow, or found in the SVG."""

from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from jaxtyping import UInt8
from PIL import Image

from acir.evaluation.figures import heat_map, png, training_curve


def _read(picture: bytes) -> UInt8[np.ndarray, "..."]:
    return np.asarray(Image.open(BytesIO(picture), formats=["PNG"]))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_png_keeps_bytes(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert (_read(png(array)) == array).all()


def test_png_shows_floats_from_black_to_white_and_cuts_the_rest() -> None:
    array = np.array([[0.0, 0.5, 1.0, -1.0, 7.0, np.nan]])
    assert _read(png(array)).tolist() == [[0, 128, 255, 0, 255, 0]]  # 127.5 rounds to even


def test_a_heat_map_colours_only_where_the_picture_differs() -> None:
    picture = np.full((4, 4, 3), 0.5)
    residual = np.full((4, 4), -1.0)
    residual[0, 0], residual[0, 1], residual[3, 3] = 2.0, 1.0, np.nan
    seen = _read(heat_map(picture, residual)).astype(int)
    spread = np.ptp(seen, axis=-1)
    assert spread[0, :2].min() > 20
    assert seen[0, 0].sum() == seen.sum(axis=-1).max() > seen[0, 1].sum()
    spread[0, :2] = 0
    assert (spread == 0).all()
    assert seen[3, 3, 0] == pytest.approx(127.5, abs=0.51)


def test_a_heat_map_without_any_difference_is_the_grey_picture() -> None:
    picture = np.zeros((2, 2, 3))
    picture[..., 1] = 1.0
    # the luma of pure green is 0.587; 0.587 * 255 = 149.7
    assert (_read(heat_map(picture, np.zeros((2, 2)))) == 150).all()


def test_a_training_curve_has_both_axes_and_no_point_without_validation() -> None:
    rows = [
        {"epoch": "1", "loss": "2.0", "val_mAP": "0.5"},
        {"epoch": "2", "loss": "1.0", "val_mAP": "0.7"},
    ]
    decoder = {"epoch": "1", "loss": "9.0", "val_mAP": ""}
    drawn = training_curve(rows)
    ElementTree.fromstring(drawn)
    assert all(name in drawn for name in (b"training loss", b"validation mAP", b"epoch"))
    assert training_curve([*rows, decoder]) == drawn
    assert training_curve(rows[:1]) != drawn
