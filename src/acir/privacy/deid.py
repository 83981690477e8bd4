"""A DICOM data set without identity: the Basic Application Confidentiality Profile of PS3.15 E.

The walk fails closed. An attribute that the standard's table names is treated as it says; one that
it does not name stays only if it holds numbers, is on the short list of `acir.privacy.kept`, or is
a sequence, whose items are walked in the same way. A value that stays and holds the name of the
patient or of anybody in `acir.privacy.names.OTHERS`, an identifier of the patient or the accession
number becomes `REMOVED`. UIDs that the standard itself defines stay, and every other is replaced by
a keyed hash, the same in every file, so that references hold. Private and repeating groups (curves,
overlays), retired attributes without a name, values that cannot be read, and values of another kind
than the attribute's are removed.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag

from acir.errors import UsageError
from acir.privacy.kept import EMPTIED, KEPT, REPLACED
from acir.privacy.names import FEWEST_IN_CODE, Person
from acir.privacy.pixel_data import PIXELS, keep_picture_only
from acir.privacy.pseudonym import pseudonym
from acir.privacy.table import actions, description
from acir.privacy.uids import is_of_the_standard, keyed_uid

NUMBERS = frozenset(("AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"))
TEXT = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"))
CODE_STRING = re.compile(r"[A-Z0-9_ ]{0,16}")  # PS3.5 6.2
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DATE_TIME = re.compile(r"(\d{8})((?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?)")
TIME = re.compile(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?")
BORN = frozenset(("PatientBirthDate", "PatientBirthTime"))  # no part of a course (PS3.15 E.3.6)
FIRST_GROUP = 0x0008  # below are messages, the file meta and directories
PREAMBLE = bytes(128)
FARTHEST_DAYS = 3650
REMOVED = "REMOVED"
DUMMIES: dict[str, Any] = {
    **dict.fromkeys(TEXT, REMOVED),
    **dict.fromkeys(("OB", "OW", "UN"), b"\0\0"),
    **dict.fromkeys(NUMBERS, 0),
    **{"AS": "000Y", "DA": "19000101", "DT": "19000101000000", "TM": "000000"},
    "UR": "http://removed.invalid",
}
STAYING = frozenset(keyword for group in KEPT.values() for keyword in group)

BASIC_PROFILE = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
SHIFTED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")


@dataclass(frozen=True)
class Profile:
    """How identity is removed.

    Attributes:
        key: Secret for pseudonyms, UIDs and shifts of dates.
        dates: Whether dates stay, all of one patient shifted by the same number of days, and
            times as they are; else they go.
        every_picture: Whether pixels are looked at whatever the kind of the picture, so that every
            output can say that they are clean.

    Raises:
        UsageError: The key is empty.
    """

    key: bytes = field(repr=False)
    dates: bool = False
    every_picture: bool = False

    def __post_init__(self) -> None:
        """Refuse to work without a secret."""
        if not self.key:
            raise UsageError("a de-identification needs a key; give 32 random bytes")


@dataclass(frozen=True)
class _Course:
    """What is the same for all elements of a file; without days, dates go."""

    key: bytes
    days: int | None
    person: Person


def deidentify(dataset: Dataset, profile: Profile, *, pixels_clean: bool) -> None:
    """Remove identity from a data set, its file meta and its preamble, in place.

    The patient becomes a pseudonym: that of the Patient ID, or where there is none of the study,
    else of the instance.

    Args:
        dataset: What was read from a file.
        profile: How.
        pixels_clean: Whether the pixels were looked at and hold no text any more. Only then, or
            where there are no pixels, does the output say that identity is removed.
    """
    person = _person(dataset)
    days = shift_days(profile.key, person) if profile.dates else None
    _walk(dataset, _Course(profile.key, days, Person(dataset)))
    keep_picture_only(dataset)
    patient = pseudonym(profile.key, "patient", person)
    dataset.PatientID = patient
    dataset.PatientName = patient
    _clean_file(dataset)
    _say_how(dataset, profile, pixels_clean)


def shift_days(key: bytes, person: str) -> int:
    """Return by how many days the dates of a patient move: 1 to 3650 into the past."""
    return -1 - int(pseudonym(key, "shift", person), 16) % FARTHEST_DAYS


def moved(value: str, kind: str, days: int) -> str | None:
    """Return a date (DA) or date with time (DT) moved by days, or a time (TM) as it is.

    None stands for what cannot be moved: an incomplete or impossible date, or one that would come
    before the year 1.
    """
    if kind == "TM":
        return value if TIME.fullmatch(value) else None
    parts = DATE_TIME.fullmatch(value)
    if parts is None or (kind == "DA" and parts[2]):
        return None
    try:
        date = datetime.strptime(parts[1], "%Y%m%d") + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{date.year:04}{date:%m%d}{parts[2]}"


def _person(dataset: Dataset) -> str:
    for keyword in ("PatientID", "StudyInstanceUID", "SOPInstanceUID"):
        said = str(dataset.get(keyword) or "").strip()
        if said:
            return said
    return ""


def _walk(dataset: Dataset, course: _Course) -> None:
    for tag in [*dataset.keys()]:
        if not _may_stay(dataset, tag, course):
            del dataset[tag]


def _may_stay(dataset: Dataset, tag: BaseTag, course: _Course) -> bool:
    """Treat an element and say whether what is left of it stays."""
    if tag.is_private or not dictionary_has_tag(tag) or tag.group < FIRST_GROUP:
        return False
    try:
        element = dataset[tag]
    except Exception:  # pydicom raises nearly anything for a value that is not as it should be
        return False
    known = dictionary_VR(tag)
    if known != element.VR and element.VR not in known.split(" or "):
        return False
    if element.VR == "SQ":
        return _treat_sequence(element, course)
    if tag not in actions():
        return _treat_unnamed(element, course)
    return _treat_named(element, course)


def _treat_sequence(element: DataElement, course: _Course) -> bool:
    action = actions().get(element.tag, "replace")
    if action == "empty":
        element.value = []
    for item in element.value if action == "replace" else ():
        for keyword in PIXELS:  # a small copy, say, that nobody looks at
            item.pop(keyword, None)
        _walk(item, course)
    return action != "remove"


def _treat_unnamed(element: DataElement, course: _Course) -> bool:
    if element.VR == "UI":
        _key_uids(element, course.key)
        return True
    if element.keyword in (*REPLACED, *EMPTIED):
        element.value = REMOVED if element.keyword in REPLACED else ""
        return True
    if element.keyword == "SpecificCharacterSet":
        return all(text in python_encoding for text in _texts(element))
    if element.keyword in STAYING:
        if element.VR in TEXT:
            _leave_out_names(element, course.person)
        return element.VR != "CS" or all(CODE_STRING.fullmatch(text) for text in _texts(element))
    if element.VR in ("DS", "IS"):
        return all(NUMBER.fullmatch(text) for text in _texts(element))
    return element.VR in NUMBERS


def _leave_out_names(element: DataElement, person: Person) -> None:
    """Replace the values that name someone; people type names into any field."""
    fewest = FEWEST_IN_CODE if element.VR == "CS" else 2
    texts = _texts(element)
    left = [REMOVED if person.is_named_by(text, fewest) else text for text in texts]
    if left != texts:
        element.value = left


def _treat_named(element: DataElement, course: _Course) -> bool:
    days = course.days
    action = actions()[element.tag]
    if action == "remove" and element.VR not in ("DA", "DT", "TM"):
        return False
    if days is not None and element.VR in ("DA", "DT", "TM") and element.keyword not in BORN:
        dates = [moved(text, element.VR, days) for text in _texts(element)]
        if all(dates):
            element.value = dates
            return True
    if action == "empty":
        element.clear()
    elif element.VR == "UI":
        _key_uids(element, course.key)
    else:
        element.value = DUMMIES[element.VR]
    return action != "remove"


def _texts(element: DataElement) -> list[str]:
    """Return the values of an element, none where it is empty."""
    if element.VM <= 1:
        return [str(element.value)] if element.value else []
    return [str(value) for value in element.value]


def _key_uids(element: DataElement, key: bytes) -> None:
    """Replace the UIDs that the standard does not define; a value that is none is one of them."""
    element.value = [
        uid if is_of_the_standard(uid) or not uid else keyed_uid(key, uid)
        for uid in _texts(element)
    ]


def _clean_file(dataset: Dataset) -> None:
    dataset.preamble = PREAMBLE
    given = getattr(dataset, "file_meta", FileMetaDataset())
    dataset.file_meta = FileMetaDataset()  # what is missing is added when it is written
    if "TransferSyntaxUID" in given:
        dataset.file_meta.TransferSyntaxUID = given.TransferSyntaxUID
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if keyword in dataset:
            setattr(dataset.file_meta, f"MediaStorage{keyword}", dataset[keyword].value)


def _say_how(dataset: Dataset, profile: Profile, pixels_clean: bool) -> None:
    """Write what was done, and nothing that was not (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1)."""
    codes = [BASIC_PROFILE]
    if profile.dates:
        codes.append(SHIFTED_DATES)
    has_pixels = any(keyword in dataset for keyword in PIXELS)
    if has_pixels and pixels_clean:
        codes.append(CLEAN_PIXELS)
        dataset.BurnedInAnnotation = "NO"
    if pixels_clean or not has_pixels:
        dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [f"acir {version('acir')}", description()]
    dataset.DeidentificationMethodCodeSequence = [_code(*code) for code in codes]
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if profile.dates else "REMOVED"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = meaning
    return item
