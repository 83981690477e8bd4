"""`Prep`: from record to the picture that the network sees, the same in training and search."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from einops import rearrange, repeat
from jaxtyping import Float, Float32
from PIL import Image

from acir.prep.pixels import grey, to_unit
from acir.prep.preflight import MOST_TIMES_AS_LONG
from acir.types import ImageRecord

LONG = 4096  # pixels along a strip that are enough for any network


@dataclass(frozen=True)
class Prep:
    """Window, invert, pad to a square, resize, and give three channels.

    A picture so long that the pre-flight refuses it is made smaller first.

    Attributes:
        size: Side of the square, in pixels.
        colour: Whether colour is kept; else three equal channels are given.
    """

    size: int
    colour: bool

    def __call__(self, record: ImageRecord) -> Float[np.ndarray, "3 size size"]:
        """Return the picture in [0, 1]."""
        unit = to_unit(record)
        if not self.colour:
            unit = grey(unit)
        square = _resized(_padded(_shortened(unit)), self.size, self.size).clip(0, 1)
        if square.shape[2] == 1:
            square = repeat(square, "height width 1 -> height width 3")
        return np.ascontiguousarray(
            rearrange(square, "height width channel -> channel height width")
        )

    def on_picture(
        self, square: Float[np.ndarray, "size size"], height: int, width: int
    ) -> Float32[np.ndarray, "height width"]:
        """Lay values of the prepared picture over the picture that it was made of.

        Between the values it is interpolated; those of the padding are cut off.

        Args:
            square: A value for each pixel of the prepared picture.
            height: Of the picture, in pixels.
            width: Likewise.
        """
        side = max(height, width)
        whole = _resized(rearrange(square, "y x -> y x 1").astype(np.float32), side, side)[:, :, 0]
        top, left = (side - height) // 2, (side - width) // 2
        return whole[top : top + height, left : left + width]

    def converts(self, record: ImageRecord) -> bool:
        """Whether a record has other channels than the model keeps."""
        return record.is_colour != self.colour

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `from_dict` reads back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Prep":
        """Read what `to_dict` wrote."""
        return cls(size=values["size"], colour=values["colour"])


def _shortened(unit: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h2 w2 c"]:
    """Make a strip smaller: the square around one of a few kilobytes would fill the memory.

    The pre-flight refuses such a picture; it may be stored or asked about all the same.
    """
    short, long = sorted(unit.shape[:2])
    if long <= max(LONG, MOST_TIMES_AS_LONG * short):
        return unit
    height, width = (max(1, round(side * LONG / long)) for side in unit.shape[:2])
    return _resized(unit, height, width)


def _padded(unit: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "side side c"]:
    """Pad with black to a square, the picture in the middle: its proportions carry meaning."""
    height, width, channels = unit.shape
    side = max(height, width)
    if height == width:
        return unit
    square = np.zeros((side, side, channels), dtype=np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = unit
    return square


def _resized(
    picture: Float[np.ndarray, "h w c"], height: int, width: int
) -> Float[np.ndarray, "height width c"]:
    """Resize with antialiasing; bilinear, so values stay in their range."""
    if picture.shape[:2] == (height, width):
        return picture
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(picture[:, :, channel])).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for channel in range(picture.shape[2])
    ]
    return np.stack(planes, axis=2)
