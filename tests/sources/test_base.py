"""The SOURCE argument, and what iteration promises."""

from collections.abc import Callable, Iterator
from errno import EACCES
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acir.errors import SourceError, UnreadableImageError
from acir.prep.decode import Picture
from acir.sources.base import (
    Entry,
    Source,
    SourceOptions,
    folders_mean,
    open_source,
)
from acir.types import ImageRecord, Skipped, Split

KEY = bytes(range(32))


def _picture(value: int = 0) -> Picture:
    return Picture(np.full((2, 2), value, dtype=np.uint8), (0.0, 255.0))


def _broken() -> Picture:
    raise UnreadableImageError("b", "it is torn", "truncated")


class _Listed(Source):
    """A source of given entries."""

    entries: tuple[Entry, ...] = ()

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        return self.decoded(self.entries)


def _listed(*entries: Entry, **options: object) -> _Listed:
    source = _Listed("here", SourceOptions(**options))  # type: ignore[arg-type]
    source.entries = entries
    return source


def test_what_cannot_be_read_is_counted_anew_each_time() -> None:
    source = _listed(Entry("a", _picture), Entry("b", _broken))
    for _ in range(2):
        assert [record.id for record in source] == ["a"]
        assert source.skipped == [Skipped("b", "it is torn", "truncated")]


def test_a_strict_source_raises_what_cannot_be_read() -> None:
    records = iter(_listed(Entry("a", _picture), Entry("b", _broken), strict=True))
    assert next(records).id == "a"
    with pytest.raises(UnreadableImageError, match="cannot read b: it is torn"):
        next(records)


def test_an_empty_source_is_an_error() -> None:
    with pytest.raises(SourceError, match="here holds no picture; expected images in class fold"):
        list(_listed())


def test_a_source_without_the_wanted_split_is_an_error() -> None:
    source = _listed(Entry("a", _picture, "train"), splits=frozenset({"val"}))
    with pytest.raises(SourceError, match="here holds no picture of the split val; give a source"):
        list(source)


def test_a_picture_of_another_named_split_is_not_even_decoded() -> None:
    source = _listed(
        Entry("a", _broken, "test"), Entry("b", _picture, "val"), splits=frozenset({"val"})
    )
    assert [record.id for record in source] == ["b"]
    assert source.skipped == []


def _record(entry: Entry, key: bytes = KEY) -> ImageRecord:
    return entry.record(entry.read(), key)


def test_an_unnamed_split_is_drawn_by_the_patient_else_by_the_pixels() -> None:
    one, two = (_record(Entry("a", partial(_picture, v), patient="4711")) for v in (1, 2))
    assert (one.split, one.draw) == (two.split, two.draw)
    splits = {_record(Entry("a", partial(_picture, v))).split for v in range(50)}
    assert splits == {"train", "val", "test"}
    assert _record(Entry("x", _picture)).draw == _record(Entry("y", _picture)).draw


def test_a_patient_goes_no_further_than_a_keyed_hash() -> None:
    entry = Entry("a", _picture, patient="CANARY")
    record = _record(entry)
    assert "CANARY" not in repr(entry) + repr(record)
    assert record.patient is not None
    assert record.patient != _record(entry, bytes(32)).patient
    assert record.draw == _record(entry, bytes(32)).draw


@pytest.mark.parametrize(
    ("path", "split", "labels"),
    [
        ("1.png", None, ()),
        ("cat/1.png", None, ("cat",)),
        ("cat/old/1.png", None, ("cat",)),
        ("train/cat/1.png", "train", ("cat",)),
        ("Valid/cat/1.png", "val", ("cat",)),
        ("validation/1.png", "val", ()),
        ("test/cat/old/1.png", "test", ("cat",)),
        ("cat/train/1.png", None, ("cat",)),
    ],
)
def test_folders_mean_a_split_and_a_class(
    path: str, split: Split | None, labels: tuple[str, ...]
) -> None:
    assert folders_mean(path.split("/")) == (split, labels)


def test_a_folder_whose_name_separates_labels_is_no_class() -> None:
    assert folders_mean(("cat", "a|b", "1.png")) == (None, ("cat",))
    said = r"the folder 'a\|b' cannot name a class, since \| stands between the labels"
    with pytest.raises(SourceError, match=said):
        folders_mean(("train", "a|b", "1.png"))


