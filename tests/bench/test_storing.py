"""A small index on disk, measured."""

import os
from pathlib import Path

import pytest

from acir.bench.drawn import draw
from acir.bench.storing import Sizes, measure
from acir.index.store import Store


@pytest.mark.parametrize("engine", ["flat", "faiss"])
def test_an_index_is_filled_searched_and_left_as_it_was(tmp_path: Path, engine: str) -> None:
    drawn, ticks = draw("clustered", 1_000, 64, 25, 0), list[int]()
    found = measure(tmp_path / "index", drawn, Sizes(16, engine, 2, 50), 0, ticks.append)
    assert len(ticks) == 4
    assert (found["rows"], found["bits"], found["dim"]) == (1_000, 64, 16)
    figures, rerank = found["figures"], found["rerank"]
    assert isinstance(found["to_sqlite"], float)
    assert isinstance(figures, dict)
    assert isinstance(rerank, dict)
    assert figures["bare FAISS"]["to_faiss"] == {"best": 1.0, "median": 1.0}
    assert {"answer", "answer, filtered", "with ties", "a filter for the first time"} < set(figures)
    assert rerank["rows"] == 1_000
    assert ("cold" in rerank) == hasattr(os, "posix_fadvise")
    with Store.open(tmp_path / "index") as store:
        assert store.info()["n"] == 1_000
        assert len(store.known([f"{number:09d}" for number in range(1_000)])) == 1_000
        assert store.verify() == []


def test_where_the_cache_cannot_be_emptied_there_is_no_cold_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fadvise", raising=False)
    drawn = draw("clustered", 1_000, 64, 25, 0)
    found = measure(tmp_path / "index", drawn, Sizes(16, "faiss", 1, 50), 0, lambda _: None)
    rerank = found["rerank"]
    assert isinstance(rerank, dict)
    assert set(rerank) == {"rows", "met", "warm"}
