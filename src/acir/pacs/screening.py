"""No picture leaves a DICOM file with a name in its pixels: blacked out, or kept back."""

import numpy as np
from jaxtyping import Bool, Shaped, UInt8
from pydicom import Dataset

from acir.errors import UnreadableImageError
from acir.prep.decode import Picture
from acir.privacy.burned_in import is_risky, judge


def screened(dataset: Dataset, picture: Picture, name: str) -> Picture:
    """Return a picture as it may be shown; one of an ordinary kind comes back as it is.

    Args:
        dataset: What its file says of it.
        picture: A frame.
        name: What to call the file in an error.

    Raises:
        UnreadableImageError: Text may be left in it, so that a person has to look first.
    """
    if not is_risky(dataset):
        return picture
    found = judge(dataset, [as_shown(picture)])
    if found.doubt is not None:
        raise UnreadableImageError(name, kept_back(found.doubt))
    if found.black is None:
        return picture
    colour = picture.pixels.ndim > found.black.ndim
    pixels = blacked(picture.pixels, found.black, _black(picture), colour)
    return Picture(pixels, picture.value_range, picture.inverted)


def as_shown(picture: Picture) -> UInt8[np.ndarray, "..."]:
    """Return a frame in the grey levels or colours, 0 to 255, in which it is shown."""
    low, high = picture.value_range
    unit = ((picture.pixels.astype(np.float64) - low) / (high - low)).clip(0, 1)
    levels: UInt8[np.ndarray, ...] = np.rint(255 * (1 - unit if picture.inverted else unit)).astype(
        np.uint8
    )
    return levels


def kept_back(doubt: str) -> str:
    """Say why a picture is kept back and what to do."""
    return f"it is kept back, as text may be burned into its pixels: {doubt}; look at it first"


def blacked(
    pixels: Shaped[np.ndarray, "..."], black: Bool[np.ndarray, "h w"], value: float, colour: bool
) -> Shaped[np.ndarray, "..."]:
    """Return a copy of pixels, of one frame or of several, with some of them at a value.

    A value beyond what the type can hold becomes the nearest that it can.
    """
    copy = pixels.copy()
    if pixels.dtype.kind in "iu":
        limits = np.iinfo(pixels.dtype)
        value = min(max(round(value), limits.min), limits.max)
    if colour:
        copy[..., black, :] = value
    else:
        copy[..., black] = value
    return copy


def _black(picture: Picture) -> float:
    return picture.value_range[1 if picture.inverted else 0]
