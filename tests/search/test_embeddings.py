"""Embeddings from memory are those of the store, and are read once while there is room."""

from pathlib import Path

import numpy as np
import pytest

from acir.index.entry import Entry
from acir.index.store import Store
from acir.search.embeddings import Embeddings


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store.create(tmp_path / "index", bits=8, dim=4, engine="flat", model="m")
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 4)).astype(np.float16)
    found.add(Entry(f"{n:02d}", np.zeros(1, np.uint8), vectors[n], "", "0") for n in range(30))
    return found


@pytest.mark.parametrize("room", [1, 7, 12, 30])
def test_any_list_in_any_order_is_as_stored(store: Store, room: int) -> None:
    embeddings, rng = Embeddings(store.dim, room * 4 * 2), np.random.default_rng(1)
    with store:
        for _ in range(50):
            rows = rng.permutation(30)[: rng.integers(0, 31)]
            assert embeddings.of(store, rows).tobytes() == store.embeddings(rows).tobytes()


def test_what_was_read_is_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = Embeddings(store.dim)
    first = embeddings.of(store, np.array([3, 1, 2]))
    read: list[int] = []
    plain = store.embeddings

    def noted(rows: np.ndarray) -> np.ndarray:
        read.extend(rows.tolist())
        return plain(rows)

    monkeypatch.setattr(store, "embeddings", noted)
    assert embeddings.of(store, np.array([1, 2])).tobytes() == first[1:].tobytes()
    assert read == []
    embeddings.of(store, np.array([2, 9]))
    assert read == [9]
    store.close()
