"""A DICOM file to a picture without identity.

Errors are in words of our own: a parser's may quote the values that it met, a name among them.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from io import BytesIO
from types import MappingProxyType

from pydicom import Dataset, FileDataset

# Where the file meta ends is what pydicom finds, not what the file says of its length.
from pydicom.filereader import _read_file_meta_info, read_dataset
from pydicom.multival import MultiValue
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    SegmentationStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from acir.errors import UnreadableImageError, UsageError
from acir.pacs.codecs import allowed, called
from acir.pacs.enhanced import FRAMES, GROUPS, INDICES, POINTER, Words, slices_of
from acir.pacs.frames import MIDDLE, picture_of
from acir.pacs.geometry import require_modest
from acir.pacs.own import is_our_result
from acir.pacs.place import KEYWORDS, Place, places_of
from acir.pacs.screening import screened
from acir.pacs.silence import unheard
from acir.prep.decode import MAX_BYTES, Picture, oversized
from acir.privacy.names import FEWEST_IN_CODE, Person, names_someone
from acir.privacy.pseudonym import draw_key, pseudonym
from acir.types import SERIES, pixel_hash

HEAD = 132  # bytes that `is_dicom` looks at
MAGIC = slice(128, HEAD)
MAX_INFLATED = 64 * 2**20
# A picture that shrinks 200-fold is blank; a bomb does so 1000-fold. Counted from this size on.
MOST_FOLD, BLANK = 200, 8 * 2**20
DEFLATED_STEP, INFLATED_STEP = 2**14, 2**18
PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Masks of other pictures: an answer of an algorithm or of a person, and nothing to search by.
MASKS = (SegmentationStorage, UID("1.2.840.10008.5.1.4.1.1.66.7"))  # and as a label map
SLIDE = VLWholeSlideMicroscopyImageStorage
DAMAGED = "its content is damaged or of a kind that is not decoded"
ALLOWED = ("Modality", "BodyPartExamined")
CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")  # PS3.5 6.2, value representation CS


@dataclass(frozen=True)
class DicomPicture:
    """A picture and what may be known about it.

    Attributes:
        id: Keyed hash of the SOP Instance UID.
        picture: Values after the modality transformation, and which of them are shown.
        patient: Keyed hash of the Patient ID, or None where there is none.
        draw_key: What decides the split, the same for all pictures of the patient, or of the series
            where there is none; it stays in memory.
        label: The given label, or None where it names the patient or the study.
        metadata: Modality, body part and, as a keyed hash, the series.
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


def read(
    data: bytes, key: bytes, name: str, label: str | None = None, frame: str = MIDDLE
) -> DicomPicture:
    """Read the picture of a DICOM file.

    Args:
        data: The file.
        key: Secret for the keyed hashes.
        name: What to call the file in an error; it must not identify.
        label: What the folder of the file is called.
        frame: Which of several frames, as `acir.pacs.frames.picture_of` explains it.

    Raises:
        UnreadableImageError: It is no DICOM file, holds no picture, ends early, is too large, or
            needs a decoder that there is not.
        UsageError: There is no key.
    """
    with in_our_words(name):
        dataset = parsed(data, name)
        _require_picture(dataset, name)
        picture = screened(dataset, picture_of(dataset, frame, name), name)
        return _without_identity(dataset, picture, key, label)


def locate(data: bytes, key: bytes, name: str) -> tuple[Place, ...]:
    """Read where the slices of a DICOM file lie, without decoding them.

    They are its frames where each says its own place, as those of enhanced CT, MR and PET do; else
    the file is one slice.

    Args:
        data: The file.
        key: Secret for the keyed hashes.
        name: What to call the file in an error; it must not identify.

    Raises:
        UnreadableImageError: As in `read`, but for what decoding alone can tell.
        UsageError: There is no key.
    """
    with in_our_words(name):
        dataset = parsed(data, name)
        _require_picture(dataset, name)
        instance, series, reference = (_written(dataset.get(uid)).strip() for uid in UIDS)
        return places_of(
            _slices(dataset),
            id=pseudonym(key, "instance", instance or sha256(data).hexdigest()),
            series=pseudonym(key, "series", series) if series else "",
            reference=pseudonym(key, "uid", reference) if reference else "",
        )


def _slices(dataset: Dataset) -> list[Words]:
    words = {keyword: _written(dataset.get(keyword)) for keyword in (*KEYWORDS, FRAMES)}
    shared, own = (dataset.get(keyword) or [] for keyword in GROUPS)
    indices = dataset.get(INDICES) or []
    return slices_of(
        words,
        partial(_in_group, shared[0] if shared else Dataset()),
        [partial(_in_group, group) for group in own],
        [int(index.get(POINTER) or 0) for index in indices],
    )


def _in_group(group: Dataset, macro: str, keyword: str) -> str:
    items = group.get(macro) or []
    return _written(items[0].get(keyword)) if items else ""


@contextmanager
def in_our_words(name: str, reason: str = DAMAGED) -> Iterator[None]:
    """Turn whatever pydicom raises into an error that quotes nothing.

    Args:
        name: What to call the file; it must not identify.
        reason: What is said of the file in place of pydicom's words.
    """
    try:
        with unheard():
            yield
    except (UsageError, MemoryError):
        raise
    # For what is not as it should be, pydicom raises nearly anything, when a value is first used.
    except Exception:
        raise UnreadableImageError(name, reason) from None


