"""Entries that follow from a number, for this process and for those that a test kills.

As a program: add entries 0, 1, 2, ... to the store of a folder by tens, for ever, and print how
many are committed after each ten.
"""

import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np

from acir.index.entry import Entry
from acir.index.gallery import Gallery
from acir.index.store import Store

BITS, DIM = 16, 12


def entry(number: int, **changed: object) -> Entry:
    rng = np.random.default_rng(number)
    vector = rng.normal(size=DIM)
    values: dict[str, object] = {
        "id": f"class{number % 3}/{number:06d}.png",
        "code": rng.integers(0, 256, BITS // 8, dtype=np.uint8),
        "embedding": (vector / np.linalg.norm(vector)).astype(np.float16),
        "label": f"class{number % 3}",
        "pixel_hash": f"{number // 2:064x}",  # two pictures each
        "path": f"some/{number}.png",
        "patient": f"{number // 4:016x}",  # four pictures each
        "thumbnail": rng.bytes(300),
        "metadata": {"split": "test" if number % 5 == 0 else "train", "view": "AP"},
    }
    return Entry(**(values | changed))  # type: ignore[arg-type]


def create(folder: Path, numbers: range = range(0)) -> Store:
    store = Store.create(folder, bits=BITS, dim=DIM, engine="flat", model="m1")
    store.add(map(entry, numbers))
    return store


class Spy:
    """Calls a function and counts."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *given: object) -> object:
        self.calls += 1
        return self.function(*given)


def gallery(store: Store) -> Gallery:
    with store.view() as view:
        return view.gallery


def everything(store: Store) -> list[Entry]:
    with store.view() as view:
        return view.entries(np.arange(len(view.gallery.keys)))


def plain(one: Entry) -> dict[str, object]:
    """Turn an entry into values that compare."""
    arrays = {"code": one.code.tolist(), "embedding": one.embedding.tolist()}
    return vars(one) | arrays | {"metadata": dict(one.metadata)}


if __name__ == "__main__":
    with Store.open(Path(sys.argv[1])) as open_store:
        for start in count(0, 10):
            open_store.add(map(entry, range(start, start + 10)))
            print(start + 10, flush=True)  # noqa: T201 - read by the test
