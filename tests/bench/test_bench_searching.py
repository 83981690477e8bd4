"""Engines beside what they are measured by, on a small gallery."""

import pytest

from acir.bench.drawn import draw
from acir.bench.searching import Rounds, build, measure
from acir.errors import ComponentError
from acir.index import engines

TASKS = ["knn", "ties", "radius", "batch", *(f"filter {s}" for s in ("0.1%", "1.0%", "10.0%"))]


def test_every_task_of_every_engine_is_timed_and_the_answers_are_compared() -> None:
    drawn, ticks = draw("clustered", 2_000, 64, 30, 0), list[int]()
    built = {name: build(name, drawn, None) for name in ("flat", "faiss")}
    found = measure(built, drawn, Rounds(10, 2, 5, 1), 0, ticks.append)
    assert len(ticks) == 3
    figures, kinds = found["figures"], found["engines"]
    assert isinstance(figures, dict)
    assert isinstance(kinds, dict)
    assert {f"{name} {task}" for name in built for task in TASKS} <= set(figures)
    assert {"read", "bare FAISS", "bare FAISS radius", "bare FAISS batch", "numpy"} < set(figures)
    assert figures["read"]["to_read"] == {"best": 1.0, "median": 1.0}
    assert figures["bare FAISS batch"]["to_faiss"] == {"best": 1.0, "median": 1.0}
    knn, bare = figures["flat knn"], figures["bare FAISS"]
    assert knn["to_faiss"]["best"] == knn["best_ms"] / bare["best_ms"]
    assert {name: kind["as_numpy"] for name, kind in kinds.items()} == {"flat": 1.0, "faiss": 1.0}


def test_wrong_answers_show(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw("clustered", 2_000, 64, 30, 0)
    built = build("flat", drawn, None)
    right = built.engine.knn
    monkeypatch.setattr(built.engine, "knn", lambda q, k, allow=None: right(q, k)[::-1])
    found = measure({"flat": built}, drawn, Rounds(10, 1, 5, 1), 0, lambda _: None)
    kinds = found["engines"]
    assert isinstance(kinds, dict)
    assert kinds["flat"]["as_numpy"] == 0.0


def test_an_engine_of_a_server_needs_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.get("flat"), "on_server", True)
    with pytest.raises(ComponentError, match=r"flat needs a server; give --server flat=ADDRESS"):
        build("flat", draw("uniform", 1_000, 64, 1, 0), None)
