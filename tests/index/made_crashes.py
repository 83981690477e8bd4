"""A process that changes a store at random until it is killed, and tells each step.

As a program: for each line `FOLDER SEED` a forked child of its own, which starts in no time; its
first line is its process id, then, for each step, a line before and the line `done` after it.
"""

import json
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from made_entries import entry, plain

from acir.index.store import Store

Step = Mapping[str, Any]
State = dict[str, dict[str, object]]  # what is stored, by id
KINDS = {"add": 5, "replace": 2, "delete": 4, "compact": 1, "backup": 1}


def steps(seed: int, known: Sequence[int]) -> Iterator[Step]:
    """Yield steps for ever; `known` are the numbers that are stored before the first."""
    rng = random.Random(seed)
    here = list(known)
    fresh = max(here, default=0) + 1
    while True:
        (kind,) = rng.choices(list(KINDS), list(KINDS.values()))
        numbers: list[int] = []
        if kind == "add":
            numbers = list(range(fresh, fresh + rng.randint(1, 20)))
            fresh, here = numbers[-1] + 1, here + numbers
        elif kind in {"replace", "delete"}:
            numbers = rng.sample(here, min(len(here), rng.randint(1, 15)))
        if kind == "delete":
            here = [number for number in here if number not in numbers]
        yield {"kind": kind, "numbers": numbers, "label": f"{seed}-{rng.random()}"}


def after(state: State, step: Step) -> State:
    """Return what is stored after a step."""
    ids = {entry(number).id: number for number in step["numbers"]}
    if step["kind"] == "delete":
        return {name: one for name, one in state.items() if name not in ids}
    given = {} if step["kind"] == "add" else {"label": step["label"]}
    return state | {name: plain(entry(number, **given)) for name, number in ids.items()}


def take(store: Store, step: Step) -> None:
    """Do a step to a store."""
    given = {} if step["kind"] == "add" else {"label": step["label"]}
    if step["kind"] in {"add", "replace"}:
        store.add([entry(number, **given) for number in step["numbers"]])
    elif step["kind"] == "delete":
        store.delete([entry(number).id for number in step["numbers"]])
    elif step["kind"] == "compact":
        store.compact()
    else:
        folder = store.folder.with_name(f"backup {step['label']}")
        part = folder.with_name(f"{folder.name}.part")
        part.mkdir()
        store.copy_to(part)
        part.rename(folder)


def number_of(name: str) -> int:
    """Return the number that an entry was made of."""
    return int(name.partition("/")[2].removesuffix(".png"))


def work(folder: Path, seed: int) -> None:
    tell(str(os.getpid()))
    with Store.open(folder) as store:
        with store.view() as view:
            known = [
                number_of(one.id) for one in view.entries(view.gallery.positions(range(10**6)))
            ]
        for step in steps(seed, sorted(known)):
            tell(json.dumps(step))
            take(store, step)
            tell("done")


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    for asked in sys.stdin:
        place, _, number = asked.rstrip("\n").rpartition(" ")
        child = os.fork()
        if not child:
            work(Path(place), int(number))
        os.waitpid(child, 0)
        tell("dead")
