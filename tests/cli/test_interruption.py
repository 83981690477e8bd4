"""Ctrl-C during each command: exit code 130, and nothing is lost."""

import csv
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acir.errors import AcirError
from acir.index.store import Store
from made_model import CLASSES, SETTINGS, acir, draw, fill, program, save, train

MANY = 8000
PATIENCE_SECONDS = 60.0
EPOCHS = {"training.epochs": "6", "training.decoder_epochs": "1"}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return so many pictures that no command is done with them at once."""
    path = tmp_path_factory.mktemp("many") / "many.npz"
    few = [draw(kind, 3000 + n) for n in range(25) for kind in CLASSES]
    images = np.stack([few[n % len(few)] for n in range(MANY)])
    images[:, 0, 0], images[:, 0, 1] = np.arange(MANY) % 256, np.arange(MANY) // 256  # all differ
    labels = np.zeros((MANY, 1), dtype=np.uint8)
    np.savez(path, train_images=images, train_labels=labels)
    return path


def interrupt(words: list[object], ready: Callable[["subprocess.Popen[str]"], bool]) -> int:
    """Start a command, press Ctrl-C once it is ready, and return its exit code."""
    command = program(*words) | {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(**command, text=True) as child:
        end = time.monotonic() + PATIENCE_SECONDS
        while not ready(child):
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < end
            time.sleep(0.005)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in err
    return child.returncode


def has_printed(child: "subprocess.Popen[str]") -> bool:
    assert child.stdout is not None
    return bool(child.stdout.readline())


def has_said(child: "subprocess.Popen[str]") -> bool:
    assert child.stderr is not None
    return bool(child.stderr.readline())


def size(index: Path) -> int:
    """Return the number of pictures that are committed; 0 before there is an index."""
    try:
        with Store.open(index) as store:
            return int(store.info()["n"])
    except AcirError:
        return 0


def is_whole(index: Path) -> bool:
    return acir("index", "verify", "--index", index).out == "the index is whole\n"


def test_training_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", {"train": 40, "val": 5})
    out = tmp_path / "run"
    settings = [w for pair in (SETTINGS | EPOCHS).items() for w in ("--set", "=".join(pair))]
    words: list[object] = ["train", "tiny", "--data", data, "--out", out, *settings]
    kept = [out / "checkpoint.safetensors", out / "log.csv"]  # one is written after the other
    assert interrupt(words, lambda _: all(path.exists() for path in kept)) == 130
    assert not (out / "bundle").exists()
    before = rows(out)
    assert 1 <= len(before) < 7
    changed = {key.replace(".", "__"): value for key, value in EPOCHS.items()}
    assert train(data, out, "--resume", **changed).code == 0
    after = rows(out)
    assert after[: len(before)] == before  # to the tenth of a second: not trained again
    assert [row["epoch"] for row in after] == [*map(str, range(1, 7)), "1"]
    assert (out / "bundle").exists()


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]


def test_a_build_keeps_what_it_had_committed(tmp_path: Path, bundle: Path, many: Path) -> None:
    index = tmp_path / "index"
    words: list[object] = ["index", "build", "--model", bundle, "--data", many, "--index", index]
    assert interrupt(words, lambda _: size(index) > 0) == 130
    kept = size(index)
    assert 0 < kept < MANY
    assert is_whole(index)
    added = acir("index", "add", "--index", index, "--data", many, "--json").line()
    assert added == {"new": MANY - kept, "replaced": 0, "unchanged": kept}
    assert is_whole(index)


def test_an_add_keeps_what_was_there_and_what_it_had_committed(own_index: Path, many: Path) -> None:
    before = size(own_index)
    words: list[object] = ["index", "add", "--index", own_index, "--data", many]
    assert interrupt(words, lambda _: size(own_index) > before) == 130
    assert before < size(own_index) < before + MANY
    assert is_whole(own_index)


def test_a_search_leaves_the_index_as_it_was(own_index: Path, many: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words: list[object] = ["search", "--index", own_index, many, "--json", "--html", page]
    assert interrupt(words, has_printed) == 130
    assert not page.exists()
    assert is_whole(own_index)


def test_a_check_stops(bundle: Path, many: Path) -> None:
    assert interrupt(["check", "--model", bundle, many, "--json"], has_printed) == 130


def test_an_evaluation_stops(bundle: Path, many: Path, tmp_path: Path) -> None:
    for kind in CLASSES:
        save(draw(kind, 0), tmp_path / kind / "0.png")
    (tmp_path / "disc" / "bad.png").write_bytes(b"")
    # The skipped picture is reported once the gallery is encoded and the queries are begun.
    words: list[object] = ["evaluate", bundle, "--gallery", tmp_path, "--queries", many]
    assert interrupt(words, has_said) == 130
