"""Which tiles of a slide are read, at which resolution."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from acir.slides.tissue import shares, tissue

MOST_PIXELS = 2**26  # that are read at once
MOST_CELLS = 2**24  # of the grid: a header may say any size
# A scanner's 20x is 0.46 to 0.51 micrometres a pixel: such differences are no enlargement.
LEAST_SCALE = 0.9
SAME_SCALE = 1.01  # downsamplings are of rounded sizes, such as 4.0002


class UnfitError(Exception):
    """A slide has no tiles as they are wanted; the reason is in words."""


@dataclass(frozen=True)
class Wanted:
    """How slides are cut.

    Attributes:
        mpp: Micrometres a pixel of a tile.
        side: Pixels along an edge of a tile.
        tissue: Least share of tissue in a tile, 0 to 1.
        most: Most tiles of one slide.
    """

    mpp: float = 0.5
    side: int = 256
    tissue: float = 0.5
    most: int = 100


@dataclass(frozen=True)
class Look:
    """What is known of a slide once it is open.

    Attributes:
        width: Pixels across at its finest level.
        height: Pixels down.
        downsamples: How many of these pixels one pixel of each level spans, from the finest.
        mpp: Micrometres a pixel at its finest level, or None where the file does not say.
        overview: All of it, small.
    """

    width: int
    height: int
    downsamples: tuple[float, ...]
    mpp: float | None
    overview: UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Tile:
    """A square of a slide.

    Attributes:
        x: Its left edge, in pixels of the finest level.
        y: Its upper edge.
        level: The level that it is read at.
        size: Pixels along its edge there.
        mpp: Micrometres a pixel once it has the wanted side, or None where unknown.
    """

    x: int
    y: int
    level: int
    size: int
    mpp: float | None


def tiles_of(look: Look, wanted: Wanted) -> list[Tile]:
    """Return the tiles of a slide, row by row from its upper left corner.

    The grid begins there and has no overlap; tiles that reach beyond the slide are left out. They
    are read at the coarsest level that is as fine as wanted. Where the resolution is unknown, the
    finest level is taken as it is. Of more than the most, every so many-th is taken.

    Raises:
        UnfitError: The slide is coarser than wanted, has no level near what is wanted, has too many
            tiles, or none with enough tissue.
    """
    scale = _scale(look, wanted)
    span = round(wanted.side * scale)
    level = _level(look.downsamples, scale)
    size = max(1, round(span / look.downsamples[level]))
    if size * size > MOST_PIXELS:
        raise UnfitError("it has no level near the resolution that is asked for")
    if (look.width // span) * (look.height // span) > MOST_CELLS:
        raise UnfitError(f"it would have more than {MOST_CELLS:,} tiles")
    mpp = None if look.mpp is None else look.mpp * span / wanted.side
    cells = _spread(_with_tissue(look, span, wanted.tissue), wanted.most)
    if not len(cells):
        raise UnfitError(f"no tile of it is tissue for {wanted.tissue:.0%} or more")
    return [Tile(int(x) * span, int(y) * span, level, size, mpp) for y, x in cells]


def _scale(look: Look, wanted: Wanted) -> float:
    """Return how many pixels of the finest level one pixel of a tile spans."""
    if look.mpp is None:
        return 1.0
    scale = wanted.mpp / look.mpp
    if scale < LEAST_SCALE:
        raise UnfitError(
            f"it has {look.mpp:.3g} micrometres a pixel, coarser than the {wanted.mpp:g} that are "
            "asked for; ask for more with ?mpp="
        )
    return scale


def _level(downsamples: tuple[float, ...], scale: float) -> int:
    fine = [level for level, one in enumerate(downsamples) if one <= scale * SAME_SCALE]
    return max(fine, key=lambda level: downsamples[level], default=0)


def _with_tissue(look: Look, span: int, least: float) -> Int[np.ndarray, "n 2"]:
    """Return the rows and columns of the grid where there is enough."""
    mask = tissue(look.overview)
    rows = np.arange(look.height // span + 1) * span * (mask.shape[0] / look.height)
    columns = np.arange(look.width // span + 1) * span * (mask.shape[1] / look.width)
    rounding = 1e-9
    return np.argwhere(shares(mask, rows, columns) >= least - rounding)


def _spread(cells: Int[np.ndarray, "n 2"], most: int) -> Int[np.ndarray, "m 2"]:
    """Keep so many at even distances."""
    if len(cells) <= most:
        return cells
    return cells[((np.arange(most) + 0.5) * len(cells) / most).astype(np.int64)]
