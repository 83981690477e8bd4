"""Small files that would become large: what a decoder without limits would take all memory for."""

import io
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

MakeDicom = Callable[..., bytes]
HUGE = 65535
GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
DEFLATED = "1.2.840.10008.1.2.1.99"


def bombs(make_dicom: MakeDicom) -> dict[str, bytes]:
    """Return a bomb of each kind by its name."""
    return {
        "deflate, 2 GB": _deflated(make_dicom, 2 * 2**30),
        "RLE of 65535 x 65535": _compressed(make_dicom, RLELossless, _rle(), HUGE),
        "RLE that unpacks 64-fold": _compressed(make_dicom, RLELossless, _rle() * 4000, 8),
        "JPEG 2000 of 65535 x 65535": _compressed(make_dicom, JPEG2000Lossless, _j2k(), HUGE),
        "JPEG 2000, harmless header": _compressed(make_dicom, JPEG2000Lossless, _j2k(), 8),
        "JPEG, harmless header": _compressed(make_dicom, JPEGBaseline8Bit, _jpeg(0xC0), 8),
        "JPEG-LS, harmless header": _compressed(make_dicom, JPEGLSLossless, _jpeg(0xF7), 8),
        "2 million frames": make_dicom(GREY, NumberOfFrames=2_000_000),
        "5,000 frames of 64 MB": make_dicom(GREY, Rows=8000, Columns=8000, NumberOfFrames=5000),
        "zip, 256 MB": _zipped(2**28),
    }


def _deflated(make_dicom: MakeDicom, size: int) -> bytes:
    """Inflate to a picture of zeros that goes on: a flushed block may be repeated as it is."""
    dataset = dcmread(io.BytesIO(make_dicom(GREY, Rows=30000, Columns=35000)))
    del dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID.__class__(DEFLATED)
    plain = io.BytesIO()
    dataset.save_as(plain, enforce_file_format=True)
    whole = plain.getvalue()
    start = 144 + int.from_bytes(whole[140:144], "little")
    header = zlib.decompress(whole[start:], -zlib.MAX_WBITS)
    pixels = b"\xe0\x7f\x10\x00OW\0\0" + size.to_bytes(4, "little")
    block = 2**24
    first, again = _flushed(header + pixels), _flushed(bytes(block))
    return whole[:start] + first + again * (size // block) + b"\x03\x00"


def _flushed(plain: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(plain) + deflater.flush(zlib.Z_FULL_FLUSH)


def _compressed(make_dicom: MakeDicom, syntax: str, frame: bytes, side: int) -> bytes:
    dataset = dcmread(io.BytesIO(make_dicom(GREY)))
    dataset.Rows = dataset.Columns = side
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = type(dataset.file_meta.TransferSyntaxUID)(syntax)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _rle() -> bytes:
    """One segment of repeats, 128 bytes from two (PS3.5 G.3)."""
    return (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56) + b"\x81\0" * 500


def _jpeg(marker: int) -> bytes:
    side = HUGE.to_bytes(2, "big")
    return b"\xff\xd8\xff" + bytes((marker,)) + b"\0\x0b\x08" + side * 2 + b"\x01\x01\x11\0\xff\xd9"


def _j2k() -> bytes:
    """SOC and SIZ alone: the grid, no offset, one tile, one component of 8 bit."""
    side = HUGE.to_bytes(4, "big")
    tile = side * 2 + bytes(8)
    return (
        b"\xff\x4f\xff\x51\0\x29\0\0" + side * 2 + bytes(8) + tile + b"\0\x01\x07\x01\x01\xff\xd9"
    )


def _zipped(size: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(size))
    return file.getvalue()
