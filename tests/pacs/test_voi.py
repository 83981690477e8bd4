"""What a frame shows, against the standard's formulas by hand and pydicom's own rendering."""

import numpy as np
import pytest
from jaxtyping import Shaped
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_windowing

from acir.pacs.voi import shown
from acir.prep.decode import Picture
from acir.prep.pixels import to_unit
from acir.types import ImageRecord

STORED = np.array([[-1000, 0, 40, 3000]], dtype=np.int16)


def _dataset(**attributes: object) -> Dataset:
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored, dataset.PixelRepresentation = 16, 1
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def _unit(picture: Picture) -> np.ndarray:
    record = ImageRecord(
        "a", picture.pixels, picture.value_range, "train", 0.5, inverted=picture.inverted
    )
    return to_unit(record)[:, :, 0]


def test_a_window_is_a_range_and_the_values_are_kept() -> None:
    # LINEAR, C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white beyond c - 0.5 + (w - 1) / 2
    picture = shown(_dataset(WindowCenter=40, WindowWidth=400), STORED)
    assert np.array_equal(picture.pixels, STORED)
    assert picture.value_range == (40 - 0.5 - 199.5, 40 - 0.5 + 199.5)


def test_an_exact_window_spans_its_width() -> None:
    attributes = {"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "LINEAR_EXACT"}
    assert shown(_dataset(**attributes), STORED).value_range == (-160, 240)


def test_the_window_is_one_of_values_after_rescaling() -> None:
    dataset = _dataset(WindowCenter=0, WindowWidth=101, RescaleSlope=2, RescaleIntercept=-50)
    picture = shown(dataset, STORED)
    assert picture.pixels.tolist() == [[-2050, -50, 30, 5950]]
    assert picture.value_range == (-50.5, 49.5)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(40, 400), (300.5, 1), (0, 7.25)])
def test_what_is_shown_is_what_pydicom_renders(function: str, centre: float, width: float) -> None:
    dataset = _dataset(
        WindowCenter=centre, WindowWidth=width, VOILUTFunction=function,
        RescaleSlope=1, RescaleIntercept=0,
    )  # fmt: skip
    values = np.arange(-800, 900, dtype=np.int16)[None]
    with np.errstate(over="ignore"):  # pydicom's exp
        rendered = apply_windowing(values, dataset)
    low, high = -(2.0**15), 2.0**15 - 1
    assert _unit(shown(dataset, values)) == pytest.approx((rendered - low) / (high - low), abs=1e-4)


def test_a_window_of_one_value_is_a_threshold() -> None:
    picture = shown(_dataset(WindowCenter=40, WindowWidth=1), np.array([[39, 40]], dtype=np.int16))
    assert _unit(picture).tolist() == [[0, 1]]


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32])
@pytest.mark.parametrize(
    ("slope", "intercept"), [(1, 0), (1, -1024), (-3, 7), (40000, -70000), (0.5, 1), (1, 0.25)]
)
def test_rescaled_values_are_pydicoms(kind: type, slope: float, intercept: float) -> None:
    ends = np.iinfo(kind)
    stored: np.ndarray = np.linspace(ends.min, ends.max, 64).astype(kind).reshape(8, 8)
    dataset = _dataset(RescaleSlope=slope, RescaleIntercept=intercept)
    expected = apply_modality_lut(stored, dataset)
    assert np.array_equal(shown(dataset, stored).pixels.astype(np.float32), expected.astype("f4"))


def test_the_values_of_a_ct_stay_whole_numbers() -> None:
    stored = np.array([[0, 24, 65535]], dtype=np.uint16)
    dataset = _dataset(RescaleSlope=1, RescaleIntercept=-32768, PixelRepresentation=0)
    pixels = shown(dataset, stored).pixels
    assert pixels.dtype == np.int16
    assert pixels.tolist() == [[-32768, -32744, 32767]]


