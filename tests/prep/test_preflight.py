"""What is no picture is refused with a named reason; what is one never is."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Float
from PIL import Image, ImageFile

from acir.prep.preflight import Finding, preflight
from acir.types import ImageRecord

Picture = Float[np.ndarray, "height width"]


def _found(unit: Float[np.ndarray, "..."]) -> Finding | None:
    channels = unit if unit.ndim == 3 else unit[..., None]
    pixels = channels[..., 0] if channels.shape[2] == 1 else channels
    record = ImageRecord("a", pixels, (0.0, 1.0), "train", 0.0)
    return preflight(record, channels)


def _code(unit: Float[np.ndarray, "..."]) -> str | None:
    found = _found(unit)
    return found.reason_code if found else None


def _grid(side: int) -> tuple[Picture, Picture]:
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    return y, x


def _body(side: int) -> Picture:
    """An axial slice: an ellipse with two organs in air, on a table."""
    y, x = _grid(side)
    body = ((y - 0.4) / 0.28) ** 2 + ((x - 0.5) / 0.42) ** 2 < 1
    organs = ((y - 0.38) / 0.1) ** 2 + ((np.abs(x - 0.5) - 0.2) / 0.1) ** 2 < 1
    table = (np.abs(y - 0.7) < 0.01) & (np.abs(x - 0.5) < 0.45)
    return np.where(organs, 0.2, np.where(body, 0.55, np.where(table, 0.8, 0.0)))


def _radiograph(side: int) -> Picture:
    y, x = _grid(side)
    lungs: Picture = 0.6 * np.sin(np.pi * x) ** 2
    unit: Picture = 0.2 + 0.5 * y * (1 - lungs) + 0.05 * np.sin(40 * y)
    return unit


def _field_of_view(side: int) -> Picture:
    """An endoscope's circle in black that ends above the lower quarter."""
    y, x = _grid(side)
    return np.where((y - 0.4) ** 2 + (x - 0.5) ** 2 < 0.34**2, 0.4 + 0.3 * x, 0.0)


def _letterbox(side: int) -> Picture:
    return np.where(np.abs(_grid(side)[0] - 0.5) < 0.2, _radiograph(side), 0.0)


def _fan(side: int) -> Picture:
    """An ultrasound sector, widest at its curved lower end."""
    y, x = _grid(side)
    inside = (np.abs(x - 0.5) < 0.1 + 0.6 * y) & (y**2 + (x - 0.5) ** 2 < 0.74**2)
    return np.where(inside, 0.3 + 0.2 * np.sin(60 * y), 0.0)


PICTURES = [_body, _radiograph, _field_of_view, _letterbox, _fan]


@pytest.mark.parametrize("side", [28, 64, 224])
@pytest.mark.parametrize("draw", PICTURES)
def test_an_ordinary_picture_passes(draw: Callable[[int], Picture], side: int) -> None:
    assert _code(draw(side)) is None
    assert _code(1 - draw(side)) is None


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sigma", [0.0, 0.01])
def test_a_constant_is_blank_even_with_faint_noise(value: float, sigma: float) -> None:
    noise = np.random.default_rng(0).normal(0, sigma, (64, 64)) if sigma else np.zeros((64, 64))
    assert _code(np.clip(value + noise, 0, 1)) == "blank"


@pytest.mark.parametrize(("rows", "expected"), [(5, "blank"), (6, None)])
def test_blank_begins_where_95_percent_have_one_value(rows: int, expected: str | None) -> None:
    # 100 x 100: the picture covers `rows` per cent; 5 leave exactly 95 % black.
    unit = np.zeros((100, 100))
    unit[40 : 40 + rows] = np.linspace(0.3, 1, 100)
    assert _code(unit) == expected


def test_one_colour_is_blank_and_two_of_equal_brightness_are_not() -> None:
    unit = np.tile([0.8, 0.2, 0.2], (32, 32, 1))
    assert _code(unit) == "blank"
    unit[:, :16] = [0.2, 0.8, 0.2]
    assert _code(unit) is None


def test_the_reason_says_how_much_is_blank() -> None:
    found = _found(np.zeros((8, 8)))
    assert found == Finding("blank", "the picture is blank: 100% of it has one value")


@pytest.mark.parametrize(("low", "high"), [(-50.0, 0.0), (99.0, 200.0)])
def test_a_window_that_misses_all_values_is_named(low: float, high: float) -> None:
    record = ImageRecord("a", np.arange(100.0).reshape(10, 10), (low, high), "train", 0.0)
    unit = np.full((10, 10, 1), float(high <= 0))
    found = preflight(record, unit)
    assert found is not None
    assert found.reason == (
        f"the picture is blank: all stored values lie outside the window {low:g} to {high:g}"
    )


