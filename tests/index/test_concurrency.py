"""Every answer is the exact one for a state that the index was in while it was asked."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from made_entries import entry
from made_queries import FIRST, answer, change, exact, generation, query, states

from acir.index.store import Store

PROGRAM = Path(__file__).with_name("made_queries.py")


def assert_of_one_state(answers: list[dict[str, Any]], first: int, steps: int) -> None:
    """Compare with the exact answers of all states between the start and the end of a query."""
    open_ones = list(answers)
    for number, state in enumerate(states(steps), start=first):
        open_ones = [
            one
            for one in open_ones
            if not one["before"] <= number <= one["after"]
            or [tuple(hit) for hit in one["hits"]] != exact(state, query(one["query"]))
        ]
    assert open_ones == []


def ask_while_it_changes(
    folder: Path, *, steps: int, threads: int, queries: int, processes: int
) -> list[dict[str, Any]]:
    """Return the answers of threads and of processes, each asking so often."""
    command = [sys.executable, str(PROGRAM), str(folder), str(queries)]
    children = [
        subprocess.Popen([*command, str(10_000 * child)], stdout=subprocess.PIPE, text=True)
        for child in range(1, processes + 1)
    ]
    with Store.open(folder) as reader, Store.open(folder) as writer:
        writing = threading.Thread(target=change, args=(writer, steps))
        with ThreadPoolExecutor(threads) as clients:
            writing.start()
            answers = list(clients.map(lambda i: answer(reader, i), range(threads * queries)))
        writing.join()
    for child in children:
        out, _ = child.communicate()
        assert child.returncode == 0
        answers += [json.loads(line) for line in out.splitlines()]
    return answers


def assert_answers_are_exact(
    folder: Path, *, steps: int, threads: int, queries: int, processes: int
) -> None:
    with Store.create(folder, bits=16, dim=12, engine="flat", model="m1") as store:
        store.add(map(entry, range(FIRST)))
        first = generation(store)
    answers = ask_while_it_changes(
        folder, steps=steps, threads=threads, queries=queries, processes=processes
    )
    assert len(answers) == (threads + processes) * queries
    assert len({one["after"] for one in answers}) > 1  # it did change meanwhile
    assert_of_one_state(answers, first, steps)
    with Store.open(folder) as store:
        assert generation(store) == first + steps
        assert store.verify() == []


def test_answers_while_pictures_come_and_go_are_exact(tmp_path: Path) -> None:
    assert_answers_are_exact(tmp_path / "index", steps=10, threads=8, queries=8, processes=1)


@pytest.mark.soak
def test_a_thousand_answers_to_32_clients_while_ten_thousand_pictures_come_are_exact(
    tmp_path: Path,
) -> None:
    # 100 of the steps add 100 pictures, 25 delete 40.
    assert_answers_are_exact(tmp_path / "index", steps=125, threads=28, queries=32, processes=4)
