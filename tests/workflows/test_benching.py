"""`acir bench index`: measures, goes on, reports."""

import json
from pathlib import Path

import pytest

from acir.bench import searching
from acir.errors import ServerError
from acir.index.engines.base import Engine
from acir.workflows.bench import bench_index
from made_model import acir, fill

PLAN = """
title = "A small benchmark"
k = {k}
queries = 25

[[gallery]]
codes = "clustered"
rows = 1000
bits = 64
rounds = 1
batch = 5
batch_rounds = 1

[[store]]
rows = 1000
bits = 64
dim = 8
rounds = 1
engine = "flat"
"""


def written(folder: Path, k: int = 10) -> Path:
    path = folder / "bench.toml"
    path.write_text(PLAN.format(k=k), encoding="utf-8")
    return path


def test_results_report_figure_and_plan_are_written_and_a_second_call_goes_on(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    first = acir("bench", "index", written(tmp_path), "--out", out)
    assert first.code == 0, first.err
    assert f"the report is {out / 'report.md'}" in first.err
    files = {path.name for path in out.iterdir()}
    assert files == {"cases", "growth.svg", "report.md", "results.json", "scale.md"}
    results = json.loads((out / "results.json").read_text("utf-8"))
    assert set(results["cases"]) == {"clustered-1000x64", "store-1000x64-flat"}
    assert {"flat", "faiss", "numba"} <= set(results["cases"]["clustered-1000x64"]["engines"])
    before = (out / "results.json").read_bytes()
    (out / "cases" / "store-1000x64-flat.json").unlink()
    again = acir("bench", "index", written(tmp_path), "--out", out)
    assert "clustered-1000x64 is measured already" in again.err
    assert "store-1000x64-flat is measured already" not in again.err
    assert (out / "results.json").read_bytes() != before
    other = acir("bench", "index", written(tmp_path, k=11), "--out", out)
    assert "is measured already" not in other.err


def test_engines_are_closed_where_measuring_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = list[str]()

    def measure(*_: object) -> None:
        raise ServerError("the server is gone")

    monkeypatch.setattr(searching, "measure", measure)
    monkeypatch.setattr(Engine, "close", lambda engine: closed.append(type(engine).__name__))
    with pytest.raises(ServerError, match="the server is gone"):
        bench_index(written(tmp_path), tmp_path / "out")
    assert {"Flat", "Faiss", "Numba"} <= set(closed)


def test_an_engine_that_cannot_be_had_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acir.index import engines  # noqa: PLC0415 - after the tests' own hooks

    monkeypatch.setattr(engines.get("numba"), "on_server", True)
    done = acir("bench", "index", written(tmp_path), "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "left out: the engine numba needs a server; give --server numba=ADDRESS" in done.err


def test_the_codes_of_a_bundle_are_measured_too(
    tmp_path: Path, bundle: Path, pictures: Path
) -> None:
    out = tmp_path / "out"
    done = acir(
        *("bench", "index", written(tmp_path), "--out", out),
        *("--model", bundle, "--data", f"{pictures}#train"),
    )
    assert done.code == 0, done.err
    cases = json.loads((out / "results.json").read_text("utf-8"))["cases"]
    (real,) = [case for name, case in cases.items() if name.startswith("real-")]
    assert real["rows"] == 400 - 25
    assert real["engines"]["faiss"]["as_numpy"] == 1.0


def test_wrong_use_is_refused(tmp_path: Path, bundle: Path) -> None:
    plan, out = written(tmp_path), tmp_path / "out"
    one = acir("bench", "index", plan, "--out", out, "--model", bundle)
    assert one.refusal() == "--model and --data belong together; give both or neither"
    other = acir("bench", "index", plan, "--out", out, "--server", "milvos=there")
    assert other.refusal().startswith("there is no engine 'milvos'; there are faiss, flat")
    left = tmp_path / "left.toml"
    left.write_text(plan.read_text("utf-8").replace("batch = 5", 'leave_out = ["fais"]'), "utf-8")
    odd = acir("bench", "index", left, "--out", out)
    assert odd.refusal().endswith("Did you mean 'faiss'?")
    few = fill(tmp_path / "few", {"train": 2})
    words = ("bench", "index", plan, "--out", out, "--model", bundle, "--data", f"{few}#train")
    refusal = acir(*words).refusal()
    assert refusal.endswith(
        "has 8 pictures, expected at least 40; give more, or leave --model and --data out"
    )
    assert not out.exists()
