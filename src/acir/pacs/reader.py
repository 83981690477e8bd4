"""A DICOM file to a picture without identity.

Errors are in words of our own: a parser's may quote the values that it met, a name among them.
"""

import logging
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from io import BytesIO
from types import MappingProxyType

import numpy as np
from jaxtyping import Shaped
from pydicom import Dataset, FileDataset, dcmread
from pydicom.pixels.utils import get_expected_length, pixel_array
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from acir.errors import UnreadableImageError, UsageError
from acir.pacs.screening import screened
from acir.pacs.voi import shown
from acir.prep.decode import MAX_BYTES, MAX_PIXELS, Picture, oversized
from acir.privacy.pseudonym import draw_key, pseudonym
from acir.types import pixel_hash

HEAD = 132  # bytes that `is_dicom` looks at
MAGIC = slice(128, HEAD)
META_LENGTH = slice(140, 144)  # the value of (0002,0000), the first element of the file meta
META_START = 144
MAX_META = 4096
# Decoders are chosen here, never by pydicom, which takes whatever is installed.
DECODERS: Mapping[UID, str] = {
    RLELossless: "pydicom",
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEG2000Lossless: "pillow",
    JPEG2000: "pillow",
}
IDENTIFIERS = ("PatientID", "AccessionNumber", "StudyID", "StudyInstanceUID", "SeriesInstanceUID")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
ALLOWED = ("Modality", "BodyPartExamined")
CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")  # PS3.5 6.2, value representation CS
FRAME_MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


@dataclass(frozen=True)
class DicomPicture:
    """A picture and what may be known about it.

    Attributes:
        id: Keyed hash of the SOP Instance UID.
        picture: Values after the modality transformation, and which of them are shown.
        patient: Keyed hash of the Patient ID, or None where there is none.
        draw_key: What decides the split, the same for all pictures of the patient; it stays in
            memory.
        label: The given label, or None where it names the patient or the study.
        metadata: Modality and body part.
    """

    id: str
    picture: Picture
    patient: str | None
    draw_key: str = field(repr=False)
    label: str | None
    metadata: Mapping[str, str]


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as a DICOM file does, after its preamble of 128 bytes."""
    return head[MAGIC] == b"DICM"


def read(data: bytes, key: bytes, name: str, label: str | None = None) -> DicomPicture:
    """Read the picture of a DICOM file; of several frames, the middle one.

    Args:
        data: The file.
        key: Secret for the keyed hashes.
        name: What to call the file in an error; it must not identify.
        label: What the folder of the file is called.

    Raises:
        UnreadableImageError: It is no DICOM file, holds no picture, ends early, is too large, or
            needs a decoder that there is not.
        UsageError: There is no key.
    """
    try:
        with unheard():
            dataset = parsed(data, name)
            _require_picture(dataset, name)
            picture = screened(dataset, _middle_frame(dataset), name)
            return _without_identity(dataset, picture, key, label)
    except UsageError:
        raise
    # For what is not as it should be, pydicom raises nearly anything, when a value is first used.
    except Exception:
        raise UnreadableImageError(
            name, "its content is damaged or of a kind that is not decoded"
        ) from None


@contextmanager
def unheard() -> Iterator[None]:
    """Keep pydicom's warnings and log lines back: they quote values."""
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def parsed(data: bytes, name: str) -> FileDataset:
    """Parse a DICOM file; call it `unheard`, and expect nearly any error of pydicom's.

    Raises:
        UnreadableImageError: It is no DICOM file, ends early or is too large.
    """
    if not data:
        raise UnreadableImageError(name, "the file is empty", "truncated")
    if len(data) > MAX_BYTES:
        raise oversized(name)
    if not is_dicom(data):
        raise UnreadableImageError(name, "its content is not DICOM")
    if DeflatedExplicitVRLittleEndian.encode() in data[META_START : META_START + MAX_META]:
        _require_small_when_inflated(data, name)
    dataset = dcmread(BytesIO(data))
    if not dataset:  # pydicom forgets what it read when the end comes within an element
        raise UnreadableImageError(name, "the file ends early", "truncated")
    return dataset


