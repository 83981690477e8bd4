"""The secondary capture: what is drawn where, and what it says of itself."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acir.pacs.gallery import ACROSS, FRAME, MARGIN, WIDTH, Pictures, drawn, gallery
from acir.pacs.origin import origin
from made_answer import GREY, INSTANCE, MAKER, MakeDicom, about, answered, faults, query, reread

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def png(colour: tuple[int, int, int], size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def middles(page: np.ndarray) -> list[tuple[int, ...]]:
    """Return the colour amid each frame of the first row."""
    framed = (page[:, MARGIN : MARGIN + FRAME] == 60).all(axis=(1, 2))
    top = int(np.flatnonzero(framed)[0]) if framed.any() else MARGIN + 64
    row = page[top + FRAME // 2]
    return [
        tuple(int(v) for v in row[MARGIN + n * (FRAME + MARGIN) + FRAME // 2])
        for n in range(ACROSS)
    ]


def test_the_query_the_map_and_the_hits_stand_in_this_order() -> None:
    pictures = Pictures(png(RED), png(GREEN), {2: png(BLUE)})
    page = drawn(answered(), pictures, MAKER)
    assert page.shape[1] == WIDTH
    # The first hit has no small picture, and the fifth place holds nothing.
    assert middles(page) == [RED, GREEN, (0, 0, 0), BLUE, (0, 0, 0)]
    without = drawn(answered(), replace(pictures, heat_map=None), MAKER)
    assert middles(without)[:3] == [RED, (0, 0, 0), BLUE]


def test_a_picture_keeps_its_proportions() -> None:
    page = drawn(answered("unknown"), Pictures(png(RED, (20, 5)), None, {}), MAKER)
    red = (page == RED).all(axis=2)
    assert red.any(axis=0).sum() == FRAME
    assert red.any(axis=1).sum() == FRAME // 4


def test_more_hits_make_more_rows() -> None:
    hits = answered().hits
    eleven = replace(answered(), hits=tuple(replace(hits[0], rank=n) for n in range(1, 12)))
    one = drawn(answered(), Pictures(None, None, {}), MAKER)
    three = drawn(eleven, Pictures(None, None, {}), MAKER)
    assert (len(three) - len(one)) % 2 == 0
    assert len(three) > len(one) + 2 * FRAME


def test_long_text_stays_within_its_column() -> None:
    hit = replace(answered().hits[0], label="W" * 500)
    verdict = answered().verdict
    assert verdict is not None
    answer = replace(answered(), hits=(hit,), verdict=replace(verdict, reason="i" * 5000))
    page = drawn(answer, Pictures(None, None, {}), MAKER)
    edge = 2 * (FRAME + MARGIN)  # between the first hit and the empty third column
    below = page[MARGIN + 64 + FRAME + 2 :, edge + MARGIN : edge + MARGIN + 8]
    assert below.max() == 0


def test_it_says_that_text_is_burned_in_and_where_it_comes_from(make_dicom: MakeDicom) -> None:
    made = reread(gallery(about(make_dicom), answered(), Pictures(None, None, {}), MAKER))
    assert made.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture
    assert made.BurnedInAnnotation == "YES"
    assert made.ConversionType == "WSD"
    assert made.PatientOrientation in (None, "")
    assert (made.PhotometricInterpretation, made.SamplesPerPixel) == ("RGB", 3)
    assert np.array_equal(made.pixel_array, drawn(answered(), Pictures(None, None, {}), MAKER))
    (source,) = made.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == INSTANCE
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert "ReferencedFrameNumber" not in source


def test_the_frame_is_named(make_dicom: MakeDicom) -> None:
    found = origin(query(make_dicom, np.stack([GREY] * 4)), "a")
    made = gallery(found, answered(), Pictures(None, None, {}), MAKER)
    assert made.SourceImageSequence[0].ReferencedFrameNumber == 3


@pytest.mark.parametrize("state", ["known", "unknown"])
def test_a_validator_finds_no_error(make_dicom: MakeDicom, tmp_path: Path, state: str) -> None:
    answer = answered("unknown" if state == "unknown" else "known")
    made = gallery(about(make_dicom), answer, Pictures(png(RED), None, {}), MAKER)
    assert faults(made, tmp_path) == []
