"""The values of a picture as a viewer needs them: decoded here, so that no page needs a decoder."""

from dataclasses import dataclass

import numpy as np

from acir.types import ImageRecord

MOST = 2**16 - 1


@dataclass(frozen=True)
class Frame:
    """A grey picture with 16 bits a pixel.

    Attributes:
        data: Numbers row by row, unsigned, the low byte first.
        width: Pixels a row.
        height: Rows.
        offset: Value of the number 0.
        scale: Values a step: a value is `offset + scale * number`.
        low: The value that the picture's own window shows black.
        high: The value that it shows white.
        inverted: Whether black and white change places.
    """

    data: bytes
    width: int
    height: int
    offset: float
    scale: float
    low: float
    high: float
    inverted: bool


def frame_of(record: ImageRecord) -> Frame | None:
    """Return the values of a picture, not windowed; None for one in colour.

    Whole numbers that span at most 65535 are exact; other values are rounded to 65536 steps.
    """
    if record.is_colour:
        return None
    pixels = record.pixels
    low, high = pixels.min().item(), pixels.max().item()
    whole = pixels.dtype.kind in "bui" and int(high) - int(low) <= MOST
    scale = 1.0 if whole or high == low else (float(high) - float(low)) / MOST
    if whole:
        numbers = pixels.astype(np.int64) - int(low)
    else:
        numbers = np.rint((pixels.astype(np.float64) - low) / scale)
    height, width = pixels.shape
    return Frame(
        data=numbers.astype("<u2").tobytes(),
        width=width,
        height=height,
        offset=float(low),
        scale=scale,
        low=float(record.value_range[0]),
        high=float(record.value_range[1]),
        inverted=record.inverted,
    )