@pytest.mark.parametrize(
    ("scheme", "named"), [("", "cat/old"), ("dicom:", "DICOM file 1 of 1"), ("nifti:", "cat/old")]
)
def test_a_folder_that_cannot_be_opened_is_counted_as_skipped(
    tmp_path: Path, close_folder: Callable[[Path], None], scheme: str, named: str
) -> None:
    _saved(tmp_path / "cat" / "old" / "1.png")
    _saved(tmp_path / "cat" / "2.png")
    close_folder(tmp_path / "cat" / "old")
    source = open_source(f"{scheme}{tmp_path}", SourceOptions(key=KEY))
    assert [record.id for record in source] == ([] if scheme else ["cat/2.png"])
    assert source.skipped == [Skipped(named, "it is a folder that cannot be read")]


@pytest.mark.parametrize("scheme", ["", "dicom:", "nifti:"])
def test_links_that_lead_to_no_file_are_counted_as_skipped(tmp_path: Path, scheme: str) -> None:
    _saved(tmp_path / "cat" / "1.png")
    for name, to in {"broken": "nowhere", "loop": "loop", "up": ".."}.items():
        (tmp_path / "cat" / name).symlink_to(to)
    source = open_source(f"{scheme}{tmp_path}", SourceOptions(key=KEY))
    assert [record.id for record in source] == ([] if scheme else ["cat/1.png"])
    assert [skipped.reason for skipped in source.skipped] == [
        "No such file or directory",
        "Too many levels of symbolic links",
        "it is a link to a folder, which is not followed; give the folder itself",
    ]


def test_a_place_that_nobody_may_look_at_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(EACCES, "Permission denied", str(path))

    for scheme in ("", "dicom:", "nifti:", "slide:"):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "stat", refused)
            with pytest.raises(SourceError, match=r"nobody can look at .* \(Permission denied\); "):
                open_source(f"{scheme}{tmp_path}", SourceOptions(key=KEY))


def _saved(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((2, 2), dtype=np.uint8)).save(path)
    return path


def test_a_split_behind_a_hash_sign_is_all_that_is_read(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        _saved(tmp_path / split / "cat" / "1.png")
    given = SourceOptions(strict=True, key=KEY)
    source = open_source(f"{tmp_path}#val", given)
    assert [record.id for record in source] == ["val/cat/1.png"]
    assert (source.options.strict, source.options.key) == (True, KEY)
    assert len(list(open_source(str(tmp_path)))) == 3


def test_a_hash_sign_in_a_name_that_exists_is_part_of_it(tmp_path: Path) -> None:
    _saved(tmp_path / "#1" / "train" / "1.png")
    assert [r.id for r in open_source(f"{tmp_path}/#1")] == ["train/1.png"]
    assert [r.id for r in open_source(f"{tmp_path}/#1#train")] == ["train/1.png"]


def test_an_unknown_split_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"names the split 'trian', .*Did you mean 'train'\?"):
        open_source(f"{tmp_path}#trian")


def test_a_missing_path_is_an_error() -> None:
    with pytest.raises(SourceError, match="there is nothing at nowhere; give a path that exists"):
        open_source("nowhere")


@pytest.mark.parametrize("text", ["", "#train"])
def test_no_place_is_not_the_current_folder(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=f"the SOURCE '{text}' names no place; give a path, or "):
        open_source(text)
    open_source(".")


def test_an_unknown_scheme_names_the_nearest() -> None:
    with pytest.raises(SourceError, match=r"nothing at medmist:x; .*Did you mean 'medmnist'\?"):
        open_source("medmist:x")


def test_a_file_that_no_source_reads_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(SourceError, match=r"no source reads .*a.txt; give .*\.bmp, \.csv, .*\.dcm"):
        open_source(str(tmp_path / "a.txt"))


def test_a_path_that_exists_goes_before_a_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _saved(tmp_path / "phantom:8" / "1.png")
    monkeypatch.chdir(tmp_path)
    assert [r.id for r in open_source("phantom:8")] == ["1.png"]
