"""Walking a folder."""

from collections.abc import Callable
from errno import EACCES
from pathlib import Path

import pytest

from acir.errors import SourceError
from acir.folders import walk_files


def test_walking_is_in_order_and_passes_over_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b/1.png", "a/2.png", "a/1.png", ".git/1.png", "a/.1.png", "a/1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = walk_files(tmp_path, lambda path: path.suffix == ".png")
    assert [p.relative_to(tmp_path).as_posix() for p in found] == ["a/1.png", "a/2.png", "b/1.png"]


def test_a_folder_that_cannot_be_opened_is_walked_to_itself(
    tmp_path: Path, close_folder: Callable[[Path], None]
) -> None:
    for name in ("b/1.png", "a/deep/1.png", "a/2.txt", ".git/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    close_folder(tmp_path / "a" / "deep")
    close_folder(tmp_path / ".git")
    found = walk_files(tmp_path, lambda path: path.suffix == ".png")
    assert [p.relative_to(tmp_path).as_posix() for p in found] == ["a/deep", "b/1.png"]
    close_folder(tmp_path)
    with pytest.raises(SourceError, match=r"cannot be opened \(Permission denied\); give one that"):
        walk_files(tmp_path, Path.is_file)


def test_a_file_that_nobody_may_look_at_is_walked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.png").touch()

    def refused(path: Path) -> bool:
        raise PermissionError(EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    assert walk_files(tmp_path, lambda _: True) == [tmp_path / "1.png"]