def test_the_first_of_several_windows_counts() -> None:
    dataset = _dataset(WindowCenter=[40, 500], WindowWidth=[400, 2000])
    assert shown(dataset, STORED).value_range == (-160, 239)


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"WindowCenter": 40},
        {"WindowCenter": 40, "WindowWidth": 0},
        {"WindowCenter": "", "WindowWidth": ""},
        {"WindowCenter": 40, "WindowWidth": 0.5},
    ],
)
def test_without_a_window_that_the_standard_allows_the_values_there_are_count(
    window: dict[str, object],
) -> None:
    assert shown(_dataset(**window), STORED).value_range == (-1000, 3000)


def test_padding_has_no_say_in_the_range() -> None:
    dataset = _dataset(PixelPaddingValue=-1000)
    assert shown(dataset, STORED).value_range == (0, 3000)
    dataset.PixelPaddingRangeLimit = 0
    assert shown(dataset, STORED).value_range == (40, 3000)
    everything = np.full((1, 2), -1000, dtype=np.int16)
    assert shown(dataset, everything).value_range == (-1000, -999)


@pytest.mark.parametrize(("kind", "padding"), [(np.int16, 63536), (np.uint16, -2000)])
def test_padding_of_the_other_sign_is_the_same_bits(kind: type, padding: int) -> None:
    stored: Shaped[np.ndarray, "1 3"] = np.array([[-2000, 7, 50]], dtype=np.int16).view(kind)
    assert shown(_dataset(PixelPaddingValue=padding), stored).value_range == (7, 50)


@pytest.mark.parametrize(("slope", "white"), [(1, 255), (2, 510)])
def test_eight_bits_are_shown_whole(slope: float, white: float) -> None:
    stored = np.array([[3, 200]], dtype=np.uint8)
    dataset = _dataset(BitsStored=8, PixelRepresentation=0, RescaleSlope=slope, RescaleIntercept=0)
    assert shown(dataset, stored).value_range == (0, white)


def test_a_modality_table_gives_the_values() -> None:
    table = Dataset()
    table.LUTDescriptor = [3, 10, 16]
    table.add_new("LUTData", "US", [100, 200, 300])
    dataset = _dataset(ModalityLUTSequence=[table], PixelRepresentation=0)
    stored = np.array([[9, 10, 11, 12, 13]], dtype=np.uint16)
    assert shown(dataset, stored).pixels.tolist() == [[100, 100, 200, 300, 300]]


def test_a_table_of_interest_is_applied_and_goes_before_a_window() -> None:
    table = Dataset()
    table.LUTDescriptor = [3, 10, 12]
    table.add_new("LUTData", "US", [0, 4095, 100])
    dataset = _dataset(VOILUTSequence=[table], WindowCenter=40, WindowWidth=400)
    picture = shown(dataset, np.array([[9, 10, 11, 12, 13]], dtype=np.int16))
    assert picture.pixels.tolist() == [[0, 0, 4095, 100, 100]]
    assert picture.value_range == (0, 4095)


@pytest.mark.parametrize(
    "attributes",
    [{"PhotometricInterpretation": "MONOCHROME1"}, {"PresentationLUTShape": "INVERSE"}],
)
def test_the_smallest_value_is_white_where_the_file_says_so(attributes: dict[str, object]) -> None:
    dataset = _dataset(WindowCenter=40, WindowWidth=400, **attributes)
    assert _unit(shown(dataset, STORED))[0, [0, 3]].tolist() == [1, 0]


def test_a_palette_gives_colours() -> None:
    dataset = _dataset(PhotometricInterpretation="PALETTE COLOR", PixelRepresentation=0)
    colours: dict[str, list[int]] = {"Red": [0, 255], "Green": [10, 20], "Blue": [7, 8]}
    for colour, entries in colours.items():
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [2, 0, 8])
        dataset[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
        setattr(dataset, f"{colour}PaletteColorLookupTableData", bytes(entries))
    picture = shown(dataset, np.array([[1, 0]], dtype=np.uint8))
    assert picture.pixels.tolist() == [[[255, 20, 8], [0, 10, 7]]]
    assert picture.value_range == (0, 255)


def test_colour_uses_all_its_bits() -> None:
    dataset = _dataset(PhotometricInterpretation="RGB", BitsStored=8)
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    assert shown(dataset, pixels).value_range == (0, 255)
