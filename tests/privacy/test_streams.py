"""Words in compressed pictures, by Pillow or by hand, and what decoders make of the rest."""

from collections.abc import Callable
from io import BytesIO

import jpeg_ls  # type: ignore[import-untyped]
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from acir.pacs.release import release
from acir.privacy.deid import Profile
from acir.privacy.streams import without_words

GREY = np.random.default_rng(0).integers(0, 256, (40, 56), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)
CANARY = b"CANARY^PATRICIA"
COM = b"\xff\xfe" + (2 + len(CANARY)).to_bytes(2, "big") + CANARY
COM_J2K = b"\xff\x64" + (4 + len(CANARY)).to_bytes(2, "big") + b"\0\1" + CANARY
AFTER = b"ELMSTREET"
UIDS = {"StudyInstanceUID": "1.2.7.1", "SeriesInstanceUID": "1.2.7.2", "SOPInstanceUID": "1.2.7.3"}
MakeDicom = Callable[..., bytes]


def _jpeg(pixels: np.ndarray, **more: object) -> bytes:
    exif = Image.Exif()
    exif[315] = CANARY.decode()  # Artist
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", exif=exif, comment=CANARY, **more)
    return buffer.getvalue()


def _j2k(pixels: np.ndarray, no_jp2: bool = True) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG2000", no_jp2=no_jp2, comment=CANARY, mct=0)
    return buffer.getvalue()


def _pixels(stream: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(stream)))


@pytest.mark.parametrize("pixels", [GREY, COLOUR])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("rows", [0, 1])
def test_jpeg_keeps_its_pixels_and_no_word(
    pixels: np.ndarray, progressive: bool, rows: int
) -> None:
    stream = _jpeg(pixels, progressive=progressive, restart_marker_rows=rows)
    assert stream.count(CANARY) == 2
    stripped = without_words(stream + AFTER)
    assert len(stripped) == len(stream)
    assert CANARY not in stripped
    assert np.array_equal(_pixels(stripped), _pixels(stream))


def test_what_says_the_colours_of_jpeg_stays() -> None:
    buffer = BytesIO()
    Image.fromarray(COLOUR).save(buffer, "JPEG", keep_rgb=True)  # Adobe's segment says so
    stream = without_words(buffer.getvalue())
    assert b"Adobe" in stream
    assert np.array_equal(_pixels(stream), _pixels(buffer.getvalue()))


def test_a_small_copy_of_the_picture_is_gone() -> None:
    copy = b"\xff\xe0" + (2 + 5 + 48).to_bytes(2, "big") + b"JFXX\0" + b"\x37" * 48
    stream = _jpeg(GREY)
    assert b"\x37" * 48 not in without_words(stream[:20] + copy + stream[20:])


@pytest.mark.parametrize("no_jp2", [True, False])
@pytest.mark.parametrize("pixels", [GREY, COLOUR])
def test_jpeg_2000_keeps_its_pixels_and_no_word(pixels: np.ndarray, no_jp2: bool) -> None:
    stream = _j2k(pixels, no_jp2)
    assert CANARY in stream
    stripped = without_words(stream + AFTER)
    assert stripped.startswith(b"\xff\x4f\xff\x51")
    assert stripped.endswith(b"\xff\xd9")
    assert CANARY not in stripped
    assert np.array_equal(_pixels(stripped), _pixels(stream))


def test_a_comment_in_a_tile_part_of_jpeg_2000_is_gone() -> None:
    stream = _j2k(GREY)
    place = stream.index(b"\xff\x90")
    length = int.from_bytes(stream[place + 6 : place + 10], "big") + len(COM_J2K)
    part = stream[place : place + 6] + length.to_bytes(4, "big") + stream[place + 10 : place + 12]
    longer = stream[:place] + part + COM_J2K + stream[place + 12 :]
    assert np.array_equal(_pixels(longer), GREY)
    assert CANARY not in without_words(longer)
    assert np.array_equal(_pixels(without_words(longer)), GREY)


def test_jpeg_ls_keeps_its_pixels_and_no_word() -> None:
    stream = bytes(jpeg_ls.encode_array(GREY))
    stripped = without_words(stream[:2] + COM + stream[2:] + AFTER)
    assert CANARY not in stripped
    assert AFTER not in stripped
    assert np.array_equal(jpeg_ls.decode(np.frombuffer(stripped, np.uint8)), GREY)


@pytest.mark.parametrize("stream", [_jpeg(GREY), _j2k(GREY)])
def test_a_stream_that_ends_early_keeps_what_there_is_and_no_word(stream: bytes) -> None:
    for end in range(2, len(stream), 7):
        assert CANARY[:4] not in without_words(stream[:end])


@pytest.mark.parametrize(
    "stream",
    [
        b"\xff\xd8" + CANARY,
        b"\xff\x4f" + CANARY,
        b"\xff\x4f\xff\x93" + CANARY,
        b"\xff\x4f\xff\x90\0\x0a\0\0\0\0\0\1\0\1\xff\x93" + CANARY,
    ],
)
def test_a_stream_that_cannot_be_told_apart_is_refused(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r"no (marker|tile-part)"):
        without_words(stream)


@pytest.mark.parametrize(
    ("syntax", "stream"),
    [(JPEGBaseline8Bit, _jpeg(GREY)), (JPEG2000Lossless, _j2k(GREY)), (JPEGLSLossless, b"")],
)
def test_a_released_file_has_no_word_in_its_frames(
    make_dicom: MakeDicom, syntax: UID, stream: bytes
) -> None:
    if syntax == JPEGLSLossless:
        plain = bytes(jpeg_ls.encode_array(GREY))
        stream = plain[:2] + COM + plain[2:]
    found = dcmread(BytesIO(make_dicom(np.stack([GREY, GREY]), **UIDS)))
    found.file_meta.TransferSyntaxUID = syntax
    found.PixelData = encapsulate([stream, stream + AFTER + b"\0"])
    found["PixelData"].is_undefined_length = True
    buffer = BytesIO()
    found.save_as(buffer)
    content = release(buffer.getvalue(), Profile(bytes(range(32))), "a").content
    assert CANARY not in content
    assert AFTER not in content
    after = dcmread(BytesIO(content))
    assert np.array_equal(after.pixel_array, found.pixel_array)


def test_run_lengths_stay_as_they_are_and_a_frame_too_many_goes(make_dicom: MakeDicom) -> None:
    found = dcmread(BytesIO(make_dicom(GREY, **UIDS)))
    found.compress(RLELossless, generate_instance_uid=False)
    (frame,) = generate_frames(found.PixelData, number_of_frames=1)
    found.PixelData = encapsulate([frame, CANARY + b"\0"])
    buffer = BytesIO()
    found.save_as(buffer)
    content = release(buffer.getvalue(), Profile(bytes(range(32))), "a").content
    assert CANARY not in content
    assert np.array_equal(dcmread(BytesIO(content)).pixel_array, GREY)
