"""The parametric map: values, meaning and place, by hand and by a validator."""

from pathlib import Path

import numpy as np
import pytest
from highdicom.pm import ParametricMap
from pydicom.dataset import Dataset

from acir.pacs.heat_map import heat_map
from acir.pacs.origin import Origin, origin
from made_answer import GREY, INSTANCE, MAKER, SPACE, MakeDicom, about, faults, query, reread

DEVIATIONS = np.linspace(-1.5, 6, 48, dtype=np.float32).reshape(6, 8)


def drawn(found: Origin) -> ParametricMap:
    made = heat_map(found, DEVIATIONS, MAKER)
    assert made is not None
    return made


def test_the_values_are_kept_to_the_last_bit(make_dicom: MakeDicom) -> None:
    made = reread(drawn(about(make_dicom)))
    assert made.SOPClassUID == "1.2.840.10008.5.1.4.1.1.30"  # Parametric Map
    assert (made.Rows, made.Columns, made.NumberOfFrames, made.BitsAllocated) == (6, 8, 1, 32)
    assert np.array_equal(made.pixel_array, DEVIATIONS)
    assert made.FloatPixelData == DEVIATIONS.astype("<f4").tobytes()


def test_a_value_is_a_number_of_standard_deviations(make_dicom: MakeDicom) -> None:
    made = reread(drawn(about(make_dicom)))
    (shared,) = made.SharedFunctionalGroupsSequence
    (meaning,) = shared.RealWorldValueMappingSequence
    assert (meaning.RealWorldValueSlope, meaning.RealWorldValueIntercept) == (1, 0)
    assert meaning.DoubleFloatRealWorldValueFirstValueMapped == -1.5
    assert meaning.DoubleFloatRealWorldValueLastValueMapped == 6
    assert meaning.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    quantity = meaning.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("deviation", "99ACIR")
    window = shared.FrameVOILUTSequence[0]
    assert (window.WindowCenter, window.WindowWidth) == (2.5, 5)


def test_it_lies_where_the_image_lies(make_dicom: MakeDicom) -> None:
    made = reread(drawn(about(make_dicom)))
    shared, own = made.SharedFunctionalGroupsSequence[0], made.PerFrameFunctionalGroupsSequence[0]
    assert made.FrameOfReferenceUID == SPACE
    assert own.PlanePositionSequence[0].ImagePositionPatient == [-10.5, 20, 30]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    assert orientation == [1, 0, 0, 0, 1, 0]
    measures = shared.PixelMeasuresSequence[0]
    assert measures.PixelSpacing == [0.5, 0.75]
    assert measures.SliceThickness == 3
    assert "SpacingBetweenSlices" not in measures
    source = own.DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == INSTANCE
    assert source.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert "ReferencedFrameNumber" not in source
    assert made.ContentQualification == "RESEARCH"


def test_a_slice_without_a_thickness_has_a_map(make_dicom: MakeDicom) -> None:
    made = reread(drawn(about(make_dicom, SliceThickness="")))
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.get("SliceThickness") is None


def test_the_frame_of_an_enhanced_object_is_named(make_dicom: MakeDicom) -> None:
    own = []
    for z in (3, 7):
        place, item = Dataset(), Dataset()
        place.ImagePositionPatient = [1, 2, z]
        item.PlanePositionSequence = [place]
        own.append(item)
    shared, axes, sizes = Dataset(), Dataset(), Dataset()
    axes.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    sizes.PixelSpacing = [1, 1]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [axes], [sizes]
    data = query(
        make_dicom,
        np.stack([GREY, GREY]),
        FrameOfReferenceUID=SPACE,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=own,
    )
    made = reread(drawn(origin(data, "a")))
    frame = made.PerFrameFunctionalGroupsSequence[0]
    assert frame.PlanePositionSequence[0].ImagePositionPatient == [1, 2, 7]
    assert frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber == 2


def test_an_image_in_no_known_place_has_no_map(make_dicom: MakeDicom) -> None:
    assert heat_map(origin(query(make_dicom), "a"), DEVIATIONS, MAKER) is None


@pytest.mark.parametrize("laterality", ["L", ""])
def test_a_validator_finds_no_error(make_dicom: MakeDicom, tmp_path: Path, laterality: str) -> None:
    made = drawn(about(make_dicom, Laterality=laterality))
    assert (made.Laterality or "") == laterality
    assert faults(made, tmp_path) == []
