"""Array files against what NumPy saved, and every way in which one is wrong."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from acir.errors import SourceError, UnreadableImageError
from acir.prep import arrays as module
from acir.prep.arrays import ArrayFile, Item

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 4, 3), dtype=np.uint8)
LABELS = np.array([[0], [1], [2], [1], [0]], dtype=np.uint8)


def _save(folder: Path, **arrays: object) -> Path:
    np.savez_compressed(folder / "a.npz", **arrays)  # type: ignore[arg-type]
    return folder / "a.npz"


def _items(folder: Path, **arrays: object) -> list[Item]:
    return list(ArrayFile(_save(folder, **arrays)).items("train"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, ">u2"])
def test_pixels_come_back_as_numpy_saved_them(tmp_path: Path, dtype: type[np.generic]) -> None:
    saved = GREY.astype(dtype)
    items = _items(tmp_path, train_images=saved)
    assert [item.position for item in items] == [0, 1, 2, 3, 4]
    assert np.array_equal(np.stack([item.pixels for item in items]), saved)
    assert {item.pixels.dtype.isnative for item in items} == {True}


@pytest.mark.parametrize(("channels", "shape"), [((3,), (4, 3, 3)), ((1,), (4, 3))])
def test_colour_keeps_its_channels_and_one_channel_is_grey(
    tmp_path: Path, channels: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    images = np.zeros((2, 4, 3, *channels), dtype=np.uint8)
    assert {i.pixels.shape for i in _items(tmp_path, train_images=images)} == {shape}


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, 0], LABELS.astype(np.int64)])
def test_a_class_is_called_by_its_number_or_by_its_name(tmp_path: Path, labels: np.ndarray) -> None:
    numbers = _items(tmp_path, train_images=GREY, train_labels=labels)
    assert [i.labels for i in numbers] == [("0",), ("1",), ("2",), ("1",), ("0",)]
    names = np.array(["ape", "bee", "cat"])
    named = _items(tmp_path, train_images=GREY, train_labels=labels, class_names=names)
    assert [i.labels for i in named] == [("ape",), ("bee",), ("cat",), ("bee",), ("ape",)]


def test_the_files_own_names_go_before_given_ones(tmp_path: Path) -> None:
    path = _save(tmp_path, train_images=GREY, train_labels=LABELS)
    given = ArrayFile(path, ["x", "y", "z"])
    assert [i.labels for i in given.items("train")][:3] == [("x",), ("y",), ("z",)]
    names = np.array(["ape", "bee", "cat"])
    path = _save(tmp_path, train_images=GREY, train_labels=LABELS, class_names=names)
    assert next(ArrayFile(path, ["x", "y", "z"]).items("train")).labels == ("ape",)


def test_several_columns_are_several_labels_of_a_picture(tmp_path: Path) -> None:
    hot = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1]], dtype=np.uint8)
    items = _items(tmp_path, train_images=GREY, train_labels=hot)
    assert [i.labels for i in items] == [("0", "2"), (), ("1",), ("0", "1", "2"), ("2",)]


def test_the_file_that_a_picture_came_from_is_kept(tmp_path: Path) -> None:
    names = np.array([f"{n}.jpg" for n in range(5)])
    items = _items(tmp_path, train_images=GREY, train_files=names)
    assert [i.file for i in items] == list(names)
    assert {i.file for i in _items(tmp_path, train_images=GREY)} == {None}


def test_a_split_that_is_not_there_has_no_pictures(tmp_path: Path) -> None:
    file = ArrayFile(_save(tmp_path, test_images=GREY))
    assert [len(list(file.items(split))) for split in ("train", "val", "test")] == [0, 0, 5]


def test_another_split_is_not_read(tmp_path: Path) -> None:
    objects = np.array([{}], dtype=object)
    file = ArrayFile(_save(tmp_path, train_images=GREY, test_images=objects))
    assert len(list(file.items("train"))) == 5


def test_a_picture_is_read_without_the_rest_of_its_array(tmp_path: Path) -> None:
    path = _save(tmp_path, train_images=RNG.integers(0, 256, (5, 90, 90), dtype=np.uint8))
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 255
    path.write_bytes(data)
    items = ArrayFile(path).items("train")
    next(items)
    with pytest.raises(SourceError, match="cannot be read, train_images"):
        list(items)


def test_a_picture_that_is_not_finite_is_unreadable(tmp_path: Path) -> None:
    images = np.array([[[0.5]], [[np.inf]]], dtype=np.float32)
    one, two = _items(tmp_path, train_images=images)
    assert one.picture("a").value_range == (0, 1)
    with pytest.raises(UnreadableImageError, match="cannot read b: it has values that are not fin"):
        two.picture("b")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"images": GREY},
            "holds the arrays images, expected at least one of train_images, val_images, test_im",
        ),
        (
            {"train_images": np.array([{}], dtype=object)},
            "train_images: it holds Python objects, which are never loaded; save or download",
        ),
        (
            {"train_images": np.asfortranarray(GREY)},
            "train_images: it is in Fortran order; save numpy.ascontiguousarray of it",
        ),
        ({"train_images": np.zeros((5, 4))}, r"it has shape \(5, 4\), expected \(n, height, width"),
        ({"train_images": np.zeros((5, 4, 3, 7))}, r"it has shape \(5, 4, 3, 7\), expected"),
        ({"train_images": np.zeros((5, 0, 4))}, "it has 0 bytes of type float64 a picture"),
        ({"train_images": GREY > 9}, "it has 12 bytes of type bool a picture, expected numbers"),
        (
            {"train_images": GREY, "train_labels": LABELS[:4]},
            r"train_labels: it has shape \(4, 1\) and type uint8 for 5 images, expected whole",
        ),
        ({"train_images": GREY, "train_labels": LABELS / 2}, "type float64 for 5 images"),
        ({"train_images": GREY, "train_labels": LABELS[:, :, None]}, r"shape \(5, 1, 1\)"),
        (
            {"train_images": GREY, "train_labels": LABELS.repeat(2, axis=1)},
            "it has several columns, expected 0 and 1 for every class",
        ),
        (
            {"train_images": GREY, "train_labels": LABELS, "class_names": np.array(["a", "b"])},
            "the label 2 is outside the class list of 2 names",
        ),
    ],
)
def test_unfit_arrays_are_an_error(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        _items(tmp_path, **arrays)


def test_a_picture_or_a_table_above_the_limit_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 11)
    with pytest.raises(SourceError, match=r"it has 12 bytes of type uint8 a picture, .* most 11"):
        _items(tmp_path, train_images=GREY)
    with pytest.raises(SourceError, match="train_labels: it has 40 bytes, expected at most 11"):
        _items(tmp_path, train_images=GREY[:, :2], train_labels=LABELS.astype(np.int64))


def test_an_array_that_ends_early_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "whole.npy", GREY)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("train_images.npy", (tmp_path / "whole.npy").read_bytes()[:-1])
    with pytest.raises(SourceError, match="cannot be read, train_images: it ends early"):
        list(ArrayFile(tmp_path / "a.npz").items("train"))


def test_an_unknown_version_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("train_images.npy", b"\x93NUMPY\x09\x00" + bytes(100))
    with pytest.raises(SourceError, match=r"train_images: it is of the unknown version \(9, 0\)"):
        list(ArrayFile(tmp_path / "a.npz").items("train"))


def test_what_is_no_zip_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("Dear Sir or Madam")
    with pytest.raises(
        SourceError, match=r"a\.npz cannot be read, its list of arrays: File is not"
    ):
        ArrayFile(tmp_path / "a.npz")
