"""Data sets in which everything that can name somebody does: a canary in every attribute."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from io import BytesIO
from itertools import count

from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import DicomDictionary, dictionary_VR  # type: ignore[attr-defined]
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

Canaries = dict[str, tuple[str, bytes]]  # what a canary looks like: where it sits, as bytes

WORDS = {"AE": 16, "CS": 16, "LO": 64, "LT": 64, "SH": 16, "ST": 64, "UC": 64, "UT": 64, "PN": 64}
BYTES = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
CARRIERS = frozenset((*WORDS, *BYTES, "AS", "DA", "DT", "TM", "UI", "UR"))
LETTERS = str.maketrans("0123456789", "ABCDEFGHIJ")  # so that each is a word of its own
_numbers = count(1)


def canary(vr: str) -> str | bytes:
    """Return a value of a kind that no other call returns, and that no program writes itself."""
    number = next(_numbers)
    day = f"{date(1601, 1, 1) + timedelta(days=number):%Y%m%d}"
    if vr in BYTES:
        return f"ZQXBYTES{number:08}".encode()
    return {
        "AS": f"{number % 1000:03}D",
        "DA": day,
        "DT": f"{day}0102.{number % 10**6:06}".replace(".", "03."),
        "TM": f"0304{number // 10**6 % 60:02}.{number % 10**6:06}",
        "UI": f"1.2.77777.{number}",
        "UR": f"http://zqx.example/{number}",
    }.get(vr, f"ZQX{number:08}".translate(LETTERS))


def carriers() -> Iterator[tuple[int, str]]:
    """Name every attribute of pydicom's dictionary that can carry a canary, with its kind."""
    for tag in sorted(DicomDictionary):
        kinds = dictionary_VR(tag).split(" or ")
        kind = next((k for k in kinds if k in CARRIERS), None)
        if kind and tag >> 16 >= 0x0008:  # below are messages and the file meta
            yield tag, kind


def seeded(dataset: Dataset, leave_out: frozenset[int] = frozenset()) -> dict[int, bytes]:
    """Put a canary into every attribute of a data set and return them by tag, as bytes."""
    found = {}
    for tag, kind in carriers():
        if tag not in leave_out:
            value = canary(kind)
            dataset.add(DataElement(tag, kind, value, validation_mode=0))
            found[tag] = value if isinstance(value, bytes) else value.encode()
    return found


def sequences() -> list[int]:
    """Name every sequence of pydicom's dictionary."""
    return [t for t in sorted(DicomDictionary) if dictionary_VR(t) == "SQ" and t >> 16 >= 8]


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Write a data set as a file, whatever it holds."""
    dataset.file_meta = getattr(dataset, "file_meta", FileMetaDataset())
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.77777.9"
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def read_back(data: bytes) -> Dataset:
    """Read a file as the reader does."""
    return dcmread(BytesIO(data))


def survivors(data: bytes, canaries: Mapping[int, bytes]) -> set[int]:
    """Name the attributes whose canary is among the bytes of a file."""
    return {int(Tag(tag)) for tag, value in canaries.items() if value in data}
