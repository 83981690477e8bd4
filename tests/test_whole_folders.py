"""A folder is written whole or not at all."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acir import durable
from acir.durable import part_of, whole_folder
from acir.folders import walk_files
from made_model import tree

KILLED = """
import os, signal, sys
from pathlib import Path
from acir.durable import whole_folder
with whole_folder(Path(sys.argv[1]), replacing=True, contended=sys.argv[2] == "True") as part:
    (part / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


class _Spoilt(Exception):
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that has something in it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    return tmp_path / "folder"


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("contended", [False, True])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_takes_its_name_when_it_is_complete(
    tmp_path: Path, is_there: bool, contended: bool
) -> None:
    if is_there:
        (tmp_path / "folder").mkdir()
    with whole_folder(tmp_path / "folder", contended=contended) as part:
        (part / "below").mkdir()
        (part / "below" / "new").write_bytes(b"new")
        assert tree(tmp_path / "folder") == {}
    assert tree(tmp_path) == {"folder/below/new": b"new"}


def test_the_folders_above_are_made(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "a" / "b") as part:
        (part / "new").touch()
    assert list(tree(tmp_path)) == ["a/b/new"]


def test_the_current_folder_may_be_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for contended in (False, True):
        with whole_folder(Path(f"{contended}"), contended=contended) as part:
            (part / "new").touch()
    assert sorted(tree(tmp_path)) == ["False/new", "True/new"]


def test_a_folder_is_replaced_where_that_is_wanted(folder: Path) -> None:
    with whole_folder(folder, replacing=True) as part:
        (part / "new").touch()
        assert list(tree(folder)) == ["old"]
    assert list(tree(folder.parent)) == ["folder/new"]


@pytest.mark.parametrize("contended", [False, True])
def test_a_folder_is_else_not_replaced(folder: Path, contended: bool) -> None:
    with pytest.raises(OSError, match="not empty"), whole_folder(folder, contended=contended):
        pass
    assert list(tree(folder.parent)) == ["folder/old"]
    assert list(folder.parent.iterdir()) == [folder]


def test_no_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError), whole_folder(tmp_path / "file", replacing=True):
        pass
    assert tree(tmp_path) == {"file": b"mine"}


@pytest.mark.parametrize("contended", [False, True])
@pytest.mark.parametrize("error", [_Spoilt, OSError, KeyboardInterrupt])
def test_what_fails_leaves_the_folder_before_and_nothing_else(
    folder: Path, error: type[BaseException], contended: bool
) -> None:
    with pytest.raises(error), whole_folder(folder, replacing=True, contended=contended) as part:
        (part / "half").touch()
        raise error
    assert list(tree(folder)) == ["old"]
    assert list(folder.parent.iterdir()) == [folder]


def test_what_cannot_be_removed_hides_no_error(tmp_path: Path) -> None:
    with pytest.raises(_Spoilt), whole_folder(tmp_path / "folder") as part:
        shutil.rmtree(part.parent)
        raise _Spoilt


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_folder_that_cannot_take_its_name_leaves_the_one_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    replace = Path.replace

    def fails(path: Path, target: Path) -> None:
        if path.name == "new":
            raise error
        replace(path, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(error), whole_folder(folder, replacing=True) as part:
        (part / "half").touch()
    assert list(tree(folder)) == ["old"]
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("contended", [False, True])
def test_a_killed_process_leaves_the_folder_before_and_what_no_walk_finds(
    folder: Path, contended: bool
) -> None:
    command = [sys.executable, "-c", KILLED, str(folder), str(contended)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert list(tree(folder)) == ["old"]
    (left,) = {*folder.parent.iterdir()} - {folder}
    assert _mode(left) == 0o700
    assert walk_files(folder.parent, Path.is_file) == [folder / "old"]
    with whole_folder(folder, replacing=True, contended=contended) as part:
        (part / "new").touch()
    assert list(tree(folder)) == ["new"]
    assert left.exists() is contended  # as another process could be at it


def test_a_file_in_its_way_is_an_error(tmp_path: Path) -> None:
    part_of(tmp_path / "folder").touch()
    with pytest.raises(FileExistsError), whole_folder(tmp_path / "folder"):
        pass
    assert [one.name for one in tmp_path.iterdir()] == [".folder.part"]


def test_of_two_that_write_a_folder_at_once_the_first_that_is_done_has_it(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="not empty"),
        whole_folder(tmp_path / "folder", contended=True) as late,
    ):
        (late / "late").touch()
        with whole_folder(tmp_path / "folder", contended=True) as first:
            (first / "first").touch()
    assert list(tree(tmp_path)) == ["folder/first"]


@pytest.mark.parametrize("contended", [False, True])
def test_only_its_owner_looks_into_a_folder_before_it_is_whole(
    tmp_path: Path, contended: bool
) -> None:
    before = os.umask(0o022)
    try:
        with whole_folder(tmp_path / "folder", contended=contended) as part:
            assert _mode(part.parent) == 0o700
            assert part.parent.parent == tmp_path
        assert _mode(tmp_path / "folder") == 0o755
        with whole_folder(tmp_path / "private", contended=contended) as part:
            part.chmod(0o700)
        assert _mode(tmp_path / "private") == 0o700
    finally:
        os.umask(before)


def test_a_folder_is_on_the_disk_before_it_takes_its_name_and_then_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = list[tuple[str, list[str]]]()

    def synchronise(place: Path) -> None:
        waited.append((place.name, list(tree(folder))))

    monkeypatch.setattr(durable, "synchronise", synchronise)
    with whole_folder(folder, replacing=True) as part:
        (part / "file").touch()
    assert waited == [("file", ["old"]), ("new", ["old"]), (folder.parent.name, ["file"])]
