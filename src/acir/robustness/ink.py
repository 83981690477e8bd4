"""Words drawn in code: masks in [0, 1], where 1 is ink."""

import numpy as np
from jaxtyping import Float
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from acir.robustness.case import Planes
from acir.robustness.resample import resized

LETTERS = np.array(list("ABCDEFGHJKLMNPRSTUVXYZ0123456789"))
LINE_HEIGHT = 11  # of Pillow's bitmap font, in pixels; a letter is 6 wide
LETTER_WIDTH = 6

Mask = Float[np.ndarray, "height width"]


def random_words(random: Generator, lines: int, letters: int) -> list[str]:
    """Draw lines of capitals and digits: words that identify no one."""
    return ["".join(row) for row in random.choice(LETTERS, (lines, letters))]


def written(lines: list[str], height: int, width: int) -> Mask:
    """Write lines of equal length so that they fill a box.

    Pillow's bitmap font is used, which unlike its outlines is the same in every build.
    """
    size = (LETTER_WIDTH * len(lines[0]), LINE_HEIGHT * len(lines))
    page = Image.new("L", size)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default_imagefont()
    for number, line in enumerate(lines):
        pen.text((0, LINE_HEIGHT * number), line, fill=255, font=font)
    mask = np.asarray(page, np.float64) / 255
    return np.asarray(resized(mask[None], height, width, Image.Resampling.BOX)[0])


def inked(
    planes: Planes,
    mask: Float[np.ndarray, "rows columns"],
    shade: Float[np.ndarray, " planes"],
    top: int,
    left: int,
) -> Planes:
    """Put ink of a shade where a mask has it; its corner lies at `top` and `left`."""
    result = planes.copy()
    height, width = mask.shape
    under = result[:, top : top + height, left : left + width]
    result[:, top : top + height, left : left + width] = (
        under + (shade[:, None, None] - under) * mask
    )
    return result
