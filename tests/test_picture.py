"""A record of whatever a caller has: what it is made of, and what is refused."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
from PIL import Image

from acir.errors import SourceError, UnreadableImageError, UsageError
from acir.picture import as_record, each, from_bytes
from made_model import draw, save


def test_a_record_is_taken_as_it_is() -> None:
    record = as_record(draw("disc", 300), b"key")
    assert as_record(record, b"another key") is record


def test_a_picture_of_no_file_has_no_patient_and_is_called_picture() -> None:
    record = as_record(draw("disc", 300), b"key")
    assert (record.id, record.patient, record.value_range) == ("picture", None, (0, 255))
    assert np.array_equal(record.pixels, draw("disc", 300))


def test_the_byte_order_of_an_array_does_not_matter() -> None:
    pixels = draw("disc", 300).astype(np.uint16) * 100
    found = as_record(pixels.astype(pixels.dtype.newbyteorder()), b"key")
    assert found.value_range == as_record(pixels, b"key").value_range == (0, 65535)
    assert found.pixel_hash == as_record(pixels, b"key").pixel_hash


def test_an_array_of_a_subclass_is_the_array_in_it() -> None:
    pixels = draw("disc", 300)
    found = as_record(pixels.view(np.recarray), b"key")
    assert type(found.pixels) is np.ndarray
    assert found.pixel_hash == as_record(pixels, b"key").pixel_hash


def test_a_masked_array_is_refused_unless_it_masks_nothing() -> None:
    whole = as_record(np.ma.masked_array(draw("disc", 300)), b"key")
    assert whole.pixel_hash == as_record(draw("disc", 300), b"key").pixel_hash
    masked = np.ma.masked_array(draw("disc", 300), draw("disc", 300) > 9)
    with pytest.raises(UsageError, match="a masked array is no picture; fill it first"):
        as_record(masked, b"key")


def test_a_file_is_called_by_its_path(tmp_path: Path) -> None:
    path = save(draw("disc", 300), tmp_path / "scan.png")
    assert as_record(path, b"key").id == as_record(str(path), b"key").id == str(path)


@pytest.mark.parametrize(
    "picture",
    [[[0, 1]], None, np.array([["a", "b"]]), np.zeros((4, 4), dtype=np.complex64)],
)
def test_what_is_no_picture_is_refused(picture: object, monkeypatch: pytest.MonkeyPatch) -> None:
    # A caller's types are not checked as they are in these tests.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(UsageError, match="a picture is a path, a Pillow image, an array of num"):
        as_record(picture, b"key")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(4,), (4, 4, 4), (2, 4, 4, 3), (0, 4)])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"the array has shape .*, expected \(height, width\)"):
        as_record(np.zeros(shape, dtype=np.uint8), b"key")


def _cut() -> Image.Image:
    file = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(256, size=(64, 64), dtype=np.uint8)).save(
        file, "PNG"
    )
    return Image.open(BytesIO(file.getvalue()[:2000]))


def _closed() -> Image.Image:
    image = _cut()
    image.close()
    return image


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (_cut(), "image file is truncated"),
        (_closed(), "Operation on closed image"),
        (Image.new("L", (0, 4)), r"pixels of picture have shape \(4, 0\)"),
        (Image.fromarray(np.full((4, 4), np.nan, np.float32)), "values that are not finite"),
    ],
)
def test_a_pillow_image_without_pixels_is_unreadable(image: Image.Image, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=f"cannot read picture: .*{reason}"):
        as_record(image, b"key")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_makes_an_array_unreadable(value: float) -> None:
    with pytest.raises(UnreadableImageError, match="picture") as raised:
        as_record(np.array([[0.0, value], [0.5, 1.0]]), b"key")
    assert raised.value.code == "unreadable"


def test_an_unreadable_file_is_refused_with_its_code(tmp_path: Path) -> None:
    path = save(draw("bars", 300), tmp_path / "half.png")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UnreadableImageError, match=r"half\.png") as raised:
        as_record(path, b"key")
    assert raised.value.code == "truncated"


def test_a_place_with_more_or_fewer_pictures_than_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no picture, expected one"):
        as_record(tmp_path, b"key")
    for name in ("one.png", "two.png"):
        save(draw("disc", 300), tmp_path / "test" / "disc" / name)
    with pytest.raises(SourceError, match="holds several pictures, expected one; name a single"):
        as_record(tmp_path, b"key")
    with pytest.raises(SourceError, match="there is nothing at"):
        as_record(tmp_path / "nowhere.png", b"key")


def test_bytes_make_the_record_of_their_file(tmp_path: Path) -> None:
    path = save(draw("disc", 300), tmp_path / "scan.png")
    record = from_bytes(path.read_bytes(), b"key", "upload")
    assert record.id == "upload"
    assert record.pixel_hash == as_record(path, b"key").pixel_hash


def test_bytes_of_a_dicom_file_make_a_record_without_identity(
    tmp_path: Path, make_dicom: Callable[..., bytes], identity: tuple[str, ...]
) -> None:
    data = make_dicom(draw("disc", 300))
    path = tmp_path / "scan.dcm"
    path.write_bytes(data)
    record, expected = from_bytes(data, b"key", "upload"), as_record(path, b"key")
    assert record.id == "upload"
    assert record.pixel_hash == expected.pixel_hash
    assert (record.patient, record.metadata) == (expected.patient, expected.metadata)
    assert not any(word in str(record) for word in identity)


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(UnreadableImageError, match="cannot read upload: its content is no pict"):
        from_bytes(b"no picture", b"key", "upload")


def test_a_file_whose_name_is_no_text_has_an_id_that_is(tmp_path: Path) -> None:
    place = os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfcn.png")
    save(draw("disc", 300), Path(place))
    assert as_record(place, b"key").id == f"{tmp_path}/gr\\xfcn.png"


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3)])
def test_one_array_is_not_several_pictures(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"shape \(4.* is one picture, expected several; give a"):
        each(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 4, 4, 3), (3, 4, 4), (0, 4, 4)])
def test_an_array_of_pictures_is_several(shape: tuple[int, ...]) -> None:
    batch = np.zeros(shape, np.uint8)
    assert [as_record(one, b"key").pixels.shape for one in each(batch)] == [shape[1:]] * shape[0]
