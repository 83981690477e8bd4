"""Pictures as the bad-input suite takes them, and what it makes of them as records."""

from collections.abc import Sequence

import numpy as np
from einops import rearrange, repeat
from jaxtyping import Float32
from PIL import Image
from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

from acir.prep.pixels import grey, to_unit
from acir.robustness.corruption import SMALLEST, Corruption
from acir.types import ImageRecord

OTHERS = 7
BLUR_PIXELS = 1
WHITE = 255

Planes = Float32[np.ndarray, "planes height width"]


class Corrupter:
    """Corrupt pictures in turn; picture i with seed i, so that no draw depends on the others.

    A picture is first made as large as the network sees it, or the noise of a large one would
    vanish when it is made small. What a corruption mixes in comes from pictures far away in
    the order, which are mostly of other classes.

    Args:
        pictures: At least eight.
        side: Longer side of a corrupted picture in pixels; more where the shorter would be
            below 28.
    """

    def __init__(self, pictures: Sequence[ImageRecord], side: int) -> None:
        self._pictures = pictures
        self._planes = [planes(record, side) for record in pictures]

    def __call__(self, corruption: Corruption, severity: int) -> list[ImageRecord]:
        """Return every picture corrupted, as a file of 8 bits would hold it."""
        return [
            as_stored(
                corruption.apply(self._planes[row], severity, seed=row, others=self._others(row)),
                record,
            )
            for row, record in enumerate(self._pictures)
        ]

    def _others(self, row: int) -> list[Planes]:
        count = len(self._planes)
        step = count // (OTHERS + 1)
        places = [(row + k * step) % count for k in range(1, OTHERS + 1)]
        return [fitted(self._planes[place], self._planes[row].shape) for place in places]


def planes(record: ImageRecord, side: int) -> Planes:
    """Return a picture in [0, 1], one plane or three, with the longer side given.

    The shorter side has at least the 28 pixels that the suite asks for.
    """
    unit = rearrange(to_unit(record), "h w c -> c h w")
    height, width = unit.shape[1:]
    scale = max(side / max(height, width), SMALLEST / min(height, width))
    return _resized(unit, max(SMALLEST, round(scale * height)), max(SMALLEST, round(scale * width)))


def fitted(other: Planes, shape: tuple[int, ...]) -> Planes:
    """Return a picture with the planes, height and width of another."""
    count, height, width = shape
    if len(other) > count:
        other = rearrange(grey(rearrange(other, "c h w -> h w c")), "h w c -> c h w")
    elif len(other) < count:
        other = repeat(other, "1 h w -> c h w", c=count)
    return _resized(other, height, width)


def as_stored(changed: Planes, record: ImageRecord) -> ImageRecord:
    """Return a corrupted picture as the record that a file of it would give."""
    whole = (changed * WHITE).round().astype(np.uint8)
    colour = len(whole) > 1
    return ImageRecord(
        id=record.id,
        pixels=rearrange(whole, "c h w -> h w c") if colour else whole[0],
        value_range=(0.0, float(WHITE)),
        split="test",
        draw=record.draw,
        labels=record.labels,
    )


def equalised(record: ImageRecord, side: int) -> ImageRecord:
    """Return a copy without colour, of one size and of one sharpness, so that only content tells.

    Every statistic of the pixels tells a coloured cell from a grey radiograph, and a small picture
    enlarged from a large one.
    """
    plane = rearrange(grey(rearrange(planes(record, side), "c h w -> h w c")), "h w c -> c h w")
    smooth = gaussian_filter(plane, (0, BLUR_PIXELS, BLUR_PIXELS), mode="nearest")
    return as_stored(smooth.clip(0, 1), record)


def _resized(picture: Float32[np.ndarray, "planes _ _"], height: int, width: int) -> Planes:
    """Resize with antialiasing; the bilinear filter keeps values within [0, 1]."""
    if picture.shape[1:] == (height, width):
        return picture
    bilinear = Image.Resampling.BILINEAR
    resized: Planes = np.stack(
        [np.asarray(Image.fromarray(plane).resize((width, height), bilinear)) for plane in picture]
    )
    return resized.clip(0, 1)
