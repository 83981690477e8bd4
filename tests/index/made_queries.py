"""Clients that query an index while it changes, and the states that it went through.

A state follows from its number: state `n` is what `n` transactions made of the first. As a program
with `FOLDER COUNT SEED`: so many queries by a process of its own; each answer is a line of JSON.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from made_entries import entry

from acir.index.changes import latest
from acir.index.entry import Entry
from acir.index.store import Store

FIRST, ADDED, DELETED = 500, 100, 40  # pictures at first, and those of one transaction
K = 10


def additions(step: int) -> range:
    """Return the numbers that the step adds; each fifth step deletes instead."""
    return range(FIRST + step * ADDED, FIRST + (step + 1) * ADDED)


def deletions(step: int) -> range:
    """Return the numbers that the step deletes, which an earlier one added."""
    return range(FIRST + (step - 4) * ADDED, FIRST + (step - 4) * ADDED + DELETED)


def deletes(step: int) -> bool:
    return step % 5 == 4


def change(store: Store, steps: int) -> None:
    """Take the steps, a transaction each."""
    for step in range(steps):
        if deletes(step):
            store.delete([entry(number).id for number in deletions(step)])
        else:
            store.add(map(entry, additions(step)))


def states(steps: int) -> Iterator[list[Entry]]:
    """Yield what is stored after 0, 1, 2 ... steps, ordered by id."""
    here = {one.id: one for one in map(entry, range(FIRST))}
    yield sorted(here.values(), key=lambda one: one.id)
    for step in range(steps):
        if deletes(step):
            for number in deletions(step):
                del here[entry(number).id]
        else:
            here |= {one.id: one for one in map(entry, additions(step))}
        yield sorted(here.values(), key=lambda one: one.id)


def query(number: int) -> Entry:
    """Return what is asked; none of it is stored."""
    return entry(10**6 + number)


def exact(state: list[Entry], asked: Entry) -> list[tuple[int, str]]:
    """Return distance and id of the nearest, by the plain definition."""
    codes = np.stack([one.code for one in state])
    distances = np.unpackbits(codes ^ asked.code, axis=1).sum(axis=1)
    order = sorted(zip(distances.tolist(), (one.id for one in state), strict=True))
    return order[:K]


def answer(store: Store, number: int) -> dict[str, object]:
    """Ask, and say which states the index was in before and after."""
    before = generation(store)
    with store.view() as view:
        distances, rows = view.engine.knn(query(number).code[None], K)
        hits = view.entries(rows[0])
        filtered = [hits[i].label == "class1" for i in range(len(hits))]
        assert view.select({"label": "class1"})[rows[0]].tolist() == filtered
    return {
        "query": number,
        "before": before,
        "after": generation(store),
        "hits": list(zip(distances[0].tolist(), (hit.id for hit in hits), strict=True)),
    }


def generation(store: Store) -> int:
    with store._readers.database() as database:
        moment = latest(database)
    assert moment is not None
    return moment.generation


if __name__ == "__main__":
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with Store.open(folder) as opened:
        for asked in range(seed, seed + count):
            print(json.dumps(answer(opened, asked)), flush=True)  # noqa: T201 - read by the test
