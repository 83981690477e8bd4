"""Planes made larger, smaller or looked at from elsewhere."""

import numpy as np
from jaxtyping import Float
from PIL import Image
from scipy.ndimage import map_coordinates  # type: ignore[import-untyped]

from acir.robustness.case import Planes


def resized(
    planes: Float[np.ndarray, "planes rows columns"],
    height: int,
    width: int,
    how: Image.Resampling = Image.Resampling.BILINEAR,
) -> Float[np.ndarray, "planes {height} {width}"]:
    """Resize with antialiasing; a size that is already right changes nothing."""
    if planes.shape[1:] == (height, width):
        return planes
    images = [Image.fromarray(np.ascontiguousarray(p, np.float32)) for p in planes]
    smaller = [np.asarray(image.resize((width, height), how)) for image in images]
    return np.stack(smaller).astype(np.float64)


def placed(
    planes: Float[np.ndarray, "planes rows columns"],
    ground: Float[np.ndarray, "one_or_all height width"],
    top: int,
    left: int,
) -> Float[np.ndarray, "planes height width"]:
    """Lay planes on a ground, over what is there; a ground of one plane serves all."""
    result = np.repeat(ground, len(planes), axis=0) if len(ground) < len(planes) else ground.copy()
    height, width = planes.shape[1:]
    result[:, top : top + height, left : left + width] = planes
    return result


def looked_up(
    planes: Planes, places: Float[np.ndarray, "2 height width"], mode: str = "constant"
) -> Planes:
    """Take each pixel from a place, row and column, of the original, between its pixels linearly.

    Args:
        planes: The original.
        places: In pixels.
        mode: What lies beyond the edge: `constant` is black, `mirror` the picture again.
    """
    return np.stack([map_coordinates(plane, places, order=1, mode=mode) for plane in planes])


def centred_grid(height: int, width: int) -> Float[np.ndarray, "2 height width"]:
    """Return row and column of each pixel, in pixels from the centre."""
    grid = np.mgrid[0:height, 0:width].astype(np.float64)
    return np.asarray(grid - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None])
