"""A file is written whole or not at all."""

from pathlib import Path

import pytest

from acir import durable
from acir.durable import part_of, whole
from acir.folders import walk_files


class _Spoilt(Exception):
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file that is replaced."""
    (tmp_path / "file.txt").write_text("old")
    return tmp_path / "file.txt"


@pytest.mark.parametrize("synchronised", [False, True])
def test_a_file_takes_its_name_when_it_is_complete(path: Path, synchronised: bool) -> None:
    with whole(path, synchronised=synchronised) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [_Spoilt, OSError, KeyboardInterrupt])
def test_what_fails_leaves_the_file_before_and_nothing_else(
    path: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error), whole(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_take_its_name_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken" / "by a folder").mkdir(parents=True)
    with pytest.raises(IsADirectoryError), whole(tmp_path / "taken") as part:
        part.write_text("new")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]


def test_what_cannot_be_removed_hides_no_error(path: Path) -> None:
    with pytest.raises(_Spoilt), whole(path) as part:
        part.mkdir()  # which is not removed as a file
        raise _Spoilt
    with pytest.raises(_Spoilt), whole(path):
        raise _Spoilt  # before anything was written


def test_what_a_killed_process_left_is_no_file_for_a_walk_and_is_overwritten(path: Path) -> None:
    part_of(path).write_text("much more than there will be")
    assert walk_files(path.parent, Path.is_file) == [path]
    with whole(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_takes_its_name_and_then_its_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = list[tuple[str, str]]()

    def synchronise(place: Path) -> None:
        waited.append((place.name, path.read_text()))

    monkeypatch.setattr(durable, "synchronise", synchronise)
    with whole(path, synchronised=True) as part:
        part.write_text("new")
    assert waited == [(part.name, "old"), (path.parent.name, "new")]
    with whole(path) as part:
        part.write_text("newer")
    assert len(waited) == 2
