"""A folder of class folders, a flat one, and a single file."""

import os
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from acir.errors import SourceError, UnreadableImageError
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord


def _save(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5), value, dtype=np.uint8)).save(path)


def _read(place: Path | str) -> list[ImageRecord]:
    return list(open_source(str(place), SourceOptions(strict=True)))


def test_a_class_is_a_folder_and_the_id_a_relative_path(tmp_path: Path) -> None:
    for name in ("dog/1.jpg", "cat/b.tiff", "cat/a.PNG", "cat/sub/c.bmp"):
        _save(tmp_path / name)
    assert [(r.id, r.path, r.labels) for r in _read(tmp_path)] == [
        ("cat/a.PNG", "cat/a.PNG", ("cat",)),
        ("cat/b.tiff", "cat/b.tiff", ("cat",)),
        ("cat/sub/c.bmp", "cat/sub/c.bmp", ("cat",)),
        ("dog/1.jpg", "dog/1.jpg", ("dog",)),
    ]


def test_split_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "test/cat/1.png", "test/dog/2.png"):
        _save(tmp_path / name)
    assert [(r.split, r.labels) for r in _read(tmp_path)] == [
        ("test", ("cat",)),
        ("test", ("dog",)),
        ("train", ("cat",)),
    ]
    assert [r.id for r in _read(f"{tmp_path}#train")] == ["train/cat/1.png"]


def test_without_split_folders_equal_pixels_share_a_split(tmp_path: Path) -> None:
    for value in range(60):
        _save(tmp_path / "cat" / f"{value}.png", value)
        _save(tmp_path / "dog" / f"{value}.png", value)
    records = _read(tmp_path)
    assert len({(r.pixel_hash, r.split, r.draw) for r in records}) == 60
    assert {r.split for r in records} == {"train", "val", "test"}


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    _save(tmp_path / "1.png")
    assert [(r.id, r.labels) for r in _read(tmp_path)] == [("1.png", ())]


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".jpeg", ".tif", ".tiff", ".bmp"])
def test_a_single_file_is_one_record_without_label(tmp_path: Path, suffix: str) -> None:
    _save(tmp_path / "cat" / f"1{suffix}")
    assert [(r.id, r.path, r.labels) for r in _read(tmp_path / "cat" / f"1{suffix}")] == [
        (f"1{suffix}", f"1{suffix}", ())
    ]


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    _save(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "notes.txt").write_text("seen")
    source = open_source(str(tmp_path))
    assert [r.id for r in source] == ["cat/1.png"]
    assert source.skipped == []
    said = "passed over 1 file that is no PNG, JPEG, TIFF or BMP (.txt)"
    assert source.remarks == [said]
    (tmp_path / "cat" / "2.webp").touch()
    (tmp_path / "cat" / "3.DCM").touch()
    (tmp_path / "cat" / "notes.txt").unlink()
    assert len(list(source)) == 1
    said = "2 files that are no PNG, JPEG, TIFF or BMP (.webp, .dcm); dicom:FOLDER reads such"
    assert source.remarks == [f"passed over {said}"]


def test_of_a_tiff_of_several_pages_the_first_is_read_and_that_is_said(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((4, 5), 50 * n, dtype=np.uint8)) for n in range(3)]
    for name in ("a", "b"):
        pages[1].save(tmp_path / f"{name}.tif", save_all=True, append_images=pages[2:])
    pages[2].save(tmp_path / "c.tif")
    pages[1].save(tmp_path / "d.png", save_all=True, append_images=pages[2:])  # an animation
    (tmp_path / "table.csv").write_text("path\na.tif\nb.tif\nc.tif\nd.png\n")
    with ZipFile(tmp_path / "z.zip", "w") as archive:
        for name in ("a.tif", "b.tif", "c.tif", "d.png"):
            archive.write(tmp_path / name, name)
    said = "read the first page alone of TIFF files with several: 2"
    for place in ("", "table.csv", "z.zip"):
        source = open_source(str(tmp_path / place))
        for _ in range(2):
            assert [int(r.pixels.max()) for r in source] == [50, 50, 100, 50]
            assert source.remarks.count(said) == 1
    alone = open_source(str(tmp_path / "c.tif"))
    assert len(list(alone)) == 1
    assert alone.remarks == []


def test_a_folder_of_volumes_alone_says_what_reads_them(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.nii.gz").touch()
    with pytest.raises(SourceError, match=r"holds no picture;.*BMP \(.gz\); nifti:FOLDER reads s"):
        _read(tmp_path)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no picture; expected images in class folders"):
        _read(tmp_path)


def test_broken_files_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    _save(tmp_path / "cat" / "good.png")
    (tmp_path / "cat" / "empty.png").touch()
    (tmp_path / "cat" / "letter.png").write_text("Dear Sir or Madam")
    whole = (tmp_path / "cat" / "good.png").read_bytes()
    (tmp_path / "cat" / "torn.png").write_bytes(whole[: len(whole) // 2])
    source = open_source(str(tmp_path))
    assert [r.id for r in source] == ["cat/good.png"]
    assert [(s.path, s.code) for s in source.skipped] == [
        ("cat/empty.png", "truncated"),
        ("cat/letter.png", "unreadable"),
        ("cat/torn.png", "truncated"),
    ]
    with pytest.raises(
        UnreadableImageError, match=r"cannot read cat/empty\.png: the file is empty"
    ):
        _read(tmp_path)


def test_a_name_that_is_no_text_is_spelt_out(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/m\xfcller"
    Path(os.fsdecode(folder)).mkdir()
    for name in (b"a\xff.png", b"b\xfe.png"):
        _save(Path(os.fsdecode(folder + b"/" + name)))
    records = _read(tmp_path)
    assert [r.id for r in records] == [r"m\xfcller/a\xff.png", r"m\xfcller/b\xfe.png"]
    assert {r.labels for r in records} == {(r"m\xfcller",)}
    (alone,) = _read(os.fsdecode(folder + b"/a\xff.png"))
    assert alone.id == r"a\xff.png"
