"""`Prep`: from record to the picture that the network sees, the same in training and search."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from einops import rearrange, repeat
from jaxtyping import Float, Float32
from PIL import Image

from acir.prep.pixels import grey, to_unit
from acir.types import ImageRecord


@dataclass(frozen=True)
class Prep:
    """Window, invert, pad to a square, resize, and give three channels.

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
        square = _resized(_padded(unit), self.size).clip(0, 1)
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
        whole = _resized(rearrange(square, "y x -> y x 1").astype(np.float32), side)[:, :, 0]
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
    square: Float[np.ndarray, "side side c"], size: int
) -> Float[np.ndarray, "size size c"]:
    """Resize with antialiasing; bilinear, so values stay in their range."""
    if len(square) == size:
        return square
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(square[:, :, channel])).resize(
                (size, size), Image.Resampling.BILINEAR
            )
        )
        for channel in range(square.shape[2])
    ]
    return np.stack(planes, axis=2)
