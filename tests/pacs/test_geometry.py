"""Sizes that headers announce, against bytes written by hand from the standards."""

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000, UID, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from acir.errors import UnreadableImageError
from acir.pacs.geometry import frame_count, require_as_announced, require_modest

JPEG = bytes.fromhex("ffd8 ffe0 0004 0000 ff ffc1 000b 08 0006 000a 01 011100")
JPEG_LS = bytes.fromhex("ffd8 fff7 000b 08 0006 000a 01 011100")
# SOC, SIZ with its length and capabilities, then the grid and its offset: 13 - 3 by 8 - 2.
J2K = bytes.fromhex("ff4fff51 0029 0000 0000000d 00000008 00000003 00000002") + bytes(30)
JP2 = bytes.fromhex("0000000c 6a502020 0d0a870a 00000000 6a703263") + J2K
ANNOUNCED = "its compressed pixels are damaged or of another size than its header says"


def _header(**attributes: object) -> Dataset:
    dataset = Dataset()
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.BitsAllocated = 6, 10, 1, 16
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("attributes", "frames"),
    [
        ({}, 1),
        ({"NumberOfFrames": None}, 1),
        ({"NumberOfFrames": 5}, 5),
        ({"Rows": 1024, "Columns": 1024, "NumberOfFrames": 256}, 256),  # just fits
    ],
)
def test_a_picture_that_says_nothing_of_frames_has_one_and_what_fits_is_taken(
    attributes: dict[str, object], frames: int
) -> None:
    dataset = _header(**attributes)
    require_modest(dataset, "a")
    assert frame_count(dataset) == frames


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Rows": 0}, "its Rows is less than 1"),
        ({"Columns": None}, "its Columns is less than 1"),
        ({"BitsAllocated": 0}, "its BitsAllocated is less than 1"),
        ({"NumberOfFrames": -1}, "its NumberOfFrames is less than 1"),
        ({"SamplesPerPixel": 4}, "its SamplesPerPixel is neither 1 nor 3"),
        ({"NumberOfFrames": 2_000_000}, "it has more than 5,000 frames"),
        ({"Rows": 65535, "Columns": 65535}, "it has more than 89,478,485 pixels"),
        (
            {"Rows": 1024, "Columns": 1024, "NumberOfFrames": 257},
            "its frames take more than 512 MiB when decoded",
        ),
    ],
)
def test_a_header_that_no_picture_should_have_is_refused(
    attributes: dict[str, object], reason: str
) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        require_modest(_header(**attributes), "a")


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [(JPEGBaseline8Bit, JPEG), (JPEGLSLossless, JPEG_LS), (JPEG2000, J2K), (JPEG2000, JP2)],
)
def test_a_compressed_frame_has_the_size_that_its_header_says(syntax: UID, frame: bytes) -> None:
    require_as_announced(_header(), syntax, frame, "a")
    for other in (_header(Rows=7), _header(Columns=11)):
        with pytest.raises(UnreadableImageError, match=ANNOUNCED):
            require_as_announced(other, syntax, frame, "a")


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (JPEGBaseline8Bit, b""),
        (JPEGBaseline8Bit, b"\xff\xd8"),
        (JPEGBaseline8Bit, b"\xff\xd8\xff\xe0\xff\xff" + bytes(9)),
        (JPEG2000, JPEG),
        (JPEG2000, bytes.fromhex("00000001 6a502020") + J2K),
        (JPEG2000, bytes.fromhex("0000000c 6a502020 0d0a870a")),
    ],
)
def test_a_stream_without_a_size_is_refused(syntax: UID, frame: bytes) -> None:
    with pytest.raises(UnreadableImageError, match=ANNOUNCED):
        require_as_announced(_header(), syntax, frame, "a")


def test_run_lengths_that_would_unpack_to_far_more_are_refused() -> None:
    require_as_announced(_header(), RLELossless, bytes(4096 + 240), "a")
    with pytest.raises(UnreadableImageError, match="its compressed pixels are too many for its s"):
        require_as_announced(_header(), RLELossless, bytes(4096 + 241), "a")
