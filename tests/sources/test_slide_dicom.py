"""Whole slides as DICOM, through the real OpenSlide: which files make one, and what is not read."""

from pathlib import Path

import numpy as np
import pytest

from acir.errors import UnreadableImageError
from acir.privacy.pseudonym import draw_key, pseudonym
from acir.sources.base import SourceOptions, open_source
from acir.splits import drawn_split
from acir.types import ImageRecord
from made_dicom_slides import part, save_slide, sparse
from made_slides import PINK, TILE, glass, pyramid, tiff

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def finest() -> np.ndarray:
    """Return 1024 x 512 pixels, tissue from x 256 to 768 and below y 128."""
    pixels = glass(1024, 512)
    pixels[128:, 256:768] = PINK
    return pixels


def _read(place: Path | str) -> list[ImageRecord]:
    return list(open_source(f"slide:{place}", SourceOptions(strict=True, key=KEY)))


def test_the_files_of_a_folder_are_one_slide(tmp_path: Path, finest: np.ndarray) -> None:
    save_slide(tmp_path / "dicom", finest)
    (tmp_path / "tiff").mkdir()
    (tmp_path / "tiff" / "a.tif").write_bytes(tiff(pyramid(finest), 0.5))
    found, expected = (_read(f"{tmp_path / kind}?side=128") for kind in ("dicom", "tiff"))
    name = pseudonym(KEY, "series", "1.2.1")
    assert len(found) == 12
    assert [r.id.partition("#")[::2] for r in found] == [
        (name, r.id.partition("#")[2]) for r in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert {**one.metadata, "slide": ""} == {**other.metadata, "slide": ""}
        assert one.patient == pseudonym(KEY, "patient", "471108150947")
        assert one.split == drawn_split(draw_key("471108150947"))


def test_levels_that_are_coarser_are_used(tmp_path: Path, finest: np.ndarray) -> None:
    save_slide(tmp_path, finest)
    records = _read(f"{tmp_path}?mpp=2.0&side=32")
    assert {r.id.rpartition(",")[2] for r in records} == {"1"}
    assert {r.metadata["mpp"] for r in records} == {"2"}


def test_one_file_stands_for_its_slide(tmp_path: Path, finest: np.ndarray) -> None:
    save_slide(tmp_path, finest)
    whole = [r.id for r in _read(f"{tmp_path}?side=128")]
    for name in ("level01.dcm", "level04.dcm"):
        assert [r.id for r in _read(f"{tmp_path / name}?side=128")] == whole


def test_jpeg_is_read_nearly_as_it_was(tmp_path: Path, finest: np.ndarray) -> None:
    (tmp_path / "a.dcm").write_bytes(part(finest, 0.5, jpeg=True))
    for record in _read(f"{tmp_path}?side=128"):
        assert np.abs(record.pixels.astype(int) - PINK).max() <= 2


def test_slides_of_one_folder_are_told_apart_by_their_series(
    tmp_path: Path, finest: np.ndarray
) -> None:
    folder = tmp_path / "test" / "tumour"
    for number in (1, 2):
        save_slide(folder / "both" / f"s{number}", finest, f"1.2.{number}")
    for file in (folder / "both").glob("s*/*.dcm"):
        file.rename(folder / "both" / f"{file.parent.name}-{file.name}")
    (folder / "t.tif").write_bytes(tiff(pyramid(finest), 0.5))
    records = _read(f"{tmp_path}?most=1")
    names = [pseudonym(KEY, "series", f"1.2.{number}") for number in (1, 2)]
    names.append(pseudonym(KEY, "slide", "test/tumour/t.tif"))
    assert [r.metadata["slide"] for r in records] == names
    assert {(r.split, r.labels) for r in records} == {("test", ("tumour",))}


def test_the_folder_of_a_slide_is_no_class_nor_is_one_called_after_its_patient(
    tmp_path: Path, finest: np.ndarray
) -> None:
    for n, place in enumerate(("S12-345", "tumour/S12-346", "471108150947/S12-347", "val/S12-348")):
        save_slide(tmp_path / place, finest, f"1.2.{n}")
    records = _read(f"{tmp_path}?most=1")
    found = {r.metadata["slide"]: (r.split, r.labels) for r in records}
    drawn = drawn_split(draw_key("471108150947"))
    assert [found[pseudonym(KEY, "series", f"1.2.{n}")] for n in range(4)] == [
        (drawn, ()), (drawn, ("tumour",)), (drawn, ()), ("val", ()),
    ]  # fmt: skip


def test_labels_and_overviews_are_never_read(
    tmp_path: Path, finest: np.ndarray, identity: tuple[str, ...]
) -> None:
    save_slide(tmp_path / "CANARY", finest)
    for kind in ("LABEL", "OVERVIEW"):  # what is never decoded may be torn
        data = part(np.zeros((TILE, TILE, 3), np.uint8), 9.0, kind=kind, jpeg=True)
        start = data.index(b"\xff\xd8")  # of the only JPEG
        torn = data[:start] + bytes(64) + data[start + 64 :]
        (tmp_path / "CANARY" / f"{kind.lower()}.dcm").write_bytes(torn)
    records = _read(f"{tmp_path}?side=128")
    assert len(records) == 12
    assert not [word for word in identity if word in repr(records)]


def test_what_is_no_level_is_counted_with_the_reason(
    tmp_path: Path, finest: np.ndarray, identity: tuple[str, ...]
) -> None:
    save_slide(tmp_path / "a", finest)
    for name in ("level01.dcm", "level04.dcm"):
        (tmp_path / "a" / name).unlink()
    save_slide(tmp_path / "b", finest)
    (tmp_path / "b" / "CANARY.dcm").write_bytes(b"torn")
    source = open_source(f"slide:{tmp_path}?side=128", SourceOptions(key=KEY))
    assert len(list(source)) == 12
    assert [(s.path, s.reason) for s in source.skipped] == [
        (
            "slide 1 of 3",
            "it is a label or an overview of a slide, of which there is no level beside it",
        ),
        ("slide 2 of 3", "its content is not DICOM"),
    ]
    assert not [word for word in identity if word in repr(source.skipped)]


def test_without_slide_a_level_is_no_picture(tmp_path: Path, finest: np.ndarray) -> None:
    save_slide(tmp_path, finest)
    source = open_source(str(tmp_path), SourceOptions(key=KEY))
    assert list(source) == []
    assert {s.reason for s in source.skipped} == {
        "it is part of a whole slide; read the folder of the slide as slide:FOLDER"
    }


def test_a_damaged_slide_is_refused(tmp_path: Path, finest: np.ndarray) -> None:
    save_slide(tmp_path, finest)
    for file in tmp_path.glob("level*.dcm"):
        file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(UnreadableImageError, match="cannot read slide 1 of 1"):
        _read(tmp_path)


def test_a_level_of_which_not_all_was_scanned_is_read_as_it_says(
    tmp_path: Path, finest: np.ndarray
) -> None:
    """TILED_SPARSE (C.7.6.17.3): frames in any order, each with its place; where none is, glass."""
    finest = finest.copy()
    finest[128:, 256:768, 0] -= np.arange(512, dtype=np.uint8) % 7  # no two tiles alike
    for name, kept in (("all", lambda x, y: True), ("some", lambda x, y: x % 4 < 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(sparse(part(finest, 0.5), kept))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.dcm").write_bytes(part(finest, 0.5))
    full, whole, some = (
        {r.id: r.pixels for r in _read(f"{tmp_path / name}?side=128&tissue=0.1")}
        for name in ("full", "all", "some")
    )
    assert whole.keys() == full.keys()
    assert all(np.array_equal(whole[name], full[name]) for name in full)
    assert 0 < len(some) < len(full)
    assert all(np.array_equal(some[name], full[name]) for name in some)
