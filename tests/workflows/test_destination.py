"""Where results may go."""

import re
from pathlib import Path

import pytest

from acir.errors import UsageError
from acir.workflows.destination import refuse_file


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below"])
def test_a_file_holds_no_results_and_nothing_lies_below_one(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    said = f"^{re.escape(str(tmp_path))}/file is a file; give a folder as --out$"
    with pytest.raises(UsageError, match=said):
        refuse_file(tmp_path / place)


@pytest.mark.parametrize("place", ["", "new", "far/below"])
def test_a_folder_may_be_there_or_be_made(tmp_path: Path, place: str) -> None:
    refuse_file(tmp_path / place)
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "far").exists()


def test_the_working_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(UsageError, match=r"^file is a file"):
        refuse_file(Path("file"))
    with pytest.raises(UsageError, match="/file is a file"):
        refuse_file(Path("file/below"))
