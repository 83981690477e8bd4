"""The structured report: its content tree by hand, its flags, and programs that read it."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highdicom.sr import CodedConcept, ComprehensiveSR, MeasurementReport
from pydicom import Dataset
from pydicom.sr.codedict import codes

from acir.pacs.coding import term
from acir.pacs.origin import origin
from acir.pacs.report import report
from acir.pacs.result import uid_of
from acir.types import State
from made_answer import (
    BUNDLE,
    CASES,
    GREY,
    INSTANCE,
    MAKER,
    SERIES,
    STUDY,
    MakeDicom,
    about,
    answered,
    faults,
    leaked,
    query,
    reread,
    said_by,
)

CT = "1.2.840.10008.5.1.4.1.1.2"


def told(item: Dataset) -> tuple[str, str, Any]:
    """Return how an item relates to its parent, what it is called, and its value."""
    name = code(item.ConceptNameCodeSequence[0])
    kinds: dict[str, Callable[[], Any]] = {
        "TEXT": lambda: item.TextValue,
        "UIDREF": lambda: item.UID,
        "CODE": lambda: code(item.ConceptCodeSequence[0]),
        "NUM": lambda: (
            float(item.MeasuredValueSequence[0].NumericValue),
            code(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]),
        ),
        "IMAGE": lambda: item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID,
        "CONTAINER": lambda: [told(below) for below in item.ContentSequence],
    }
    return item.RelationshipType, name, kinds[item.ValueType]()


def code(item: Dataset) -> str:
    return f"{item.get('CodeValue') or item.LongCodeValue}|{item.CodingSchemeDesignator}"


def groups(document: Dataset) -> list[list[tuple[str, str, Any]]]:
    """Return the groups of measurements (DCM 125007) below the measurements (DCM 126010)."""
    (all_of_them,) = [
        value for _, name, value in map(told, document.ContentSequence) if name == "126010|DCM"
    ]
    assert {name for _, name, _ in all_of_them} == {"125007|DCM"}
    return [value for _, _, value in all_of_them]


ALGORITHM = [
    ("HAS CONCEPT MOD", "111001|DCM", "acir"),  # name
    ("HAS CONCEPT MOD", "111003|DCM", "1.2.3"),  # version
    ("HAS CONCEPT MOD", "122405|DCM", "acir"),  # manufacturer
    ("HAS CONCEPT MOD", "111002|DCM", f"bundle {BUNDLE}"),  # parameters
    ("HAS CONCEPT MOD", "111002|DCM", "order fused"),
    ("HAS CONCEPT MOD", "111000|DCM", "123110|DCM"),  # family: artificial intelligence
]


def test_the_first_group_says_the_verdict_of_the_image(make_dicom: MakeDicom) -> None:
    first = groups(reread(report(about(make_dicom), answered(), MAKER)))[0]
    tracking = first.pop(1)
    assert tracking[:2] == ("HAS OBS CONTEXT", "112040|DCM")
    assert first == [
        ("HAS OBS CONTEXT", "112039|DCM", "verdict"),
        ("CONTAINS", "121071|DCM", "boundary|99ACIR"),  # finding
        *ALGORITHM,
        ("CONTAINS", "p-value|99ACIR", (0.0123457, "1|UCUM")),
        ("CONTAINS", "verdict|99ACIR", "caution|99ACIR"),
        ("CONTAINS", "reason|99ACIR", "nearest-neighbour|99ACIR"),
        ("CONTAINS", "121112|DCM", INSTANCE),  # source of measurement
        ("CONTAINS", "121106|DCM", "rarely so"),  # comment
        ("CONTAINS", "121106|DCM", "two of three"),
    ]


def test_each_further_group_names_a_similar_case(make_dicom: MakeDicom) -> None:
    _, one, two = groups(reread(report(about(make_dicom), answered(), MAKER)))
    assert one == [
        ("HAS OBS CONTEXT", "112039|DCM", CASES[0]),
        ("HAS OBS CONTEXT", "112040|DCM", uid_of(f"case:{CASES[0]}")),
        ("CONTAINS", "121071|DCM", "similar-case|99ACIR"),
        *ALGORITHM,
        ("CONTAINS", "rank|99ACIR", (1, "1|UCUM")),
        ("CONTAINS", "similarity|99ACIR", (0.912346, "1|UCUM")),
        ("CONTAINS", "distance|99ACIR", (3, "bit|UCUM")),
        ("CONTAINS", "class|99ACIR", "cyst"),
    ]
    assert ("CONTAINS", "similarity|99ACIR", (0.5, "1|UCUM")) in two
    assert not [name for _, name, _ in two if name == "class|99ACIR"]


def test_the_observer_is_a_device_known_by_its_bundle(make_dicom: MakeDicom) -> None:
    document = reread(report(about(make_dicom), answered(), MAKER))
    said = [told(item) for item in document.ContentSequence]
    assert ("HAS OBS CONTEXT", "121005|DCM", "121007|DCM") in said
    assert ("HAS OBS CONTEXT", "121012|DCM", MAKER.uid) in said
    assert ("HAS OBS CONTEXT", "121016|DCM", BUNDLE) in said  # serial number
    assert MAKER.uid.startswith("2.25.")
    assert MAKER.uid.is_valid


def test_the_document_is_of_the_template_and_seen_by_no_one(make_dicom: MakeDicom) -> None:
    document = reread(report(about(make_dicom), answered(), MAKER))
    assert document.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"  # Comprehensive SR
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert code(document.ConceptNameCodeSequence[0]) == "126000|DCM"
    flags = (document.PreliminaryFlag, document.CompletionFlag, document.VerificationFlag)
    assert flags == ("PRELIMINARY", "PARTIAL", "UNVERIFIED")
    assert (document.ContentDate, document.ContentTime) == ("20261128", "173015")
    assert document.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99ACIR"
    (evidence,) = document.CurrentRequestedProcedureEvidenceSequence
    assert evidence.StudyInstanceUID == STUDY
    (series,) = evidence.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    (instance,) = series.ReferencedSOPSequence
    assert (instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID) == (CT, INSTANCE)


def test_the_frame_that_was_asked_about_is_named(make_dicom: MakeDicom) -> None:
    found = origin(query(make_dicom, np.stack([GREY] * 5)), "a")
    document = reread(report(found, answered(), MAKER))
    group = document.ContentSequence[-1].ContentSequence[0].ContentSequence
    (image,) = [item for item in group if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedFrameNumber == 3


def test_an_unknown_query_has_a_verdict_alone(make_dicom: MakeDicom) -> None:
    (only,) = groups(reread(report(about(make_dicom), answered("unknown", "blank"), MAKER)))
    assert ("CONTAINS", "verdict|99ACIR", "unknown|99ACIR") in only
    assert ("CONTAINS", "reason|99ACIR", "blank|99ACIR") in only


def test_highdicom_reads_it_back(make_dicom: MakeDicom) -> None:
    document = ComprehensiveSR.from_dataset(
        reread(report(about(make_dicom), answered(), MAKER))
    ).content
    assert isinstance(document, MeasurementReport)
    found = document.get_image_measurement_groups()
    assert len(found) == 3
    assert found[0].finding_type == CodedConcept.from_code(term("boundary"))
    assert found[0].source_images[0].referenced_sop_instance_uid == INSTANCE
    assert [group.tracking_identifier for group in found[1:]] == list(CASES)
    similarity = found[1].get_measurements()[1]
    assert similarity.value == pytest.approx(0.912346)
    assert similarity.unit == codes.UCUM.NoUnits


def test_dcmtk_reads_it(make_dicom: MakeDicom, tmp_path: Path) -> None:
    said = said_by("dsrdump", report(about(make_dicom), answered(), MAKER), tmp_path)
    assert said.startswith("Comprehensive SR Document\n")
    assert '"Verdict")=(caution,99ACIR,"Caution")' in said
    assert '"Reason of the verdict")=(nearest-neighbour,99ACIR,"nearest neighbour")' in said
    assert '"p-value of the verdict")="0.0123457" (1,UCUM,"no units")' in said
    assert '"Class")="cyst"' in said
    assert not [line for line in said.splitlines() if line.startswith(("E:", "F:"))]


@pytest.mark.parametrize("state", ["known", "caution", "unknown"])
def test_a_validator_finds_no_error(make_dicom: MakeDicom, tmp_path: Path, state: State) -> None:
    assert faults(report(about(make_dicom), answered(state), MAKER), tmp_path) == []


def test_no_message_names_the_patient_even_where_the_values_are_no_good(
    make_dicom: MakeDicom, identity: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    odd = {"PatientName": "CANARY=A=B=C=PATRICIA", "PatientSex": "CANARY!"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of writing what should not be written
        data = query(make_dicom, GREY, PatientBirthDate="471108150947 CANARY", **odd)
    caplog.clear()
    document = report(origin(data, "the query"), answered(), MAKER)
    assert document.PatientBirthDate == "471108150947 CANARY"
    assert document.PatientSex == "CANARY!"
    assert not leaked(identity, caplog.text)
