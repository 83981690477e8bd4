"""Embeddings from memory are those of the store, and are read once while there is room."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from acir.index.embeddings import Embeddings
from acir.index.entry import Entry
from acir.index.store import Store
from acir.index.view import View


@pytest.fixture
def view(tmp_path: Path) -> Iterator[View]:
    found = Store.create(tmp_path / "index", bits=8, dim=4, engine="flat", model="m")
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 4)).astype(np.float16)
    found.add(Entry(f"{n:02d}", np.zeros(1, np.uint8), vectors[n], "", "0") for n in range(30))
    with found, found.view() as seen:
        yield seen


@pytest.mark.parametrize("room", [1, 7, 12, 30])
def test_any_list_in_any_order_is_as_stored(view: View, room: int) -> None:
    embeddings, rng = Embeddings(4, room * 4 * 2), np.random.default_rng(1)
    for _ in range(50):
        rows = rng.permutation(30)[: rng.integers(0, 31)]
        assert embeddings.of(view, rows).tobytes() == view.embeddings(rows).tobytes()


def test_what_was_read_is_not_read_again(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = Embeddings(4)
    first = embeddings.of(view, np.array([3, 1, 2]))
    read: list[int] = []
    plain = view.embeddings

    def noted(rows: np.ndarray) -> np.ndarray:
        read.extend(rows.tolist())
        return plain(rows)

    monkeypatch.setattr(view, "embeddings", noted)
    assert embeddings.of(view, np.array([1, 2])).tobytes() == first[1:].tobytes()
    assert read == []
    embeddings.of(view, np.array([2, 9]))
    assert read == [9]


def test_threads_that_share_a_memory_get_what_is_stored(view: View, tmp_path: Path) -> None:
    embeddings, whole = Embeddings(4, 12 * 4 * 2), view.embeddings(np.arange(30))

    def wrong(seed: int) -> int:
        rng, found = np.random.default_rng(seed), 0
        with store.view() as own:
            for _ in range(200):
                rows = rng.permutation(30)[: rng.integers(1, 13)]
                found += embeddings.of(own, rows).tobytes() != whole[rows].tobytes()
        return found

    with Store.open(tmp_path / "index") as store, ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(wrong, range(8))) == 0