@pytest.mark.parametrize("missing", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("fill", [0.0, 128 / 255, 1.0])
@pytest.mark.parametrize("side", [28, 64, 224])
def test_missing_rows_are_seen_whatever_fills_them(missing: float, fill: float, side: int) -> None:
    unit = _radiograph(side)
    unit[side - round(missing * side) :] = fill
    assert _code(unit) == "truncated"


def test_a_body_cut_by_black_rows_is_truncated() -> None:
    unit = _body(224)
    unit[90:] = 0
    assert _code(unit) == "truncated"


def test_the_reason_says_how_much_is_missing() -> None:
    unit = _radiograph(64)
    unit[32:] = 0
    found = _found(unit)
    assert found is not None
    assert found.reason == "the picture ends early: the lower 50% is one constant value"


def test_few_black_rows_are_a_border_and_as_many_mid_grey_ones_are_not() -> None:
    unit = _radiograph(60)
    unit[50:] = 0
    assert _code(unit) is None
    unit[50:] = 128 / 255
    assert _code(unit) == "truncated"


def test_half_a_jpeg_read_by_a_lenient_decoder_is_truncated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    file = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.05, (256, 256))
    pixels = (255 * np.clip(_radiograph(256) + noise, 0, 1)).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    half = file.getvalue()[: len(file.getvalue()) // 2]
    assert _code(np.asarray(Image.open(io.BytesIO(half))) / 255) == "truncated"


def _scan_in_grey_air(side: int) -> Picture:
    """A slice whose window shows air in mid-grey, with bands of it above and below."""
    return np.where(_body(side) > 0, _body(side), 128 / 255)


def test_grey_air_around_a_scan_is_not_missing_even_when_compressed_hard() -> None:
    for quality in (95, 20, 5):
        file = io.BytesIO()
        Image.fromarray((255 * _scan_in_grey_air(64)).round().astype(np.uint8)).save(
            file, "JPEG", quality=quality
        )
        assert _code(np.asarray(Image.open(file)) / 255) is None


@pytest.mark.parametrize(("value", "name"), [(0.0, "black"), (1.0, "white")])
def test_a_window_that_leaves_hardly_anything_is_named(value: float, name: str) -> None:
    unit = np.full((100, 100), value)
    unit[:2] = 0.5
    found = _found(unit)
    assert found == Finding(
        "blank", f"the picture is blank: 98% of it is {name}, as a wrong window leaves it"
    )


def _framed(side: int, shade: float, thickness: int) -> Picture:
    """A radiograph in a frame."""
    unit = np.full((side, side), shade)
    inside = slice(thickness, side - thickness)
    unit[inside, inside] = _radiograph(side)[inside, inside]
    return unit


@pytest.mark.parametrize("shade", [0.9, 1.0])
@pytest.mark.parametrize(("side", "thickness"), [(28, 1), (64, 2), (64, 16), (224, 7)])
def test_a_picture_in_a_frame_is_refused(shade: float, side: int, thickness: int) -> None:
    assert _code(_framed(side, shade, thickness)) == "frame"


def test_a_thinner_frame_is_a_margin() -> None:
    assert _code(_framed(64, 1.0, 1)) is None


def test_the_reason_says_how_bright_the_frame_is() -> None:
    assert _found(_framed(64, 0.8, 8)) == Finding(
        "frame",
        "a constant frame of brightness 80% surrounds the picture, as on a page or a screen; cut "
        "the picture out of it",
    )


def test_a_black_frame_is_a_shutter_or_padding() -> None:
    assert _code(_framed(64, 0.0, 8)) is None


def test_a_frame_of_three_sides_or_with_round_edges_is_none() -> None:
    unit = _framed(64, 1.0, 8)
    unit[:8] = _radiograph(64)[:8]
    assert _code(unit) is None
    assert _code(1 - _field_of_view(64)) is None


def test_a_frame_survives_gentle_jpeg() -> None:
    file = io.BytesIO()
    pixels = (255 * _framed(64, 1.0, 10)).round().astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    assert _code(np.asarray(Image.open(file)) / 255) == "frame"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((16, 80), None), ((80, 16), None), ((15, 40), "shape"), ((16, 81), "shape")],
)
def test_a_strip_is_no_picture(shape: tuple[int, int], expected: str | None) -> None:
    unit = np.random.default_rng(0).random(shape)
    assert _code(unit) == _code(unit.T) == expected


def test_the_reason_gives_the_shape() -> None:
    random = np.random.default_rng(0)
    assert _found(random.random((8, 40))) == Finding(
        "shape", "the picture has 8 x 40 pixels, expected at least 16 along each side"
    )
    assert _found(random.random((300, 40))) == Finding(
        "shape",
        "the picture has 300 x 40 pixels: one side is more than 5 times as long as the other",
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_unreadable(value: float) -> None:
    unit = _radiograph(28)
    unit[3, 4] = value
    assert _found(unit) == Finding("unreadable", "some of its pixel values are not numbers")
