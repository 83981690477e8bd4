"""Where results may go; every command says so before it reads anything."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from acir.errors import StorageError, UsageError
from acir.workflows.destination import refuse_unwritable
from made_model import acir

NOBODY = 65534
UNWRITABLE = Path("/proc")  # where not even root can make a file
BENCH = Path(__file__).parents[2] / "benchmarks"
COMMANDS = (
    ("train", "tiny", "--data", "NOWHERE", "--out", "OUT"),
    ("demo", "--data", "NOWHERE", "--out", "OUT"),
    ("calibrate", "NOWHERE", "--data", "NOWHERE", "--out", "OUT"),
    ("compare", BENCH / "small.toml", "--source", "blood=NOWHERE", "--out", "OUT"),
    ("stress", "NOWHERE", "--data", "NOWHERE", "--out", "OUT"),
    ("evaluate", "NOWHERE", "--gallery", "NOWHERE", "--queries", "NOWHERE", "--html", "OUT"),
    ("search", "--index", "NOWHERE", "NOWHERE", "--html", "OUT"),
    ("drift", "--index", "NOWHERE", "--html", "OUT"),
    ("pacs", "export", "--index", "NOWHERE", "NOWHERE", "--out", "OUT"),
    ("index", "build", "--model", "NOWHERE", "--data", "NOWHERE", "--index", "OUT"),
    ("deid", "NOWHERE", "OUT"),
    (
        *("bench", "index", BENCH / "index_quick.toml", "--out", "OUT"),
        *("--model", "NOWHERE", "--data", "NOWHERE"),
    ),
)


@pytest.fixture
def closed() -> Iterator[Path]:
    """Return a folder that may be read and not written, even if root runs the tests."""
    with TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)
        try:
            yield place
        finally:
            if root:
                os.seteuid(0)
            place.chmod(0o755)


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below"])
def test_a_file_holds_no_results_and_nothing_lies_below_one(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    said = f"^{re.escape(str(tmp_path))}/file is a file; give a folder as --out$"
    with pytest.raises(UsageError, match=said):
        refuse_unwritable(tmp_path / place)


def test_a_link_to_nothing_holds_no_results(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(UsageError, match="/link is a file"):
        refuse_unwritable(tmp_path / "link")


@pytest.mark.parametrize("place", ["", "new", "far/below"])
def test_a_folder_may_be_there_or_be_made_and_nothing_is_left(tmp_path: Path, place: str) -> None:
    refuse_unwritable(tmp_path / place)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["", "new", "far/below"])
def test_a_folder_that_cannot_be_written_is_refused(closed: Path, place: str) -> None:
    said = (
        rf"^nothing can be written in the folder {re.escape(str(closed))} \(Permission denied\); "
        "give access to it or make room, or name another place$"
    )
    with pytest.raises(StorageError, match=said):
        refuse_unwritable(closed / place)


def test_the_working_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(UsageError, match=r"^file is a file"):
        refuse_unwritable(Path("file"))
    with pytest.raises(UsageError, match="/file is a file"):
        refuse_unwritable(Path("file/below"))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_every_command_looks_at_the_place_before_it_reads_anything(
    words: tuple[object, ...], tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"  # a command that read it first would say that it is not there
    given = {"OUT": UNWRITABLE / "acir", "NOWHERE": nowhere, "blood=NOWHERE": f"blood={nowhere}"}
    outcome = acir(*(given.get(str(word), word) for word in words))
    assert outcome.code == 1
    said = f"error: nothing can be written in the folder {UNWRITABLE} ("
    assert [line.startswith(said) for line in outcome.err.splitlines()].count(True) == 1


@pytest.mark.parametrize("command", ["train", "calibrate", "compare", "index"])
def test_a_folder_for_weights_with_a_name_that_is_not_utf_8_is_refused(
    tmp_path: Path, command: str
) -> None:
    (words,) = (words for words in COMMANDS if words[0] == command)
    out = tmp_path / os.fsdecode(b"m\xfcller")
    said = acir(*(out if word == "OUT" else word for word in words)).refusal()
    assert said.startswith(rf"{tmp_path}/m\xfcller is no name in UTF-8; give another one as --")
    assert not out.exists()


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("copy --index NOWHERE --engine flat", "--to"),
        ("backup --index NOWHERE", "--to"),
        ("export --index NOWHERE", "--to"),
        ("import --index NOWHERE", "--from"),
        ("restore --from NOWHERE", "--index"),
    ],
)
def test_a_copy_with_a_name_that_is_not_utf_8_is_refused_before_anything_is_read(
    tmp_path: Path, command: str, option: str
) -> None:
    out = tmp_path / os.fsdecode(b"m\xfcller")
    words = (tmp_path / "nowhere" if word == "NOWHERE" else word for word in command.split())
    said = acir("index", *words, option, out).refusal()
    assert said == rf"{tmp_path}/m\xfcller is no name in UTF-8; give another one as {option}"
    assert list(tmp_path.iterdir()) == []
