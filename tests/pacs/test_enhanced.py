"""What the frames of an enhanced object say, by hand: places, passes, and what is no stack."""

from collections.abc import Mapping

import pytest
from pydicom.datadict import tag_for_keyword

from acir.pacs.enhanced import Group, slices_of

TOP = {"Rows": "4", "InstanceNumber": "7", "ImagePositionPatient": "", "NumberOfFrames": "2"}
DIMENSIONS = [
    tag_for_keyword(keyword)
    for keyword in ("StackID", "InStackPositionNumber", "TemporalPositionIndex")
]

Said = Mapping[tuple[str, str], str]


def saying(words: Said) -> Group:
    return lambda macro, keyword: words.get((macro, keyword), "")


def at(height: float, **more: str) -> dict[tuple[str, str], str]:
    place = {("PlanePositionSequence", "ImagePositionPatient"): f"0\\0\\{height}"}
    return place | {("FrameContentSequence", keyword): value for keyword, value in more.items()}


def slices(
    *own: Said, shared: Said | None = None, top: Mapping[str, str] = TOP, along: bool = True
) -> list[Mapping[str, str]]:
    top = {**top, "NumberOfFrames": str(len(own))} if top is TOP else top
    dimensions = [tag or 0 for tag in DIMENSIONS] if along else []
    return slices_of(top, saying(shared or {}), [saying(one) for one in own], dimensions)


def test_a_frame_says_where_it_lies_and_the_rest_is_said_of_all_or_at_the_top() -> None:
    shared = {
        ("PlaneOrientationSequence", "ImageOrientationPatient"): "1\\0\\0\\0\\1\\0",
        ("MREchoSequence", "EffectiveEchoTime"): "30.5",
        ("MRDiffusionSequence", "DiffusionBValue"): "800",
    }
    own = {("MRDiffusionSequence", "DiffusionBValue"): "0"}
    first, second = slices(
        at(5, FrameAcquisitionNumber="3", TemporalPositionIndex="2") | own, at(10), shared=shared
    )
    assert first == {
        "Rows": "4",
        "InstanceNumber": "7",
        "NumberOfFrames": "2",
        "ImagePositionPatient": "0\\0\\5",
        "ImageOrientationPatient": "1\\0\\0\\0\\1\\0",
        "AcquisitionNumber": "3",
        "TemporalPositionIdentifier": "2",
        "EchoNumbers": "30.5",
        "DiffusionBValue": "0",
        "DimensionIndexValues": "",
    }
    assert (second["ImagePositionPatient"], second["DiffusionBValue"]) == ("0\\0\\10", "800")


def test_dimensions_but_those_along_a_stack_number_the_passes() -> None:
    # Stack, position in it, time.
    indices = ["1\\1\\1", "1\\2\\1", "1\\1\\2", "1\\2\\2", "2\\1\\2"]
    found = slices(*(at(n % 2, DimensionIndexValues=i) for n, i in enumerate(indices)))
    assert [one["DimensionIndexValues"] for one in found] == ["1", "1", "2", "2", "3"]
    short = slices(at(0, DimensionIndexValues="1"), at(1))
    assert [one["DimensionIndexValues"] for one in short] == ["1", ""]
    none = slices(at(0, DimensionIndexValues="1"), at(1), along=False)
    assert [one["DimensionIndexValues"] for one in none] == ["", ""]


def test_what_was_converted_keeps_the_words_of_its_slices() -> None:
    own, of_all = (
        f"Unassigned{whose}ConvertedAttributesSequence" for whose in ("PerFrame", "Shared")
    )
    found = slices(
        *(at(n) | {(own, "InstanceNumber"): str(9 - n)} for n in range(2)),
        shared={(of_all, "EchoNumbers"): "2"},
    )
    assert [(one["InstanceNumber"], one["EchoNumbers"]) for one in found] == [
        ("9", "2"),
        ("8", "2"),
    ]


def test_frames_that_do_not_lie_apart_are_one_slice() -> None:
    assert slices(at(5), at(5)) == [{**TOP, "NumberOfFrames": "2"}]  # a film
    assert slices({}, {}) == [{**TOP, "NumberOfFrames": "2"}]
    shared = {("PlanePositionSequence", "ImagePositionPatient"): "0\\0\\5"}
    assert slices({}, {}, shared=shared) == [{**TOP, "NumberOfFrames": "2"}]


@pytest.mark.parametrize("count", ["1", "3", "", "many"])
def test_other_groups_than_frames_are_not_believed(count: str) -> None:
    top = {**TOP, "NumberOfFrames": count}
    assert slices(at(5), at(10), top=top) == [top]


def test_a_single_frame_says_where_it_lies_too() -> None:
    for top in (TOP, {**TOP, "NumberOfFrames": ""}):
        (found,) = slices(at(5), top=top)
        assert found["ImagePositionPatient"] == "0\\0\\5"


def test_a_file_without_groups_is_one_slice() -> None:
    assert slices(top={"Rows": "4"}) == [{"Rows": "4"}]


@pytest.mark.parametrize(("announced", "count"), [("02", 2), ("+2 ", 2), ("3", 1), ("two", 1)])
def test_frames_are_counted_however_their_number_is_written(announced: str, count: int) -> None:
    top = {**TOP, "NumberOfFrames": announced}
    assert len(slices(at(5), at(10), top=top)) == count
