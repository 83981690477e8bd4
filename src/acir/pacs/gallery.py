"""An answer as a picture: Secondary Capture, for viewers that show no structured report."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from textwrap import wrap

import numpy as np
from highdicom.sc import SCImage
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.sr.codedict import codes

from acir.pacs.coding import scheme
from acir.pacs.origin import Origin
from acir.pacs.own import MANUFACTURER
from acir.pacs.result import Maker, described, inherit, nameless
from acir.types import Answer, Hit

SERIES_NUMBER = 9903
DESCRIPTION = "acir: verdict and similar cases, not for diagnosis"
FRAME = 192  # side of a picture, in pixels
LINE = 16
TEXT_LINES = 4  # below a picture
MARGIN = 12
ACROSS = 5  # pictures
WIDTH = MARGIN + ACROSS * (FRAME + MARGIN)
HEADING = 4  # lines above all
LETTERS = 200  # looked at of a line
ID_LETTERS = 16  # a line
BLACK, GREY, WHITE = (0, 0, 0), (60, 60, 60), (235, 235, 235)

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


@dataclass(frozen=True)
class Pictures:
    """What there is to show, each PNG.

    Attributes:
        query: What was asked, or None.
        heat_map: Where it differs from known images, laid over it, or None.
        hits: Small pictures of the hits, by rank; one without gets an empty frame.
    """

    query: bytes | None
    heat_map: bytes | None
    hits: Mapping[int, bytes]


def gallery(origin: Origin, answer: Answer, pictures: Pictures, maker: Maker) -> SCImage:
    """Write an answer as one colour image, which says that text is burned into it.

    Args:
        origin: The image that was asked about.
        answer: Its hits must carry nothing but pseudonyms; its verdict is given.
        pictures: Of the query and of the hits.
        maker: What answered.
    """
    source = nameless(origin)
    image = SCImage(
        pixel_array=drawn(answer, pictures, maker),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        study_instance_uid=source.StudyInstanceUID,
        coding_schemes=[scheme()],
        **described(maker, SERIES_NUMBER, DESCRIPTION),
    )
    image.add_new("PatientOrientation", "CS", None)  # the page lies in no patient (type 2C)
    image.ConversionType = "WSD"  # drawn by a workstation
    image.BurnedInAnnotation = "YES"
    image.SourceImageSequence = [_reference(source, origin.frame)]
    inherit(image, origin)
    return image


def drawn(answer: Answer, pictures: Pictures, maker: Maker) -> UInt8[np.ndarray, "height width 3"]:
    """Draw the page: what was found, then the query, the heat map and the hits in rows."""
    shown = [(pictures.query, ["the image"])]
    if pictures.heat_map is not None:
        shown.append((pictures.heat_map, ["where it differs", "from known images"]))
    shown += [(pictures.hits.get(hit.rank), _below(hit)) for hit in answer.hits]
    rows = -(-len(shown) // ACROSS)
    step = FRAME + TEXT_LINES * LINE + MARGIN
    top = MARGIN + HEADING * LINE
    page = Image.new("RGB", (WIDTH, top + rows * step), BLACK)
    pen = ImageDraw.Draw(page)
    _write(pen, (MARGIN, MARGIN), _heading(answer, maker), WIDTH - 2 * MARGIN)
    for number, (png, lines) in enumerate(shown):
        row, column = divmod(number, ACROSS)
        place = (MARGIN + column * (FRAME + MARGIN), top + row * step)
        _paste(page, pen, png, place)
        _write(pen, (place[0], place[1] + FRAME), lines, FRAME)
    return np.asarray(page)


def _heading(answer: Answer, maker: Maker) -> list[str]:
    assert answer.verdict is not None
    return [
        f"{MANUFACTURER} {maker.version}: not for diagnosis, verified by no person",
        f"{answer.verdict.verdict}: {answer.verdict.reason}",
        f"bundle {maker.bundle}",
    ]


def _below(hit: Hit) -> list[str]:
    return [
        f"{hit.rank}. similarity {hit.similarity:.3f}",
        hit.label,
        *wrap(hit.id, ID_LETTERS),
    ]


def _paste(
    page: Image.Image, pen: ImageDraw.ImageDraw, png: bytes | None, place: tuple[int, int]
) -> None:
    """Paste a picture into its frame, as large as it fits."""
    left, top = place
    pen.rectangle((left, top, left + FRAME - 1, top + FRAME - 1), fill=BLACK, outline=GREY)
    if png is None:
        return
    picture = Image.open(BytesIO(png)).convert("RGB")
    scale = FRAME / max(picture.size)
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    whole = picture.resize((size[0], size[1]), Image.Resampling.BILINEAR)
    page.paste(whole, (left + (FRAME - size[0]) // 2, top + (FRAME - size[1]) // 2))


def _write(pen: ImageDraw.ImageDraw, place: tuple[int, int], lines: list[str], width: int) -> None:
    font = ImageFont.load_default(LINE - 3)
    for number, line in enumerate(lines):
        pen.text((place[0], place[1] + number * LINE), _cut(line, width, font), WHITE, font)


def _cut(line: str, width: int, font: Font) -> str:
    """Return as much of a line as the width has room for."""
    if font.getlength(line[:LETTERS]) <= width and len(line) <= LETTERS:
        return line
    kept = line[:LETTERS]
    while font.getlength(f"{kept}…") > width:
        kept = kept[:-1]
    return f"{kept}…"


def _reference(source: Dataset, frame: int | None) -> Dataset:
    """Name the image that was asked about (PS3.3 C.7.6.1, General Reference)."""
    item, purpose = Dataset(), Dataset()
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    if frame is not None:
        item.ReferencedFrameNumber = frame
    code = codes.DCM.SourceImageForImageProcessingOperation
    purpose.CodeValue, purpose.CodeMeaning = code.value, code.meaning
    purpose.CodingSchemeDesignator = code.scheme_designator
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item
