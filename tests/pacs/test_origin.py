"""What a result inherits: names, frame and place, and nothing said of the patient."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from acir.errors import UnreadableImageError, UsageError
from acir.pacs import reader
from acir.pacs.origin import origin
from made_answer import GREY, PLACED, SPACE, MakeDicom, about, leaked, query

KEY = bytes(range(32))


def group(macro: str, **values: object) -> Dataset:
    item, outer = Dataset(), Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    setattr(outer, macro, [item])
    return outer


def test_a_slice_has_a_place(make_dicom: MakeDicom) -> None:
    found = about(make_dicom)
    assert found.frame is None
    assert found.place is not None
    assert found.place.reference == SPACE
    assert found.place.position == (-10.5, 20, 30)
    assert found.place.orientation == (1, 0, 0, 0, 1, 0)
    assert found.place.spacing == (0.5, 0.75)
    assert found.place.thickness == 3
    unsaid = about(make_dicom, SliceThickness="").place
    assert unsaid == replace(found.place, thickness=None)


@pytest.mark.parametrize(
    "missing",
    [
        {"FrameOfReferenceUID": ""},
        {"ImagePositionPatient": ""},
        {"ImageOrientationPatient": [1, 0, 0]},
        {"PixelSpacing": ""},
    ],
)
def test_without_all_of_them_an_image_lies_in_no_known_place(
    make_dicom: MakeDicom, missing: dict[str, object]
) -> None:
    assert about(make_dicom, **missing).place is None


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_of_several_frames_it_is_the_one_that_the_reader_takes(
    make_dicom: MakeDicom, frames: int
) -> None:
    stack = np.stack([GREY + 100 * n for n in range(frames)])
    data = query(make_dicom, stack, **PLACED)
    found = origin(data, "a")
    assert found.frame is not None
    seen = reader.read(data, KEY, "a").picture.pixels
    assert np.array_equal(seen, stack[found.frame - 1])
    assert found.place is None  # the top of the file does not say which frame lies there


def test_a_frame_of_an_enhanced_object_has_a_place_of_its_own(make_dicom: MakeDicom) -> None:
    stack = np.stack([GREY, GREY + 100])
    shared = group("PlaneOrientationSequence", ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    shared.update(group("PixelMeasuresSequence", PixelSpacing=[2, 1], SliceThickness=4))
    own = [group("PlanePositionSequence", ImagePositionPatient=[1, 2, z]) for z in (3, 7)]
    data = query(
        make_dicom,
        stack,
        FrameOfReferenceUID=SPACE,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=own,
    )
    found = origin(data, "a")
    assert found.frame == 2
    assert found.place is not None
    assert found.place.position == (1, 2, 7)
    assert found.place.orientation == (0, 1, 0, 0, 0, -1)
    assert found.place.spacing == (2, 1)
    assert found.place.thickness == 4
    first = origin(data, "a", 1)
    assert first.frame == 1
    assert first.place == replace(found.place, position=(1.0, 2.0, 3.0))


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("value", ["", "1..2"])
def test_an_image_that_does_not_say_which_it_is_is_refused(
    make_dicom: MakeDicom, keyword: str, value: str
) -> None:
    data = query(make_dicom, GREY, **{keyword: "1.2.345678"})
    data = data.replace(b"1.2.345678", value.ljust(10, "\0").encode())
    with pytest.raises(UsageError, match=f"the query has no valid {keyword}, expected one: a res"):
        origin(data, "the query")


def test_a_damaged_header_is_refused_in_words_of_our_own(
    make_dicom: MakeDicom, identity: tuple[str, ...]
) -> None:
    data = query(make_dicom, **PLACED).replace(b"0.5\\0.75", b"CANARY^X")
    with pytest.raises(UnreadableImageError, match="cannot read the query: its header is dam") as e:
        origin(data, "the query")
    assert e.value.__cause__ is None
    assert not leaked(identity, str(e.value))


def test_nothing_names_the_patient(
    make_dicom: MakeDicom, identity: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    found = about(make_dicom)
    assert str(found.header.PatientName) == "CANARY^PATRICIA"
    assert not leaked(identity, repr(found) + caplog.text)
