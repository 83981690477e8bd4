"""Copy a SOURCE to a zip without colour and fine detail, so that only content tells kinds apart.

    python benchmarks/grey_and_blurred.py cells.zip cells-grey.zip

Colour and sharpness are shortcuts: any statistic of the pixels tells a coloured cell from a grey
radiograph. Both made grey and equally blurred, the gate has to know what it sees. Pictures are
resized to 64 pixels first, so that the blur (a Gaussian of 1 pixel) is the same for all.
"""

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from acir.prep.pixels import grey, to_unit
from acir.sources.base import open_source

SIDE = 64
BLUR_PIXELS = 1


def main() -> None:
    """Write the copy: folders of splits, then of classes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    with zipfile.ZipFile(asked.out, "w") as archive:
        for number, record in enumerate(open_source(asked.source)):
            plane = (grey(to_unit(record))[:, :, 0] * 255).round().astype(np.uint8)
            picture = Image.fromarray(plane).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            buffer = io.BytesIO()
            picture.filter(ImageFilter.GaussianBlur(BLUR_PIXELS)).save(buffer, "PNG")
            label = record.labels[0] if record.labels else "unknown"
            archive.writestr(f"{record.split}/{label}/{number:06d}.png", buffer.getvalue())


if __name__ == "__main__":
    main()