def _require_small_when_inflated(data: bytes, name: str) -> None:
    """Refuse what pydicom would inflate without a limit: 2 MB can become 4 GB."""
    start = META_START + int.from_bytes(data[META_LENGTH], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(data[start:], MAX_BYTES)
    if inflater.unconsumed_tail:
        raise oversized(name)
    if not inflater.eof:
        raise UnreadableImageError(name, "the file ends early", "truncated")


def _require_picture(dataset: FileDataset, name: str) -> None:
    if "Rows" not in dataset:
        raise UnreadableImageError(name, "it holds no picture")
    if dataset.Rows * dataset.Columns > MAX_PIXELS:
        raise UnreadableImageError(name, f"it has more than {MAX_PIXELS:,} pixels")
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed and syntax not in DECODERS:
        raise UnreadableImageError(name, f"there is no decoder for {_called(syntax)}")
    held = next((len(dataset[k].value or b"") for k in PIXELS if k in dataset), 0)
    if held < (1 if syntax.is_encapsulated else get_expected_length(dataset)):
        raise UnreadableImageError(name, "the file ends before its pixels do", "truncated")


def _called(syntax: UID) -> str:
    """Name a transfer syntax of the standard; anything else could be any text."""
    return syntax.name if syntax.name != syntax else "its transfer syntax"


def _middle_frame(dataset: FileDataset) -> Picture:
    index = int(dataset.get("NumberOfFrames") or 1) // 2
    plugin = DECODERS.get(dataset.file_meta.TransferSyntaxUID, "")
    return of_frame(dataset, index, pixel_array(dataset, index=index, decoding_plugin=plugin))


def of_frame(dataset: FileDataset, index: int, stored: Shaped[np.ndarray, "..."]) -> Picture:
    """Return what a frame shows, given its decoded pixels."""
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    return shown(_of_frame(dataset, index), stored)


def _of_frame(dataset: FileDataset, index: int) -> Dataset:
    """Put what enhanced objects keep for each frame (PS3.3 C.7.6.16) where others have it."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if not shared and not own:
        return dataset
    frame = copy(dataset)
    for groups in (*shared[:1], *own[index : index + 1]):
        for macro in FRAME_MACROS:
            for item in (groups.get(macro) or [])[:1]:
                frame.update({element.tag: element for element in item})
    return frame


def _without_identity(
    dataset: Dataset, picture: Picture, key: bytes, label: str | None
) -> DicomPicture:
    patient = str(dataset.get("PatientID") or "").strip()
    pixels = pixel_hash(picture.pixels)
    return DicomPicture(
        id=pseudonym(key, "instance", str(dataset.get("SOPInstanceUID") or pixels)),
        picture=picture,
        patient=pseudonym(key, "patient", patient) if patient else None,
        draw_key=draw_key(patient) if patient else pixels,
        label=None if label is None or _names_someone(label, dataset) else label,
        metadata=MappingProxyType(
            {k: str(dataset[k].value) for k in ALLOWED if _is_code(dataset.get(k))}
        ),
    )


def _is_code(value: object) -> bool:
    """Whether a value is of the kind it should be: elsewhere, people type names into any field."""
    return isinstance(value, str) and CODE_STRING.fullmatch(value) is not None


def _names_someone(label: str, dataset: Dataset) -> bool:
    """Whether a folder is called after the patient or the study, as archives often do."""
    words = set(_words(label))
    named = {word for word in _words(str(dataset.get("PatientName") or "")) if len(word) > 1}
    numbers = [" ".join(_words(str(dataset.get(k) or ""))) for k in IDENTIFIERS]
    return bool(words & named) or any(n and n in " ".join(_words(label)) for n in numbers)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