def parsed(data: bytes, name: str) -> FileDataset:
    """Parse a DICOM file; call it `unheard`, and expect nearly any error of pydicom's.

    Raises:
        UnreadableImageError: It is no DICOM file, ends early, is too large, or of a transfer
            syntax that is not read.
    """
    if not data:
        raise UnreadableImageError(name, "the file is empty", "truncated")
    if len(data) > MAX_BYTES:
        raise oversized(name)
    if not is_dicom(data):
        raise UnreadableImageError(name, "its content is not DICOM")
    if data.startswith(PROGRAMS):
        raise UnreadableImageError(name, "it begins as a program does, not as a picture")
    stream = BytesIO(data)
    stream.seek(HEAD)
    meta = _read_file_meta_info(stream)
    if not meta:
        raise UnreadableImageError(name, "the file ends early", "truncated")
    syntax = _transfer_syntax(meta, name)
    if syntax == DeflatedExplicitVRLittleEndian:
        stream = BytesIO(_inflated(data[stream.tell() :], name))
    elements = read_dataset(stream, syntax.is_implicit_VR, syntax.is_little_endian)
    if not elements:  # pydicom forgets what it read when the end comes within an element
        raise UnreadableImageError(name, "the file ends early", "truncated")
    return FileDataset(
        "",
        elements,
        file_meta=meta,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )


def _transfer_syntax(meta: Dataset, name: str) -> UID:
    syntax = meta.get("TransferSyntaxUID")
    if not isinstance(syntax, UID):
        raise UnreadableImageError(name, "it does not say its transfer syntax")
    if not allowed(syntax):
        raise UnreadableImageError(name, f"there is no decoder for {called(syntax)}")
    return syntax


def _inflated(deflated: bytes, name: str) -> bytes:
    """Inflate within bounds what pydicom would without: 2 MB can become 4 GB."""
    inflater, size, place = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0
    while not inflater.eof and place < len(deflated):
        step = deflated[place : place + DEFLATED_STEP]
        # Thrown away: a bomb is known sooner than its zeros would be kept.
        size += len(inflater.decompress(step, INFLATED_STEP))
        place += len(step) - len(inflater.unconsumed_tail)
        if size > MAX_INFLATED:
            raise UnreadableImageError(
                name, f"it is larger than {MAX_INFLATED >> 20} MiB when inflated"
            )
        if size > max(BLANK, MOST_FOLD * place):
            raise UnreadableImageError(
                name, f"it inflates {MOST_FOLD}-fold, as a decompression bomb does"
            )
    if not inflater.eof:
        raise UnreadableImageError(name, "the file ends early", "truncated")
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated)


def _require_picture(dataset: FileDataset, name: str) -> None:
    kind = dataset.get("SOPClassUID")
    if kind in MASKS or "Rows" not in dataset or not any(k in dataset for k in PIXELS):
        known = isinstance(kind, UID) and kind.name != kind
        its = f"; its class is {kind.name}" if known else ""
        raise UnreadableImageError(name, f"it holds no picture{its}")
    if kind == SLIDE:  # a frame is a tile; or it is the label, which names the patient
        raise UnreadableImageError(
            name, "it is part of a whole slide; read the folder of the slide as slide:FOLDER"
        )
    if is_our_result(dataset):
        raise UnreadableImageError(name, "it is a result that acir made, not a picture")
    require_modest(dataset, name)
    compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
    held = next((len(dataset[k].value or b"") for k in PIXELS if k in dataset), 0)
    if held < (1 if compressed else get_expected_length(dataset)):
        raise UnreadableImageError(name, "the file ends before its pixels do", "truncated")


def _without_identity(
    dataset: Dataset, picture: Picture, key: bytes, label: str | None
) -> DicomPicture:
    patient = str(dataset.get("PatientID") or "").strip()
    instance = str(dataset.get("SOPInstanceUID") or pixel_hash(picture.pixels))
    together = patient or _written(dataset.get("SeriesInstanceUID")).strip()
    return DicomPicture(
        id=pseudonym(key, "instance", instance),
        picture=picture,
        patient=pseudonym(key, "patient", patient) if patient else None,
        draw_key=draw_key(together) if together else pixel_hash(picture.pixels),
        label=None if label is None or names_someone(label, dataset) else label,
        metadata=MappingProxyType(_metadata(dataset, key)),
    )


def _metadata(dataset: Dataset, key: bytes) -> dict[str, str]:
    """Return what may be filtered by, where it names no one; a series is known by a keyed hash."""
    person = Person(dataset)
    codes = {k: str(dataset[k].value) for k in ALLOWED if _is_code(dataset.get(k))}
    found = {k: code for k, code in codes.items() if not person.is_named_by(code, FEWEST_IN_CODE)}
    if series := str(dataset.get("SeriesInstanceUID") or "").strip():
        found[SERIES] = pseudonym(key, "series", series)
    return found


def _written(value: object) -> str:
    """Return a value as DICOM writes it: several with backslashes between."""
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue | list) else str(value)


def _is_code(value: object) -> bool:
    """Whether a value is of the kind it should be: elsewhere, people type names into any field."""
    return isinstance(value, str) and CODE_STRING.fullmatch(value) is not None
