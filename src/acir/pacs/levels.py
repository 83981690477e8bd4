"""Which whole slide a DICOM file is part of, read from the head of its header (PS3.3 A.32.8).

A slide is a series: a file for each level, and others for label, overview and thumbnail.
"""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from pydicom.filereader import _read_file_meta_info, read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from acir.errors import UnreadableImageError
from acir.pacs.reader import HEAD, SLIDE, in_our_words, is_dicom
from acir.privacy.names import names_someone
from acir.privacy.pseudonym import pseudonym

HEAD_BYTES = 2**20  # that a header takes at most up to the identifiers
LAST = Tag("StudyID")  # of what is looked at
PIXELS_OF_THE_SLIDE = "VOLUME"  # value 3 of Image Type (C.8.12.4.1.1)


@dataclass(frozen=True)
class Level:
    """What a file says of the slide that it is part of.

    Attributes:
        slide: Keyed hash of the series.
        patient: Patient ID, or the UID of the series where there is none; it stays in memory.
        is_level: Whether it shows the slide itself, not its label or all of the glass.
        label: The given label, or None where it names the patient or the study.
    """

    slide: str
    patient: str = field(repr=False)
    is_level: bool
    label: str | None


def head_of(path: Path, name: str) -> bytes:
    """Return as much of a file as `level` reads.

    Raises:
        UnreadableImageError: It cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        raise UnreadableImageError(name, "the file cannot be opened") from None


def level(head: bytes, key: bytes, name: str, label: str | None = None) -> Level:
    """Read which slide a file is part of.

    Args:
        head: Where the file begins; the rest is not looked at.
        key: Secret for the keyed hash.
        name: What to call the file in an error; it must not identify.
        label: What the folder of the slide lies in.

    Raises:
        UnreadableImageError: It is no part of a slide, or damaged.
        UsageError: There is no key.
    """
    with in_our_words(name):
        if not is_dicom(head):
            raise UnreadableImageError(name, "its content is not DICOM")
        stream = BytesIO(head)
        stream.seek(HEAD)
        syntax = UID(_read_file_meta_info(stream).TransferSyntaxUID)
        if syntax == DeflatedExplicitVRLittleEndian:
            raise UnreadableImageError(name, "it is deflated, as no level of a slide may be")
        found = read_dataset(
            stream, syntax.is_implicit_VR, syntax.is_little_endian, stop_when=_ends
        )
        if found.SOPClassUID != SLIDE:
            raise UnreadableImageError(name, "it is DICOM, but no part of a whole slide")
        series = str(found.SeriesInstanceUID)
        kinds = list(found.get("ImageType") or [])
        return Level(
            slide=pseudonym(key, "series", series),
            patient=str(found.get("PatientID") or "").strip() or series,
            is_level=kinds[2:3] == [PIXELS_OF_THE_SLIDE],
            label=None if label is None or names_someone(label, found) else label,
        )


def _ends(tag: BaseTag, _: str | None, __: int) -> bool:
    return int(tag) > int(LAST)
