"""Where a slide has tissue: stains have colour, glass has none."""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageFilter

# As CLAM does it (Lu et al. 2021, doi:10.1038/s41551-020-00682-w), between its thresholds of 8
# and 20. One number for all slides: Otsu's threshold, which some take, divides empty glass too,
# and a pen mark moves it.
LEAST_SATURATION = 15  # of 255
MEDIAN = 7  # pixels of the overview: dust and single cells are no tissue
DARKEST = 50  # mean of the channels; CLAM's black patches: nothing was scanned there


def tissue(overview: UInt8[np.ndarray, "h w 3"]) -> Bool[np.ndarray, "h w"]:
    """Mark the pixels of an overview that show tissue.

    Example:
        >>> pink = np.full((8, 8, 3), (200, 120, 180), np.uint8)
        >>> bool(tissue(pink).all()), bool(tissue(np.full_like(pink, 240)).any())
        (True, False)
    """
    high, low = overview.max(-1).astype(np.uint16), overview.min(-1).astype(np.uint16)
    saturation = (255 * (high - low) // np.maximum(high, 1)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(saturation).filter(ImageFilter.MedianFilter(MEDIAN)))
    found: Bool[np.ndarray, "h w"] = (smooth > LEAST_SATURATION) & (overview.mean(-1) >= DARKEST)
    return found


def shares(
    mask: Bool[np.ndarray, "h w"], rows: Float[np.ndarray, " r"], columns: Float[np.ndarray, " c"]
) -> Float[np.ndarray, "r-1 c-1"]:
    """Return the share of tissue in each cell of a grid.

    Args:
        mask: Where there is tissue.
        rows: Where the cells begin and the last one ends, ascending, in pixels of the mask; a
            border may lie within a pixel, which then counts by its area.
        columns: The same across.

    Example:
        >>> ends = np.array([0, 1.5, 3])
        >>> shares(np.array([[True, False, False]] * 3), ends, ends).round(3).tolist()
        [[0.667, 0.0], [0.667, 0.0]]
    """
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    sums[1:, 1:] = mask.cumsum(0).cumsum(1)
    areas = np.diff(np.diff(_between(_between(sums, rows).T, columns).T, axis=0), axis=1)
    found: Float[np.ndarray, "r-1 c-1"] = areas / np.outer(np.diff(rows), np.diff(columns))
    return found


def _between(
    sums: Float[np.ndarray, "n m"], places: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "k m"]:
    """Interpolate between rows, which is exact: within a pixel a sum of areas is linear."""
    below: Int[np.ndarray, " k"] = np.minimum(places.astype(np.int64), len(sums) - 2)
    part = (places - below)[:, None]
    found: Float[np.ndarray, "k m"] = sums[below] * (1 - part) + sums[below + 1] * part
    return found
