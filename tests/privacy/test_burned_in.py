"""Which pictures may show a name, and where the rules say that it is."""

import tomllib
from importlib.resources import files

import numpy as np
import pytest
from pydicom import Dataset

from acir.privacy.burned_in import hidden, is_risky, judge


def _picture(rows: int = 8, columns: int = 10, **values: object) -> Dataset:
    dataset = Dataset()
    dataset.Rows, dataset.Columns = rows, columns
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _region(left: int, top: int, right: int, bottom: int) -> Dataset:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = left, top
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = right, bottom
    return region


SLICE = ["DERIVED", "SECONDARY", "MPR"]


@pytest.mark.parametrize(
    ("values", "risky"),
    [
        ({"Modality": "CT"}, False),
        ({"Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY"]}, False),
        ({"Modality": "CR", "ImageType": ["DERIVED", "PRIMARY"]}, False),
        ({"Modality": "MR", "ImageType": SLICE, "ImagePositionPatient": [0, 0, 0]}, False),
        ({"Modality": "MR", "ImageType": SLICE}, True),
        ({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, True),
        ({"Modality": "CT", "SamplesPerPixel": 3}, True),
        ({"Modality": "SM", "SamplesPerPixel": 3}, False),
        ({"Modality": "SM", "ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, True),
        ({"Modality": "SM", "SpecimenLabelInImage": "YES"}, True),
        ({"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, True),
        ({"Modality": "US"}, True),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, False),
        ({"Modality": "CT", "BurnedInAnnotation": "YES"}, True),
        ({"Modality": "ES"}, True),
        ({"Modality": "OT", "BurnedInAnnotation": "unknown"}, True),
    ],
)
@pytest.mark.filterwarnings("ignore")  # pydicom's, of a value that is none of the standard's
def test_a_picture_is_risky_by_what_its_file_says(values: dict[str, object], risky: bool) -> None:
    assert is_risky(_picture(**values)) is risky


def test_outside_of_all_ultrasound_regions_everything_is_hidden() -> None:
    regions = [_region(2, 1, 4, 3), _region(6, 5, 20, 20)]
    black = hidden(_picture(SequenceOfUltrasoundRegions=regions))
    assert black is not None
    expected = np.ones((8, 10), dtype=bool)
    expected[1:4, 2:5] = False
    expected[5:, 6:] = False
    assert np.array_equal(black, expected)


def test_regions_outside_of_the_picture_are_no_rule() -> None:
    assert hidden(_picture(SequenceOfUltrasoundRegions=[_region(50, 50, 60, 60)])) is None
    assert hidden(_picture(SequenceOfUltrasoundRegions=[])) is None


def test_a_device_hides_its_rectangles_in_pictures_of_its_size() -> None:
    device = {"Modality": "US", "Manufacturer": "Acuson", "ManufacturerModelName": "Sequoia 512"}
    black = hidden(_picture(480, 640, **device))
    assert black is not None
    assert black[:30].all()
    assert not black[30:].any()
    assert hidden(_picture(481, 640, **device)) is None
    assert hidden(_picture(480, 640, **(device | {"Modality": "MR"}))) is None


def test_every_rule_of_a_device_hides_something_within_the_picture() -> None:
    text = files("acir.privacy").joinpath("devices.toml").read_text(encoding="utf-8")
    for rule in tomllib.loads(text)["device"]:
        black = hidden(
            _picture(
                rule["rows"] or 1080,
                rule["columns"] or 1920,
                Modality=rule["modality"],
                Manufacturer=rule["manufacturer"],
                ManufacturerModelName=rule["model"],
            )
        )
        assert black is not None
        assert 0 < black.mean() < 0.5
        for left, top, width, height in rule["hide"]:
            assert black[top : top + height, left : left + width].all()


def test_without_a_rule_a_person_has_to_look() -> None:
    found = judge(_picture(Modality="US"))
    assert found.black is None
    assert found.doubt == "it may show a name, and no rule says where"
    found = judge(_picture(Modality="US", SequenceOfUltrasoundRegions=[_region(0, 0, 4, 4)]))
    assert found.black is not None
    assert found.doubt is None
