"""A zip is the folder that it was made of, and no bomb."""

import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acir.errors import SourceError, UnreadableImageError
from acir.sources import zip as module
from acir.sources.base import SourceOptions, open_source


def _png(value: int = 0) -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.full((4, 5), value, dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _zip(
    path: Path, *names: str, data: bytes | None = None, method: int = zipfile.ZIP_DEFLATED
) -> str:
    with zipfile.ZipFile(path, "w", method) as archive:
        for number, name in enumerate(names):
            archive.writestr(name, _png(number) if data is None else data)
    return str(path)


def _labels(place: str) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    return {r.id: (r.split, r.labels) for r in open_source(place, SourceOptions(strict=True))}


def test_a_zip_gives_what_its_folder_gives(tmp_path: Path) -> None:
    names = ("train/dog/2.png", "train/cat/1.png", "test/cat/3.png", "readme.txt")
    place = _zip(tmp_path / "a.zip", *names)
    with zipfile.ZipFile(place) as archive:
        archive.extractall(tmp_path / "folder")
    packed, unpacked = open_source(place), open_source(str(tmp_path / "folder"))
    assert [(r.id, r.split, r.labels, r.pixel_hash) for r in packed] == [
        (r.id, r.split, r.labels, r.pixel_hash) for r in unpacked
    ]


def test_a_folder_around_classes_or_splits_is_no_class(tmp_path: Path) -> None:
    place = _zip(tmp_path / "a.zip", "set/cat/1.png", "set/dog/2.png")
    assert [labels for _, labels in _labels(place).values()] == [("cat",), ("dog",)]
    place = _zip(tmp_path / "b.zip", "set/test/cat/1.png")
    assert _labels(place) == {"set/test/cat/1.png": ("test", ("cat",))}


def test_a_single_class_stays_one(tmp_path: Path) -> None:
    place = _zip(tmp_path / "a.zip", "cat/1.png", "cat/sub/2.png")
    assert {labels for _, labels in _labels(place).values()} == {("cat",)}
    place = _zip(tmp_path / "b.zip", "test/cat/1.png", "test/dog/2.png")
    assert list(_labels(place).values()) == [("test", ("cat",)), ("test", ("dog",))]


def test_flat_pictures_hidden_ones_and_backslashes(tmp_path: Path) -> None:
    place = _zip(tmp_path / "a.zip", "1.png", "__MACOSX/1.png", ".x/1.png", "cat\\2.png")
    with zipfile.ZipFile(place) as archive:
        assert len(archive.namelist()) == 4
    found = _labels(place)
    assert {name: labels for name, (_, labels) in found.items()} == {
        "1.png": (),
        "cat/2.png": ("cat",),
    }


def _only_error(place: str) -> UnreadableImageError:
    with pytest.raises(UnreadableImageError) as caught:
        list(open_source(place, SourceOptions(strict=True)))
    return caught.value


def test_a_member_that_unpacks_to_too_much_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    error = _only_error(_zip(tmp_path / "a.zip", "cat/1.png", data=bytes(1001)))
    assert error.reason.startswith("the file is larger than")


def test_a_member_whose_declared_size_is_false_unpacks_to_no_more(tmp_path: Path) -> None:
    place = Path(_zip(tmp_path / "a.zip", "cat/1.png", data=bytes(5_000_000)))
    true, false = struct.pack("<I", 5_000_000), struct.pack("<I", 100)
    place.write_bytes(place.read_bytes().replace(true, false))
    assert _only_error(str(place)).reason == "it is damaged within the zip"


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    place = _zip(tmp_path / "a.zip", "cat/1.png", method=zipfile.ZIP_LZMA)
    assert _only_error(place).reason == "it is packed by another method than deflate"


def test_a_name_that_comes_twice_is_read_once(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        place = _zip(tmp_path / "a.zip", "cat/1.png", "cat/1.png")
    source = open_source(place)
    assert [r.id for r in source] == ["cat/1.png"]
    assert [s.reason for s in source.skipped] == ["the zip has an earlier file of this name"]


@pytest.mark.parametrize("name", ["../1.png", "cat/../../1.png", "/1.png"])
def test_a_name_that_points_out_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    assert _only_error(_zip(tmp_path / "a.zip", name)).reason == "its name points out of the zip"


def test_an_encrypted_member_is_unreadable(tmp_path: Path) -> None:
    place = Path(_zip(tmp_path / "a.zip", "cat/1.png"))
    data = bytearray(place.read_bytes())
    data[6] |= 1  # general purpose bit 0 of the member's header (APPNOTE 4.4.4)
    data[data.index(b"PK\1\2") + 8] |= 1  # and of its entry in the list
    place.write_bytes(data)
    assert _only_error(str(place)).reason == "it is encrypted"


def test_damaged_bytes_make_one_member_unreadable_and_the_rest_is_read(tmp_path: Path) -> None:
    place = Path(_zip(tmp_path / "a.zip", "cat/1.png", "cat/2.png"))
    data = bytearray(place.read_bytes())
    data[60] ^= 255
    place.write_bytes(data)
    source = open_source(str(place))
    assert [r.id for r in source] == ["cat/2.png"]
    assert [s.reason for s in source.skipped] == ["it is damaged within the zip"]


def test_a_member_that_the_file_is_too_short_for_ends_early(tmp_path: Path) -> None:
    place = Path(_zip(tmp_path / "a.zip", "cat/1.png", method=zipfile.ZIP_STORED))
    data = bytearray(place.read_bytes())
    entry = data.index(b"PK\1\2")
    for start in (18, 22, entry + 20, entry + 24):  # packed and unpacked size, twice
        data[start : start + 4] = struct.pack("<I", 10_000)
    place.write_bytes(data)
    assert _only_error(str(place)).code == "truncated"


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_cut_zip_is_an_error(tmp_path: Path, share: float) -> None:
    place = Path(_zip(tmp_path / "a.zip", "cat/1.png"))
    place.write_bytes(place.read_bytes()[: int(share * place.stat().st_size)])
    with pytest.raises(SourceError, match=r"a.zip is not a complete zip file; make it again"):
        open_source(str(place))


def test_a_damaged_list_of_members_is_an_error(tmp_path: Path) -> None:
    place = Path(_zip(tmp_path / "a.zip", "cat/1.png"))
    place.write_bytes(place.read_bytes().replace(b"PK\1\2", b"PK\1\3"))
    with pytest.raises(SourceError, match=r"a.zip is a damaged zip file; make it again"):
        list(open_source(str(place)))


def test_a_zip_without_pictures_is_an_error(tmp_path: Path) -> None:
    said = (
        r"holds no picture;.*passed over 2 files that are no PNG, JPEG, TIFF or BMP \(.dcm, .txt\);"
    )
    with pytest.raises(SourceError, match=f"{said} dicom:FOLDER reads such"):
        list(open_source(_zip(tmp_path / "a.zip", "readme.txt", "a/1.dcm", ".b", "__MACOSX/c")))
