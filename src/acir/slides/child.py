"""The process that reads a slide: `python -m acir.slides.child MEMORY BYTES SECONDS`.

`acir.slides.opened` starts it. It is given the path of one slide, and then tiles to read. Labels
and macro pictures, which slides carry beside their levels and which show names, are not touched.
"""

import os
import sys
from math import log

import numpy as np
from openslide import (
    PROPERTY_NAME_MPP_X,
    PROPERTY_NAME_MPP_Y,
    PROPERTY_NAME_OBJECTIVE_POWER,
    OpenSlide,
    OpenSlideError,
    OpenSlideUnsupportedFormatError,
)
from PIL import Image

from acir.disposable.child import Said, serve
from acir.disposable.messages import Message, said_of_pixels
from acir.errors import UnreadableImageError
from acir.slides.tiles import MOST_PIXELS

OVERVIEW = 32  # pixels of the finest level to one of the overview: some 8 micrometres
MPP_AT_ONE = 10.0  # micrometres a pixel without magnification: 0.25 at 40x, 0.5 at 20x
WHITE = (255, 255, 255, 255)


class Reader:
    """Answers about one slide after it was told its path."""

    def answer(self, data: bytes, request: Message) -> Said:
        """Open the slide at a path and look at it, or read a tile.

        Raises:
            UnreadableImageError: It is no slide, or damaged.
        """
        name = request["name"]
        try:
            return self._tile(*request["tile"]) if "tile" in request else self._look(data, name)
        except OpenSlideUnsupportedFormatError:
            reason = "its content is no whole slide of a kind that OpenSlide reads"
        except OpenSlideError:
            reason = "its content is damaged"
        raise UnreadableImageError(name, reason)

    def _look(self, path: bytes, name: str) -> Said:
        self._slide = slide = OpenSlide(os.fsdecode(path))
        overview = np.asarray(_overview(slide, name))
        said = {
            "kind": "look",
            "size": slide.dimensions,
            "downsamples": slide.level_downsamples,
            "mpp": _mpp(slide),
        }
        return {**said, **said_of_pixels(overview)}, overview

    def _tile(self, x: int, y: int, level: int, size: int, side: int) -> Said:
        tile = _shown(self._slide.read_region((x, y), level, (size, size)))
        if size != side:
            tile = tile.resize((side, side), Image.Resampling.LANCZOS)
        pixels = np.asarray(tile)
        return {"kind": "tile", **said_of_pixels(pixels)}, pixels


def _overview(slide: OpenSlide, name: str) -> Image.Image:
    """Return the level nearest to an overview, made smaller where it is much larger."""
    small = [
        level
        for level, (width, height) in enumerate(slide.level_dimensions)
        if width * height <= MOST_PIXELS
    ]
    if not small:
        raise UnreadableImageError(
            name, f"it has no level of at most {MOST_PIXELS:,} pixels to look for tissue in"
        )
    scales = slide.level_downsamples
    level = min(small, key=lambda one: abs(log(scales[one] / OVERVIEW)))
    whole = _shown(slide.read_region((0, 0), level, slide.level_dimensions[level]))
    factor = min(max(1, round(OVERVIEW / scales[level])), *whole.size)
    return whole.reduce(factor)


def _shown(region: Image.Image) -> Image.Image:
    """Show glass where nothing was scanned."""
    return Image.alpha_composite(Image.new("RGBA", region.size, WHITE), region).convert("RGB")


def _mpp(slide: OpenSlide) -> float | None:
    """Return micrometres a pixel by what the file says of them, else of its magnification."""
    across, down, power = (
        _number(slide.properties.get(key))
        for key in (PROPERTY_NAME_MPP_X, PROPERTY_NAME_MPP_Y, PROPERTY_NAME_OBJECTIVE_POWER)
    )
    if across and down:
        return (across + down) / 2
    return MPP_AT_ONE / power if power else None


def _number(text: str | None) -> float | None:
    """Return a positive number, or None for what is none."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < np.inf else None


if __name__ == "__main__":
    serve(Reader().answer, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
