"""Results of a benchmark, by hand."""

from typing import Any

CONDITIONS = {
    "date": "2026-11-28 12:00 UTC",
    "cpu": {"name": "Some CPU", "flags": ["avx2"]},
    "cores": 2,
    "load": [0.1, 0.2, 0.3],
    "python": "3.11.7",
    "system": "Linux",
    "machine": "x86_64",
    "versions": {"numpy": "2.4.6"},
}


def time(median: float, best: float | None = None) -> dict[str, float]:
    return {"best_ms": median / 2 if best is None else best, "median_ms": median}


def figure(median: float) -> dict[str, Any]:
    ratio = {"best": 2.0, "median": 3.0}
    return {**time(median), "to_read": ratio, "to_faiss": ratio, "to_numpy": ratio}


def kind(*, on_server: bool = False) -> dict[str, Any]:
    return {
        "build_seconds": 1.5,
        "memory_bytes": 8_000_000,
        "exact": True,
        "recall": 1.0,
        "on_server": on_server,
        "remarks": [],
        "as_numpy": 1.0,
    }


def gallery(rows: int = 1_000_000, bits: int = 64) -> dict[str, Any]:
    names = ("read", "bare FAISS", "numpy", "faiss knn", "faiss batch", "numba knn", "numba batch")
    times = (0.1, 1.0, 30.0, 1.0, 2.0, 0.5, 0.25)  # of a million rows
    figures = {n: figure(t * rows / 1e6) for n, t in zip(names, times, strict=True)}
    return {
        "conditions": CONDITIONS,
        "rows": rows,
        "bits": bits,
        "bytes": rows * bits // 8,
        "read_by": "a compiled sum of words",
        "engines": {"faiss": kind(), "numba": kind()},
        "figures": figures,
    }


def store(rows: int = 1_000_000, bits: int = 64) -> dict[str, Any]:
    return {
        "conditions": CONDITIONS,
        "rows": rows,
        "bits": bits,
        "dim": 128,
        "engine": "faiss",
        "rows_a_second": 100_000.0,
        "to_sqlite": 1.5,
        "bytes": rows * 500,
        "memory_bytes": rows * 30,
        "open": {**time(400.0), "first_ms": 900.0},
        "figures": {"bare FAISS": figure(1.0), "answer": figure(2.0)},
        "rerank": {"rows": 1000, "met": time(0.5), "warm": time(1.0), "cold": time(50.0)},
        "change": {"add_one": time(2.0), "delete_one": time(3.0), "next_query": time(4.0)},
    }


def results(**cases: dict[str, Any]) -> dict[str, Any]:
    return {"title": "A benchmark", "k": 100, "cases": cases}
