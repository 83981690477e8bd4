"""Words in a picture, read by the program `tesseract` where it is installed."""

import csv
import os
import shutil
import subprocess
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from acir.errors import AcirError
from acir.privacy.lettering import Box

PROGRAM = "tesseract"
SCATTERED = "11"  # page segmentation: text anywhere, in no order
SECONDS = 30
LARGE = 1000  # pixels; smaller pictures are enlarged, as small letters are read badly
WORD_ROW = "5"  # the level of a word in tesseract's table
LEAST_SIGNS, LEAST_CONFIDENCE = 3, 60.0  # of what counts as a word for certain


class OcrError(AcirError):
    """The program did not answer in time, or not as it should; without its words, which quote."""


def is_there() -> bool:
    """Whether pictures can be read."""
    return shutil.which(PROGRAM) is not None


def words(picture: UInt8[np.ndarray, "..."]) -> list[tuple[Box, bool]]:
    """Return the box of each word, and whether it is one for certain and no trick of the noise.

    Args:
        picture: `(h, w)` grey or `(h, w, 3)` colour, as it is shown.

    Raises:
        OcrError: The program failed, or needed more than half a minute.
    """
    image = Image.fromarray(picture).convert("L")
    scale = 1 if max(image.size) > LARGE else 2
    png = BytesIO()
    image.resize((image.width * scale, image.height * scale), Image.Resampling.BICUBIC).save(
        png, "PNG"
    )
    return [
        (_box(row, scale), _is_certain(row))
        for row in _table(png.getvalue())
        if row["text"].strip()
    ]


def _table(png: bytes) -> list[dict[str, str]]:
    command = [PROGRAM, "stdin", "stdout", "--psm", SCATTERED, "tsv"]
    try:
        done = subprocess.run(
            command,
            input=png,
            capture_output=True,
            check=True,
            timeout=SECONDS,
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},
        )
    except (OSError, subprocess.SubprocessError):
        raise OcrError(
            f"{PROGRAM} failed, or gave no answer within {SECONDS} s; try it by hand"
        ) from None
    lines = done.stdout.decode(errors="replace").splitlines()
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [row for row in rows if row["level"] == WORD_ROW]


def _is_certain(row: dict[str, str]) -> bool:
    signs = sum(sign.isalnum() for sign in row["text"])
    return signs >= LEAST_SIGNS and float(row["conf"]) >= LEAST_CONFIDENCE


def _box(row: dict[str, str], scale: int) -> Box:
    left, top, width, height = (int(row[key]) for key in ("left", "top", "width", "height"))
    margin = scale * 2
    return Box(
        max(0, left - margin) // scale,
        max(0, top - margin) // scale,
        (left + width + margin) // scale + 1,
        (top + height + margin) // scale + 1,
    )
