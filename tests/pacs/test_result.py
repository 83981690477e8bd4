"""What all results have in common, for each kind of object."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
from highdicom import SOPClass

from acir.pacs.gallery import Pictures, gallery
from acir.pacs.heat_map import heat_map
from acir.pacs.origin import Origin, origin
from acir.pacs.report import report
from acir.pacs.result import new_names, uid_of
from made_answer import (
    BUNDLE,
    INSTANCE,
    MAKER,
    PLACED,
    SERIES,
    STUDY,
    MakeDicom,
    about,
    answered,
    reread,
)

NOTHING = Pictures(None, None, {})
FLAT = np.zeros((6, 8), dtype=np.float32)


def mapped(found: Origin) -> SOPClass:
    drawn = heat_map(found, FLAT, MAKER)
    assert drawn is not None
    return drawn


KINDS: dict[str, Callable[[Origin], SOPClass]] = {
    "report": lambda found: report(found, answered(), MAKER),
    "heat map": mapped,
    "gallery": lambda found: gallery(found, answered(), NOTHING, MAKER),
}


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[[Origin], SOPClass]:
    return KINDS[request.param]


def test_patient_and_study_are_those_of_the_image(
    make: Callable[[Origin], SOPClass], make_dicom: MakeDicom
) -> None:
    found = about(make_dicom, StudyDate="20260102", PatientSize=1.8, StudyDescription="thorax")
    made = reread(make(found))
    assert made.StudyInstanceUID == STUDY
    assert (made.StudyDate, made.StudyDescription, made.PatientSize) == ("20260102", "thorax", 1.8)
    assert made.PatientName == "CANARY^PATRICIA"
    assert (made.PatientID, made.PatientBirthDate) == ("471108150947", "19440229")
    assert made.AccessionNumber == "CANARY1"
    # Required, and empty because the image does not have them (type 2).
    assert made["PatientSex"].value in (None, "")
    assert "BodyPartExamined" not in made  # of the series of the image, not of ours


def test_it_has_a_series_and_names_of_its_own_each_time(
    make: Callable[[Origin], SOPClass], make_dicom: MakeDicom
) -> None:
    found = about(make_dicom)
    one, two = reread(make(found)), reread(make(found))
    uids = [uid for made in (one, two) for uid in (made.SeriesInstanceUID, made.SOPInstanceUID)]
    assert len({*uids, SERIES, INSTANCE}) == 6
    assert all(uid.is_valid and uid.startswith("2.25.") for uid in uids)
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


def test_it_says_what_made_it(make: Callable[[Origin], SOPClass], make_dicom: MakeDicom) -> None:
    made = reread(make(about(make_dicom)))
    assert (made.Manufacturer, made.ManufacturerModelName) == ("acir", "acir")
    assert (made.SoftwareVersions, made.DeviceSerialNumber) == ("1.2.3", BUNDLE)


def test_text_of_another_alphabet_comes_through(
    make: Callable[[Origin], SOPClass], make_dicom: MakeDicom
) -> None:
    # PS3.5 H.3.1, an example of the standard: ISO 2022 with three ways to write a name.
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    data = make_dicom(
        np.zeros((6, 8), dtype=np.uint16),
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName=name,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=SERIES,
        **PLACED,
    )
    made = reread(make(origin(data, "a")))
    assert made.SpecificCharacterSet == "ISO_IR 192"
    assert made.PatientName == name


def test_the_header_of_the_image_is_not_changed(
    make: Callable[[Origin], SOPClass], make_dicom: MakeDicom
) -> None:
    found = about(make_dicom)
    before = deepcopy(found.header)
    make(found)
    assert found.header == before
    assert found.header.SOPInstanceUID == INSTANCE


def test_a_private_class_of_image_is_no_hindrance(
    make: Callable[[Origin], SOPClass], make_dicom: MakeDicom
) -> None:
    made = reread(make(about(make_dicom, SOPClassUID="1.2.3.4.5")))
    assert made.PatientID == "471108150947"


def test_a_name_has_always_the_same_uid_and_new_names_never() -> None:
    assert uid_of("a") == uid_of("a") != uid_of("b")
    assert len({*new_names().values(), *new_names().values()}) == 4
