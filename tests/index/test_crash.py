"""A process that is killed at any moment loses nothing that it was told is stored."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from made_crashes import State, Step, after
from made_entries import (
    back_to_version_1,
    back_to_version_2,
    create,
    everything,
    gallery,
    plain,
)

from acir.index.store import Store

WRITER = Path(__file__).with_name("made_entries.py")
WORKER = Path(__file__).with_name("made_crashes.py")


def kill(
    worker: "subprocess.Popen[str]", folder: Path, seed: int, *, lines: int, seconds: float
) -> list[str]:
    """Let a process change a store, kill it so long after a line, and return what it told."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    print(folder, seed, file=worker.stdin, flush=True)
    process = int(worker.stdout.readline())
    told = [worker.stdout.readline().rstrip("\n") for _ in range(lines)]
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    while (line := worker.stdout.readline().rstrip("\n")) != "dead":
        told.append(line)
    return told


def stored(folder: Path) -> State:
    """Return what a store holds, every byte of it checked."""
    with Store.open(folder) as store:
        assert store.verify() == []
        return {one.id: plain(one) for one in everything(store)}


def replay(state: State, told: list[str]) -> tuple[State, Step | None]:
    """Return what must be stored after the steps that were told, and one that was not finished."""
    pending: Step | None = None
    for line in told:
        if line == "done":
            assert pending is not None
            state, pending = after(state, pending), None
        else:
            pending = json.loads(line)
    return state, pending


def check_backups(folder: Path, told: list[str]) -> None:
    """Check all backups that were told or are there, and remove them."""
    for line, following in pairwise(told):
        step = json.loads(line) if following == "done" else {"kind": ""}
        if step["kind"] == "backup":
            assert folder.with_name(f"backup {step['label']}").is_dir()
    for path in folder.parent.glob("backup *"):
        if path.suffix != ".part":
            stored(path)
        shutil.rmtree(path)


def rounds(folder: Path, count: int) -> tuple[set[str], int]:
    """Kill so often; return which kinds of steps were under way then, and how many were taken."""
    create(folder, range(60)).close()
    state, rng = stored(folder), random.Random(1)
    interrupted, taken = set[str](), 0
    command = [sys.executable, str(WORKER)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as worker:  # type: ignore[call-overload]
        for seed in range(count):
            migrates = seed % 4 == 3
            if migrates:
                (back_to_version_1 if seed % 8 == 3 else back_to_version_2)(folder)
            # A migration comes before the first line.
            lines, seconds = (0, 0.1) if migrates else (rng.randrange(20), 0.02)
            told = kill(worker, folder, seed, lines=lines, seconds=rng.uniform(0, seconds))
            if told and not told[-1].endswith(("done", "}")):
                told.pop()  # half a line
            state, pending = replay(state, told)
            interrupted.add("migrate" if migrates and not told else (pending or {}).get("kind", ""))
            check_backups(folder, told)
            found = stored(folder)
            if pending is not None and found != state:
                state = after(state, pending)
            assert found == state
            taken += told.count("done")
        worker.stdin.close()
    return interrupted, taken


def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    _, taken = rounds(tmp_path / "index", 20)
    assert taken > 20


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    interrupted, taken = rounds(tmp_path / "index", 200)
    assert interrupted >= {"add", "replace", "delete", "compact", "backup", "migrate"}
    assert taken > 500


def test_a_reader_sees_whole_batches_while_another_process_writes(tmp_path: Path) -> None:
    create(tmp_path / "index").close()
    command = [sys.executable, str(WRITER), str(tmp_path / "index")]
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
