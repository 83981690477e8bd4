"""What all results have in common: who made them, of what, and new names.

A result has a series and an instance of its own each time. Its patient and study are those of the
image that it is about, value for value. highdicom, whose messages may quote what it is given,
builds an object without them; they are put in last.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from highdicom import SOPClass
from pydicom import Dataset
from pydicom.uid import UID, SecondaryCaptureImageStorage, generate_uid

from acir.pacs.origin import Origin
from acir.pacs.own import MANUFACTURER

NAMESPACE = UUID("0b3e5c0e-5d0c-4c1a-9a53-6e0a2b7f9c41")
UNICODE = "ISO_IR 192"
UNSAID = (  # present in every object, and empty until `inherit` (type 2 of PS3.3)
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)


@dataclass(frozen=True)
class Maker:
    """What made a result.

    Attributes:
        bundle: Id of the bundle: SHA-256 as 64 hexadecimal digits.
        version: Of acir.
        parameters: What else decided the answer, each in words.
        made: When.
    """

    bundle: str
    version: str
    parameters: tuple[str, ...]
    made: datetime

    @property
    def uid(self) -> UID:
        """The same for the same bundle everywhere."""
        return uid_of(f"bundle:{self.bundle}")


def uid_of(name: str) -> UID:
    """Return a UID that is the same for the same name (PS3.5 B.2, a UUID of version 5)."""
    return UID(f"2.25.{uuid5(NAMESPACE, name).int}")


def new_names() -> dict[str, UID]:
    """Return UIDs of a series and an instance that were never used."""
    return {
        "series_instance_uid": generate_uid(prefix=None),
        "sop_instance_uid": generate_uid(prefix=None),
    }


def described(maker: Maker, series: int, description: str) -> dict[str, Any]:
    """Return the keywords that every object of highdicom takes."""
    return {
        **new_names(),
        "series_number": series,
        "instance_number": 1,
        "series_description": description,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "device_serial_number": maker.bundle,
        "software_versions": maker.version,
        "content_date": maker.made.date(),
        "content_time": maker.made.time(),
        "specific_character_set": UNICODE,
    }


def nameless(origin: Origin) -> Dataset:
    """Return the image that a result is about without its patient, for highdicom.

    It passes for a secondary capture: highdicom knows no private and no retired class. `inherit`
    puts the true class into every reference.
    """
    image = Dataset()
    for keyword in UNSAID:
        setattr(image, keyword, None)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(image, keyword, origin.header[keyword].value)
    image.SOPClassUID = SecondaryCaptureImageStorage
    return image


def inherit(result: SOPClass, origin: Origin) -> None:
    """Put the patient and the study of the image into a result, as the image has them.

    Also what the standard does not allow is taken as it is: another spelling would be another
    patient to a PACS. Text becomes UTF-8, which the result declares.
    """
    like = Dataset()
    like.update(origin.header)
    # Of which module an attribute is depends on the class; a new element leaves the header's own.
    like.add_new("SOPClassUID", "UI", result.SOPClassUID)
    like.add_new("SOPInstanceUID", "UI", result.SOPInstanceUID)
    result.copy_patient_and_study_information(like)
    if "Rows" in result:  # an image, which says of a paired organ which it is, or nothing (2C)
        result.Laterality = origin.header.get("Laterality") or None
    _name_class(result, origin)


def _name_class(within: Dataset, origin: Origin) -> None:
    """Say in every reference to the image of which class it is."""
    if within.get("ReferencedSOPInstanceUID") == origin.header.SOPInstanceUID:
        within.ReferencedSOPClassUID = origin.header.SOPClassUID
    for element in within:
        for item in element.value if element.VR == "SQ" else ():
            _name_class(item, origin)
