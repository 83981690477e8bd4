"""Mild copies of a picture: changes that no reader would mind and no ranking should."""

from io import BytesIO

import numpy as np
from einops import rearrange, repeat
from jaxtyping import Float
from PIL import Image

SHIFT = 2  # pixels
QUALITY = 85  # of JPEG, from 1 to 95
DEVIATION = 0.01  # of the noise, where black is 0 and white 1


def mild_copies(
    image: Float[np.ndarray, "channels height width"], seed: int
) -> dict[str, Float[np.ndarray, "channels height width"]]:
    """Return the copies of a picture in [0, 1] by name: `shift`, `jpeg` and `noise`.

    They are in [0, 1] too, and those of a grey picture, one channel or equal ones, are grey.

    Args:
        image: One or three channels.
        seed: Of the noise; pictures that share it share their noise.
    """
    return {
        "shift": shifted(image),
        "jpeg": compressed(image),
        "noise": noisy(image, seed),
    }


def shifted(
    image: Float[np.ndarray, "channels height width"],
) -> Float[np.ndarray, "channels height width"]:
    """Move a picture 2 px to the right; the left edge is repeated.

    Example:
        >>> shifted(np.array([[[0.1, 0.2, 0.3, 0.4]]]))
        array([[[0.1, 0.1, 0.1, 0.2]]])
    """
    width = image.shape[2]
    return np.pad(image, ((0, 0), (0, 0), (SHIFT, 0)), mode="edge")[:, :, :width]


def compressed(
    image: Float[np.ndarray, "channels height width"],
) -> Float[np.ndarray, "channels height width"]:
    """Store a picture in 8 bits as JPEG of quality 85, colour at half resolution, and read it."""
    values = (_without_equal_channels(image) * 255).round().astype(np.uint8)
    stored = BytesIO()
    pixels = np.ascontiguousarray(rearrange(values, "channel height width -> height width channel"))
    picture = Image.fromarray(pixels[:, :, 0] if len(values) == 1 else pixels)
    picture.save(stored, format="JPEG", quality=QUALITY, subsampling="4:2:0")
    planes = np.atleast_3d(np.asarray(Image.open(stored)))
    unit = (planes / 255).astype(image.dtype)
    return _with_channels(rearrange(unit, "height width channel -> channel height width"), image)


def noisy(
    image: Float[np.ndarray, "channels height width"], seed: int
) -> Float[np.ndarray, "channels height width"]:
    """Add Gaussian noise of standard deviation 0.01; values saturate at 0 and 1."""
    plain = _without_equal_channels(image)
    noise = np.random.default_rng(seed).normal(0, DEVIATION, plain.shape)
    return _with_channels((plain + noise).clip(0, 1).astype(image.dtype), image)


def _without_equal_channels(
    image: Float[np.ndarray, "channels height width"],
) -> Float[np.ndarray, "some height width"]:
    """Return one channel of a grey picture, and all those of a colour picture."""
    return image[:1] if (image == image[:1]).all() else image


def _with_channels(
    planes: Float[np.ndarray, "some height width"],
    image: Float[np.ndarray, "channels height width"],
) -> Float[np.ndarray, "channels height width"]:
    """Undo `_without_equal_channels`."""
    if len(planes) == len(image):
        return planes
    return repeat(planes, "1 height width -> channel height width", channel=len(image))
