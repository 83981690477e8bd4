"""Bytes of a PNG, JPEG, TIFF or BMP file to pixels, guarded against what such bytes can do."""

import warnings
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Literal

import numpy as np
from jaxtyping import Shaped
from PIL import Image, ImageOps, UnidentifiedImageError

from acir.errors import UnreadableImageError

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MAX_BYTES = 512 * 2**20
MAX_PIXELS = 89_478_485  # where Pillow begins to suspect a decompression bomb
CLOSED = "it is a folder that cannot be read"
LINKED = "it is a link to a folder, which is not followed; give the folder itself"
EXPECTED = "expected PNG, JPEG, TIFF or BMP"
WHITE_IS_ZERO = 0  # a TIFF's PhotometricInterpretation
PHOTOMETRIC_TAG = 262


@dataclass(frozen=True)
class Picture:
    """Pixels and what they mean, as `ImageRecord` explains it.

    Attributes:
        pixels: The pixels.
        value_range: The values of black and white.
        inverted: Whether these two change places.
        has_more_pages: Whether the file has pages after this one, which nobody reads.
    """

    pixels: Shaped[np.ndarray, "..."]
    value_range: tuple[float, float]
    inverted: bool = False
    has_more_pages: bool = False


def decode(data: bytes, name: str) -> Picture:
    """Decode the first page or frame of a picture, turned upright as its EXIF tag says.

    Grey of 8, 16 or 32 bit keeps its values; colour becomes three channels of 8 bit, for which
    Pillow takes the high byte of a 16-bit channel. A palette becomes colour, or grey where all its
    colours are. What is transparent is shown on black.

    Args:
        data: The file.
        name: What to call it in an error.

    Raises:
        UnreadableImageError: The bytes are too many, end early, are no picture or a huge one.
    """
    if not data:
        raise UnreadableImageError(name, "the file is empty", "truncated")
    if len(data) > MAX_BYTES:
        raise oversized(name)
    try:
        return _picture(data)
    except _TooLargeError as error:
        raise UnreadableImageError(name, str(error)) from error
    # A decoder fed with arbitrary bytes raises nearly anything: OSError, SyntaxError, IndexError,
    # struct.error, zlib.error, MemoryError and more. Pillow's words may hold memory addresses.
    except Exception as error:
        reason, code = _explained(data, error)
        raise UnreadableImageError(name, reason, code) from error


def decode_file(path: Path, name: str) -> Picture:
    """Read and decode a file; see `decode`.

    Raises:
        UnreadableImageError: The file is missing, cannot be opened, or is no picture.
    """
    return decode(read_file(path, name), name)


def read_file(path: Path, name: str) -> bytes:
    """Read a file, whose path no error tells.

    Raises:
        UnreadableImageError: It is missing, no file, cannot be opened, or is larger than
            `MAX_BYTES`.
    """
    try:
        found = path.stat()
        if S_ISDIR(found.st_mode):
            raise UnreadableImageError(name, LINKED if path.is_symlink() else CLOSED)
        if not S_ISREG(found.st_mode):  # which may never end
            raise UnreadableImageError(name, "it is a device or a pipe, not a file")
        if found.st_size > MAX_BYTES:
            raise oversized(name)
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or "there can be no such file"
        raise UnreadableImageError(name, reason) from None


def oversized(name: str) -> UnreadableImageError:
    """Return the error of a file above `MAX_BYTES`."""
    return UnreadableImageError(name, f"the file is larger than {MAX_BYTES >> 20} MiB")


def natural_range(pixels: Shaped[np.ndarray, "..."]) -> tuple[float, float]:
    """Return the values that mean black and white where nothing else says so.

    Unsigned integers of 8 and 16 bit use all values of their type, and floats within [0, 1] mean
    just that. Of other types, the smallest and the largest value of the picture are taken.

    Raises:
        ValueError: A value is not finite.
    """
    if pixels.dtype in (np.uint8, np.uint16):
        return 0.0, float(np.iinfo(pixels.dtype).max)
    low, high = float(pixels.min()), float(pixels.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("it has values that are not finite")
    if pixels.dtype.kind == "f" and low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1


class _TooLargeError(Exception):
    """A header announces more pixels than anyone would look at."""


def _picture(data: bytes) -> Picture:
    with warnings.catch_warnings():
        # Such as damaged EXIF data, and Pillow's bomb warning: `_opened` has a limit of its own.
        warnings.simplefilter("ignore")
        opened = _opened(data)
        has_more_pages = opened.format == "TIFF" and getattr(opened, "is_animated", False)
        return replace(from_pillow(opened), has_more_pages=has_more_pages)


def from_pillow(stored: Image.Image) -> Picture:
    """Turn an image that Pillow has opened or made into what `decode` makes of its file.

    Raises:
        ValueError: A value is not finite.
    """
    image = ImageOps.exif_transpose(stored)
    if not image.mode.startswith(("I", "F")):
        pixels = _eight_bit(image)
        return Picture(pixels, natural_range(pixels))
    pixels = _as_stored(np.asarray(image))
    # Of a TIFF whose zero is white, Pillow inverts 1 to 8 bit but nothing deeper.
    tags = getattr(stored, "tag_v2", {})
    return Picture(
        pixels, natural_range(pixels), inverted=tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO
    )


def _opened(data: bytes) -> Image.Image:
    too_large = f"it has more than {MAX_PIXELS:,} pixels, which may be a decompression bomb"
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _TooLargeError(too_large) from error
    if image.width * image.height > MAX_PIXELS:
        raise _TooLargeError(too_large)
    return image


def _as_stored(pixels: Shaped[np.ndarray, "h w"]) -> Shaped[np.ndarray, "h w"]:
    """Undo Pillow's habit of giving some 16-bit pictures as 32-bit, and a foreign byte order."""
    if pixels.dtype == np.int32 and pixels.min() >= 0 and pixels.max() <= np.iinfo(np.uint16).max:
        return pixels.astype(np.uint16)
    return pixels.astype(pixels.dtype.newbyteorder("="))


def _eight_bit(image: Image.Image) -> Shaped[np.ndarray, "..."]:
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        colour = np.asarray(Image.alpha_composite(black, opaque).convert("RGB"))
    else:
        colour = np.asarray(image.convert("RGB"))
    stored_as_colour = image.mode not in {"P", "PA", "LA", "La"}
    is_grey = (colour[:, :, :1] == colour).all()
    return colour if stored_as_colour or not is_grey else colour[:, :, 0].copy()


def _explained(data: bytes, error: Exception) -> tuple[str, Literal["unreadable", "truncated"]]:
    if "truncated" in str(error).lower() or _ends_early(data):
        return "the picture ends early", "truncated"
    if isinstance(error, UnidentifiedImageError):
        return f"its content is no picture, {EXPECTED}", "unreadable"
    if isinstance(error, ValueError) and "not finite" in str(error):
        return str(error), "unreadable"
    return "its content is damaged or of a kind that Pillow cannot decode", "unreadable"


def _ends_early(data: bytes) -> bool:
    """Whether the end that a format promises is missing."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data
    if data.startswith(b"BM"):
        return int.from_bytes(data[2:6], "little") > len(data)
    if data.startswith((b"II*\0", b"MM\0*")):
        return _directory_end(data) > len(data)
    return False


def _directory_end(data: bytes) -> int:
    """Say where the first directory of a TIFF ends (TIFF 6.0, section 2)."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    start = int.from_bytes(data[4:8], order)
    entries = int.from_bytes(data[start : start + 2], order)
    return start + 2 + 12 * entries
