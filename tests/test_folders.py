"""Walking a folder."""

import os
from collections.abc import Callable
from errno import EACCES
from os import mkfifo
from pathlib import Path

import pytest

from acir.errors import SourceError
from acir.folders import exists, walk_files


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


def test_a_file_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("1.png", "2.png", "3.txt"):
        (tmp_path / name).touch()
    looked_at, stat = list[str](), Path.stat

    def counting(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looked_at.append(path.name)
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", counting)
    assert len(walk_files(tmp_path, lambda path: path.suffix == ".png")) == 2
    assert sorted(looked_at) == ["1.png", "2.png", "3.txt"]


def test_what_nobody_may_look_at_is_walked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.png").touch()
    (tmp_path / "link").symlink_to("/nobody/may/look/here")

    def refused(path: Path) -> None:
        raise PermissionError(EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", refused)
        found = walk_files(tmp_path, Path.is_file)
    assert found == [tmp_path / "1.png", tmp_path / "link"]


def test_links_are_followed_to_files_and_else_are_walked_to_themselves(tmp_path: Path) -> None:
    place = tmp_path / "place"
    (tmp_path / "elsewhere").mkdir()
    for file in ("elsewhere/1.png", "1.png", "1.txt"):
        (tmp_path / file).touch()
    links = {"a.png": "../1.png", "a.txt": "../1.txt", "folder": "../elsewhere", "up": ".."}
    links |= {"broken": "nowhere", "loop": "loop", ".hidden": "..", ".lock": "nowhere"}
    place.mkdir()
    for name, to in links.items():
        (place / name).symlink_to(to)
    mkfifo(place / "pipe.png")  # reading it would never end
    found = walk_files(place, lambda path: path.suffix == ".png")
    assert [path.name for path in found] == ["a.png", "broken", "folder", "loop", "up"]


def test_what_is_there_is_told_from_what_nobody_may_look_at(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert exists(tmp_path)
    for name in ("2", "1/2", "1\0", "n" * 300):  # the last is longer than any name of a file
        assert not exists(tmp_path / name)
    said = r"nobody can look at .*loop \(Too many levels of symbolic links\); give access to it, or"
    with pytest.raises(SourceError, match=said):
        exists(tmp_path / "loop")
