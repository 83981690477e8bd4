"""What a caller may ask about, turned into a record: a path, an image or an array."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from acir.errors import SourceError, UnreadableImageError, UsageError
from acir.folders import readable
from acir.pacs import guard
from acir.pacs.frames import MIDDLE
from acir.pacs.reader import is_dicom
from acir.prep.decode import Picture as Decoded
from acir.prep.decode import decode, from_pillow, natural_range
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord

Picture = ImageRecord | Image.Image | Shaped[np.ndarray, "..."] | str | Path
"""What may be asked about: a record, a Pillow image, an 8- or 16-bit array, or a path."""

UNNAMED = "picture"


def as_record(picture: Picture, key: bytes) -> ImageRecord:
    """Turn whatever a caller has into a record.

    An array is `(h, w)` or `(h, w, 3)`, in any byte order; `acir.prep.decode.natural_range` says
    which of its values mean black and white.

    Args:
        picture: What a caller has.
        key: Secret for the keyed hashes of patients.

    Raises:
        UnreadableImageError: The file or the image cannot be decoded, or a value is not finite.
        SourceError: It is no single picture.
        UsageError: It is of no known type or shape.
    """
    if isinstance(picture, ImageRecord):
        return picture
    if isinstance(picture, str | Path):
        return _only_record(str(picture), key)
    if isinstance(picture, Image.Image):
        return _pillow_record(picture)
    if not isinstance(picture, np.ndarray) or picture.dtype.kind not in "buif":
        kind = picture.dtype if isinstance(picture, np.ndarray) else type(picture).__name__
        raise UsageError(
            f"a picture is a path, a Pillow image, an array of numbers or a record, not {kind}"
        )
    if np.ma.is_masked(picture):  # which has no values at some pixels
        raise UsageError("a masked array is no picture; fill it first, as by `picture.filled(0)`")
    picture = np.asarray(picture, picture.dtype.newbyteorder("="))  # subclasses behave otherwise
    try:
        return _lone_record(Decoded(picture, natural_range(picture)))
    except ValueError as error:
        if picture.size and not np.isfinite(picture).all():
            raise UnreadableImageError(UNNAMED, str(error)) from error
        raise UsageError(
            f"the array has shape {picture.shape}, expected (height, width) or (height, width, 3)"
        ) from error


def each(pictures: Iterable[Picture]) -> Iterable[Picture]:
    """Return several pictures as they are, such as a list or an array of shape `(n, h, w)`.

    One alone would be read letter by letter, or row by row.

    Raises:
        UsageError: It is one path or one picture, or nothing that could be several.
    """
    if isinstance(pictures, str | Path):
        raise UsageError(f"{str(pictures)!r} is one picture, expected several; give a list of them")
    if isinstance(pictures, np.ndarray) and (pictures.ndim < 3 or pictures.shape[2:] == (3,)):  # noqa: PLR2004 - n, height, width
        raise UsageError(
            f"an array of shape {pictures.shape} is one picture, expected several; give a list of "
            "them"
        )
    if not isinstance(pictures, Iterable):
        kind = type(pictures).__name__
        raise UsageError(f"{kind} is not several pictures; give a list of them")
    return pictures


def from_bytes(data: bytes, key: bytes, name: str, frame: int | None = None) -> ImageRecord:
    """Turn the content of a DICOM, PNG, JPEG, TIFF or BMP file into a record without identity.

    Args:
        data: The file.
        key: Secret for the keyed hashes of patients.
        name: What to call the picture; it must not identify.
        frame: Which frame of a DICOM file, from 1; None for the only one or the middle.

    Raises:
        UnreadableImageError: It cannot be decoded, or is too large.
    """
    if not is_dicom(data):
        return replace(_lone_record(decode(data, name)), id=name)
    found = guard.warm().read(data, key, name, frame=str(frame or MIDDLE))
    record = replace(_lone_record(found.picture), id=name)
    return replace(record, patient=found.patient, metadata=found.metadata)


def _pillow_record(image: Image.Image) -> ImageRecord:
    try:  # an image that Pillow has opened is decoded only now
        return _lone_record(from_pillow(image))
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableImageError(UNNAMED, str(error)) from error


def _lone_record(picture: Decoded) -> ImageRecord:
    return ImageRecord(
        id=UNNAMED,
        pixels=picture.pixels,
        value_range=picture.value_range,
        inverted=picture.inverted,
        split="test",
        draw=0.0,
    )


def _only_record(place: str, key: bytes) -> ImageRecord:
    found = list(islice(open_source(place, SourceOptions(key=key)).records(), 2))
    if len(found) != 1:
        raise SourceError(
            f"{place} holds {'several pictures' if found else 'no picture'}, expected one; name "
            "a single picture, or use `acir search` for many"
        )
    if isinstance(found[0], UnreadableImageError):
        raise found[0]
    return replace(found[0], id=readable(place))
