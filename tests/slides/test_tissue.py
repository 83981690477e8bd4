"""What counts as tissue, and how much of it a cell of a grid has."""

from itertools import pairwise, product

import numpy as np
import pytest
from scipy.ndimage import median_filter  # type: ignore[import-untyped]

from acir.slides.tissue import shares, tissue

PINK, GLASS, BLACK, GREY = (200, 120, 180), (242, 242, 240), (3, 0, 1), (120, 120, 120)


def _plain(colour: tuple[int, int, int], side: int = 20) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("colour", "is_tissue"),
    # Saturation 255 x (max - min) / max: pink 102, glass 2, black 255 but dark, grey 0.
    [(PINK, True), (GLASS, False), (BLACK, False), (GREY, False)],
)
def test_tissue_has_colour_and_light(colour: tuple[int, int, int], is_tissue: bool) -> None:
    assert tissue(_plain(colour)).all() == is_tissue
    assert tissue(_plain(colour)).any() == is_tissue


def test_the_threshold_is_fifteen_of_255() -> None:
    # 255 x 12 / 200 = 15.3, kept as 15; 255 x 13 / 200 = 16.6, kept as 16.
    assert not tissue(_plain((200, 188, 190))).any()
    assert tissue(_plain((200, 187, 190))).all()


def test_dust_is_no_tissue_and_a_crack_is() -> None:
    dust, crack = _plain(GLASS), _plain(PINK)
    dust[8:12, 8:12] = PINK  # 16 of the 49 pixels around: no majority
    crack[8:12, 8:12] = GLASS
    assert not tissue(dust).any()
    assert tissue(crack).all()


def test_it_is_a_median_of_the_saturation_that_counts() -> None:
    overview = np.random.default_rng(0).integers(100, 256, (40, 30, 3), dtype=np.uint8)
    high, low = overview.max(-1).astype(int), overview.min(-1).astype(int)
    by_hand = median_filter((255 * (high - low) // high).astype(np.uint8), size=7, mode="nearest")
    inner = np.s_[3:-3, 3:-3]  # at the border libraries differ in how they go on
    assert np.array_equal(tissue(overview)[inner], (by_hand > 15)[inner])


def _share(mask: np.ndarray, top: float, bottom: float, left: float, right: float) -> float:
    """Add up the area of each marked pixel that lies within the cell."""
    area = 0.0
    for y, x in product(range(mask.shape[0]), range(mask.shape[1])):
        down = max(0.0, min(bottom, y + 1) - max(top, y))
        across = max(0.0, min(right, x + 1) - max(left, x))
        area += mask[y, x] * down * across
    return area / ((bottom - top) * (right - left))


@pytest.mark.parametrize("rows", [[0, 3, 6, 9], [0, 2.5, 5, 7.5], [0, 0.3, 0.6, 9]])
def test_shares_are_areas(rows: list[float]) -> None:
    mask = np.random.default_rng(1).random((9, 12)) < 0.4
    columns = [0, 3.7, 7.4, 11.1]
    found = shares(mask, np.array(rows, float), np.array(columns))
    expected = [
        [_share(mask, *ends, *sides) for sides in pairwise(columns)] for ends in pairwise(rows)
    ]
    assert np.allclose(found, expected, atol=1e-12)
