"""A disk that is full: exit code 1, one sentence, and what was stored remains valid."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acir.bundle import load_bundle
from made_model import CLASSES, FEWEST_EPOCHS, Outcome, acir, draw, fill, save, train

SHORT = {key.replace(".", "__"): value for key, value in FEWEST_EPOCHS.items()}
MIB = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the root of a file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    # Lazily: a process that was killed may take a moment to let go of its files.
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def leave(disk: Path, free: int) -> Path:
    """Fill a disk until so many bytes are left, and return the file that does."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - free))
    return ballast


def sentence(outcome: Outcome) -> str:
    assert outcome.code == 1, outcome.err
    assert "Traceback" not in outcome.err
    (said,) = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    return said


@pytest.fixture
def more(tmp_path: Path) -> Path:
    for kind in CLASSES:
        for n in range(200):
            save(draw(kind, 2000 + n), tmp_path / "more" / kind / f"{n}.png")
    return tmp_path / "more"


def test_adding_keeps_what_was_stored_and_goes_on_later(
    small_disk: Path, index: Path, more: Path
) -> None:
    own = shutil.copytree(index, small_disk / "index")
    before = acir("index", "info", "--index", own, "--json").line()["n"]
    ballast = leave(small_disk, MIB)
    outcome = acir("index", "add", "--index", own, "--data", more)
    assert "the disk is full: the index at" in sentence(outcome)
    ballast.unlink()
    assert acir("index", "verify", "--index", own).out == "the index is whole\n"
    kept = acir("index", "info", "--index", own, "--json").line()["n"]
    assert before <= kept < before + 800
    assert acir("index", "add", "--index", own, "--data", more).code == 0
    assert acir("index", "info", "--index", own, "--json").line()["n"] == before + 800


def test_a_build_that_does_not_fit_leaves_nothing_or_a_whole_index(
    small_disk: Path, bundle: Path, more: Path
) -> None:
    options = ("--model", bundle, "--data", more, "--index", small_disk / "index")
    ballast = leave(small_disk, MIB // 2)  # less than the bundle
    assert "name a place that can be written" in sentence(acir("index", "build", *options))
    assert not (small_disk / "index").exists()
    ballast.unlink()
    ballast = leave(small_disk, 2 * MIB)
    sentence(acir("index", "build", *options))
    ballast.unlink()
    outcome = acir("index", "verify", "--index", small_disk / "index")
    assert outcome.out == "the index is whole\n"


@pytest.mark.parametrize("free", [0, MIB // 2, 2 * MIB])
def test_training_goes_on_once_there_is_room(small_disk: Path, tmp_path: Path, free: int) -> None:
    data = fill(tmp_path / "data", {"train": 12, "val": 3})
    ballast = leave(small_disk, free)
    out = small_disk / "run"
    sentence(train(data, out, **SHORT))
    ballast.unlink()
    outcome = train(data, out, "--resume", **SHORT)
    assert outcome.code == 0, outcome.err
    load_bundle(out / "bundle")


def test_a_page_that_does_not_fit_is_not_half_written(
    small_disk: Path, index: Path, pictures: Path
) -> None:
    leave(small_disk, 4096)
    query = pictures / "test" / "disc" / "120.png"
    outcome = acir("search", "--index", index, query, "--html", small_disk / "page.html")
    assert "cannot write" in sentence(outcome)
    assert not (small_disk / "page.html").exists()


def test_a_backup_or_compaction_that_does_not_fit_changes_nothing(
    small_disk: Path, index: Path
) -> None:
    own = shutil.copytree(index, small_disk / "index")
    leave(small_disk, 2**16)
    said = sentence(acir("index", "backup", "--index", own, "--to", small_disk / "copy"))
    assert "disk is full" in said or "cannot write" in said
    assert "the disk is full: the index at" in sentence(acir("index", "compact", "--index", own))
    assert sorted(p.name for p in small_disk.iterdir()) == ["ballast", "index"]
    (small_disk / "ballast").unlink()
    assert acir("index", "verify", "--index", own).out == "the index is whole\n"
    assert acir("index", "backup", "--index", own, "--to", small_disk / "copy").code == 0
