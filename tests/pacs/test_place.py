"""Where a slice lies, read from what headers hold."""

import pytest

from acir.pacs.place import Place, normal_of, place_of

WORDS = {
    "Rows": "512",
    "Columns": "256",
    "InstanceNumber": " 7 ",
    "ImageOrientationPatient": "1\\0\\0\\0\\0.6\\-0.8",
    "ImagePositionPatient": "-125.5\\-1e1\\3",
    "AcquisitionNumber": "2",
    "EchoNumbers": "1\\2",
    "DiffusionBValue": "800.0",
}


def read(**changes: str) -> Place:
    return place_of({**WORDS, **changes}, id="i", series="s", reference="r")


def test_a_place_is_read_from_the_words_of_a_header() -> None:
    assert read() == Place(
        id="i",
        series="s",
        reference="r",
        size=(512, 256),
        number=7,
        passes=(2.0, None, 1.0, 800.0, None),
        orientation=(1.0, 0.0, 0.0, 0.0, 0.6, -0.8),
        position=(-125.5, -10.0, 3.0),
    )


@pytest.mark.parametrize(
    "orientation",
    [
        "",
        "CANARY",
        "1\\0\\0\\0\\1",
        "1\\0\\0\\0\\1\\nan",
        "1\\0\\0\\0\\2\\0",  # not of unit length
        "1\\0\\0\\1\\0\\0",  # one direction twice
        "0\\0\\0\\0\\0\\0",
        "1e300\\0\\0\\0\\1\\0",
    ],
)
def test_what_is_no_orientation_counts_as_missing(orientation: str) -> None:
    assert read(ImageOrientationPatient=orientation).orientation is None


@pytest.mark.parametrize(
    "position", ["", "1\\2", "1\\2\\inf", "1\\2\\3\\4", "a\\b\\c", "0\\0\\1e9"]
)
def test_what_is_no_point_counts_as_missing(position: str) -> None:
    assert read(ImagePositionPatient=position).position is None


def test_what_is_no_number_counts_as_missing() -> None:
    found = read(InstanceNumber="", AcquisitionNumber="PATRICIA", Rows="")
    assert (found.number, found.passes[0], found.size) == (None, None, (0, 256))


def test_cosines_of_two_decimals_are_directions() -> None:
    # cos and sin of 20 degrees: 0.94**2 + 0.34**2 = 0.9992
    assert read(ImageOrientationPatient="0.94\\0.34\\0\\-0.34\\0.94\\0").orientation is not None


def test_the_normal_has_unit_length() -> None:
    assert normal_of((1.0, 0.0, 0.0, 0.0, 0.6, -0.8)) == pytest.approx((0.0, 0.8, 0.6))
    assert normal_of((0.995, 0.0, 0.0, 0.0, 0.0, -1.0)) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"passes": (None,)}, "there are 1 passes, expected 5"),
        ({"orientation": (0.0,) * 6}, "the orientation is not two unit vectors at right angles"),
        ({"position": (1.0, 2.0)}, "the position is not three numbers of millimetres"),
    ],
)
def test_a_place_is_valid_once_made(change: dict[str, object], said: str) -> None:
    values = {**vars(read()), **change}
    with pytest.raises(ValueError, match=said):
        Place(**values)
