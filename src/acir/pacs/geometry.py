"""How large a picture says it is, checked before anything is decoded.

A header of a few bytes can announce a picture that no memory holds, and so can the compressed
stream behind a harmless header; both are read here, by hand.
"""

from pydicom import Dataset
from pydicom.uid import UID, JPEG2000TransferSyntaxes, RLELossless

from acir.errors import UnreadableImageError
from acir.prep.decode import MAX_BYTES, MAX_PIXELS

MAX_FRAMES = 5000
SAMPLES = (1, 3)
POSITIVE = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "NumberOfFrames")
OPTIONAL = {"NumberOfFrames": 1}  # PS3.3 C.7.6.6: of multi-frame objects alone
CODESTREAM = b"\xff\x4f\xff\x51"  # SOC and SIZ, ISO/IEC 15444-1 A.4.1, A.5.1
CODESTREAM_BOX = b"jp2c"
START_OF_IMAGE = b"\xff\xd8"
# The SOF markers of ISO/IEC 10918-1 table B.1, and that of JPEG-LS (ISO/IEC 14495-1 C.1.2).
FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
SLACK = 4096


def frame_count(dataset: Dataset) -> int:
    """Return how many frames a picture has; without a word about it, one."""
    return _number(dataset, "NumberOfFrames")


def require_modest(dataset: Dataset, name: str) -> None:
    """Refuse a header whose picture would be too large, or none at all.

    Raises:
        UnreadableImageError: A number is missing or not positive, or numbers are too large.
    """
    for keyword in POSITIVE:
        if _number(dataset, keyword) < 1:
            raise UnreadableImageError(name, f"its {keyword} is less than 1")
    if dataset.SamplesPerPixel not in SAMPLES:
        raise UnreadableImageError(name, "its SamplesPerPixel is neither 1 nor 3")
    if frame_count(dataset) > MAX_FRAMES:
        raise UnreadableImageError(name, f"it has more than {MAX_FRAMES:,} frames")
    if dataset.Rows * dataset.Columns > MAX_PIXELS:
        raise UnreadableImageError(name, f"it has more than {MAX_PIXELS:,} pixels")
    if raw_bytes(dataset) * frame_count(dataset) > MAX_BYTES:
        raise UnreadableImageError(
            name, f"its frames take more than {MAX_BYTES >> 20} MiB when decoded"
        )


def raw_bytes(dataset: Dataset) -> int:
    """Return how many bytes one frame takes when decoded, rounded up."""
    bits: int = (
        dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * int(dataset.BitsAllocated)
    )
    return -(-bits // 8)


def require_as_announced(dataset: Dataset, syntax: UID, frame: bytes, name: str) -> None:
    """Refuse a compressed frame that is of another size than its header says.

    Raises:
        UnreadableImageError: It is, or its size cannot be found.
    """
    if syntax == RLELossless:  # it has no size of its own, but unpacks up to 64-fold
        if len(frame) > 2 * raw_bytes(dataset) + SLACK:
            raise UnreadableImageError(name, "its compressed pixels are too many for its size")
        return
    size = _j2k_size(frame) if syntax in JPEG2000TransferSyntaxes else _jpeg_size(frame)
    if size != (dataset.Rows, dataset.Columns):
        raise UnreadableImageError(
            name, "its compressed pixels are damaged or of another size than its header says"
        )


def _number(dataset: Dataset, keyword: str) -> int:
    value = dataset.get(keyword)
    return int(OPTIONAL.get(keyword, 0) if value is None or value == "" else value)


def _jpeg_size(stream: bytes) -> tuple[int, int] | None:
    """Walk the marker segments up to the frame header (ISO/IEC 10918-1 B.1.1, B.2.2)."""
    if not stream.startswith(START_OF_IMAGE):
        return None
    place = 2
    while place + 9 <= len(stream) and stream[place] == 0xFF:  # noqa: PLR2004 - of any marker
        marker = stream[place + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            place += 1
        elif marker in FRAME_MARKERS:
            header = stream[place + 5 : place + 9]
            return int.from_bytes(header[:2], "big"), int.from_bytes(header[2:], "big")
        else:
            place += 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
    return None


def _j2k_size(stream: bytes) -> tuple[int, int] | None:
    """Read the SIZ segment: the reference grid less its offset (ISO/IEC 15444-1 A.5.1)."""
    start = 0 if stream.startswith(CODESTREAM) else _start_within_boxes(stream)
    if start is None or not stream.startswith(CODESTREAM, start):
        return None
    width, height, left, top = (
        int.from_bytes(stream[at : at + 4], "big") for at in range(start + 8, start + 24, 4)
    )
    return height - top, width - left


def _start_within_boxes(stream: bytes) -> int | None:
    """Find the codestream of a JP2 file, which does not belong here but is (Annex I.4)."""
    place = 0
    while place + 8 <= len(stream):
        length, kind = (
            int.from_bytes(stream[place : place + 4], "big"),
            stream[place + 4 : place + 8],
        )
        if kind == CODESTREAM_BOX:
            return place + 8
        if length < 8:  # noqa: PLR2004 - of a box's own header
            return None
        place += length
    return None
