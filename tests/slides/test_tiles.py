"""Which tiles are read: coordinates by hand, on an overview of 32 pixels a pixel."""

from dataclasses import replace

import numpy as np
import pytest

from acir.slides.tiles import MOST_PIXELS, Look, Tile, UnfitError, Wanted, tiles_of
from made_slides import GLASS, PINK

# 4096 x 2048 pixels at 0.5 micrometres. Tissue from x 1024 to 3072 and y 512 to 1536: its overview
# has 64 x 32 pixels of tissue, of which the median takes some at each corner.
OVERVIEW = np.full((64, 128, 3), GLASS, np.uint8)
OVERVIEW[16:48, 32:96] = PINK
LOOK = Look(4096, 2048, (1.0, 4.0, 16.0), 0.5, OVERVIEW)


def _places(look: Look, wanted: Wanted) -> list[tuple[int, int]]:
    return [(tile.x, tile.y) for tile in tiles_of(look, wanted)]


def test_tiles_lie_on_a_grid_row_by_row() -> None:
    # 512 pixels a tile: columns 2 to 5 and rows 1 and 2 are tissue.
    expected = [(x, y) for y in (512, 1024) for x in (1024, 1536, 2048, 2560)]
    assert _places(LOOK, Wanted(side=512)) == expected


def test_a_tile_spans_what_its_resolution_says() -> None:
    # Twice the micrometres: 1024 pixels of the finest level to 512 of the tile.
    wanted = Wanted(mpp=1.0, side=512, tissue=0.4)
    assert _places(LOOK, wanted) == [(1024, 0), (2048, 0), (1024, 1024), (2048, 1024)]
    assert {(t.level, t.size, t.mpp) for t in tiles_of(LOOK, wanted)} == {(0, 1024, 1.0)}


@pytest.mark.parametrize(
    ("mpp", "level", "size"),
    # The coarsest level that is as fine: 4-fold is too coarse for 1.9 micrometres, not for 2.
    [(0.5, 0, 64), (1.9, 0, 243), (2.0, 1, 64), (4.0, 1, 128), (8.0, 2, 64)],
)
def test_the_level_is_the_coarsest_that_is_as_fine(mpp: float, level: int, size: int) -> None:
    tile = tiles_of(LOOK, Wanted(mpp=mpp, side=64, tissue=0.4))[0]
    assert (tile.level, tile.size) == (level, size)


def test_levels_whose_rounded_sizes_are_a_little_coarser_count() -> None:
    look = replace(LOOK, downsamples=(1.0, 4.0003))
    assert tiles_of(look, Wanted(mpp=2.0, side=64))[0].level == 1


def test_without_a_resolution_the_finest_level_is_taken() -> None:
    tiles = tiles_of(replace(LOOK, mpp=None), Wanted(mpp=8.0, side=512))
    assert tiles[0] == Tile(1024, 512, 0, 512, None)
    assert len(tiles) == 8


def test_a_scanners_20x_is_no_enlargement_and_a_coarser_slide_is_refused() -> None:
    # 0.55 for 0.5 wanted: a scale of 0.909 and tiles of 465 pixels.
    tile = tiles_of(replace(LOOK, mpp=0.55), Wanted(side=512))[0]
    assert (tile.size, round(tile.mpp or 0, 3)) == (465, 0.5)
    with pytest.raises(UnfitError, match=r"it has 0.56 micro.*than the 0.5 that are.*with \?mpp="):
        tiles_of(replace(LOOK, mpp=0.56), Wanted())


def test_a_tile_needs_its_share_of_tissue() -> None:
    # Tiles of 768: the columns from 768, 1536, 2304 hold 2/3, 1, 1, those from 0 and 3072 none. The
    # rows from 0 and 768 hold 256 and 768 of tissue; below 1536 there is none.
    assert _places(LOOK, Wanted(side=768, tissue=0.9)) == [(1536, 768), (2304, 768)]
    assert _places(LOOK, Wanted(side=768, tissue=0.6)) == [(768, 768), (1536, 768), (2304, 768)]
    assert len(_places(LOOK, Wanted(side=768, tissue=0.3))) == 5
    assert len(_places(LOOK, Wanted(side=768, tissue=0.0))) == 10


def test_of_too_many_tiles_every_so_many_th_is_taken() -> None:
    every = _places(LOOK, Wanted(side=256))
    assert len(every) == 32
    # (k + 0.5) x 32 / 4 for k = 0 to 3.
    assert _places(LOOK, Wanted(side=256, most=4)) == [every[i] for i in (4, 12, 20, 28)]
    assert len(set(_places(LOOK, Wanted(side=256, most=31)))) == 31


def test_an_empty_slide_and_one_smaller_than_a_tile_have_none() -> None:
    empty = replace(LOOK, overview=np.full_like(OVERVIEW, GLASS))
    with pytest.raises(UnfitError, match="no tile of it is tissue for 50% or more"):
        tiles_of(empty, Wanted())
    with pytest.raises(UnfitError, match="no tile of it is tissue"):
        tiles_of(replace(LOOK, width=100, height=50, overview=OVERVIEW[16:18, 32:36]), Wanted())


def test_a_header_that_says_any_size_costs_no_memory() -> None:
    with pytest.raises(UnfitError, match="it would have more than 16,777,216 tiles"):
        tiles_of(replace(LOOK, width=2**31, height=2**31), Wanted())


def test_a_slide_without_levels_is_not_read_whole_for_a_coarse_tile() -> None:
    assert MOST_PIXELS**0.5 < 2048 * 40
    flat = replace(LOOK, width=10**5, height=10**5, downsamples=(1.0,))
    with pytest.raises(UnfitError, match="it has no level near the resolution that is asked for"):
        tiles_of(flat, Wanted(mpp=20.0, side=2048))
