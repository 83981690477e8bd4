"""A process that is killed while it writes loses nothing that it was told is stored."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_entries import create, entry, everything, gallery, plain

from acir.index.store import Store

PROGRAM = Path(__file__).with_name("made_entries.py")


def kill_while_adding(folder: Path, seconds: float) -> int:
    """Add entries in another process, kill it, and return how many it had acknowledged."""
    command = [sys.executable, str(PROGRAM), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = int(child.stdout.readline())
        time.sleep(seconds)
        child.kill()
        for line in child.stdout:
            if line.endswith("\n"):
                acknowledged = int(line)
    return acknowledged


def rounds(folder: Path, count: int) -> None:
    create(folder).close()
    rng = random.Random(1)
    stored = 0
    for _ in range(count):
        acknowledged = kill_while_adding(folder, rng.uniform(0, 0.2))
        with Store.open(folder) as store:
            assert store.verify() == []
            found = everything(store)
            assert len(found) >= max(acknowledged, stored)
            expected = sorted((entry(i) for i in range(len(found))), key=lambda one: one.id)
            assert list(map(plain, found)) == list(map(plain, expected))
            stored = len(found)
            store.delete([entry(i).id for i in range(stored - 30, stored)])
            stored -= 30


def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    rounds(tmp_path / "index", 3)


@pytest.mark.soak
def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    rounds(tmp_path / "index", 50)


def test_a_reader_sees_whole_batches_while_another_process_writes(tmp_path: Path) -> None:
    create(tmp_path / "index").close()
    command = [sys.executable, str(PROGRAM), str(tmp_path / "index")]
    seen: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        for _ in range(30):
            with Store.open(tmp_path / "index") as store:
                seen.append(len(gallery(store).keys))
                assert store.info()["n"] >= seen[-1]  # type: ignore[operator]
        child.kill()
    assert seen == sorted(seen)
    assert seen[0] < seen[-1]
    assert all(number % 10 == 0 for number in seen)
