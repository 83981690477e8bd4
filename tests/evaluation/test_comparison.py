"""Runs become a tidy table, and are put side by side only where that is fair."""

import csv
from pathlib import Path

import numpy as np
import pytest

from acir.errors import UsageError
from acir.evaluation.comparison import Results, spread, tidy, write_csv
from made_runs import impossible, run


def test_a_spread_is_the_mean_and_the_sample_deviation() -> None:
    found = spread([0.8, 0.9, 1.0])  # squares of deviations: 0.01 + 0 + 0.01, over n - 1 = 2
    assert [found.mean, found.sd, found.n] == pytest.approx([0.9, 0.1, 3])
    assert str(found) == "0.900 ± 0.100"


def test_one_seed_has_no_deviation_to_show() -> None:
    assert str(spread([0.8])) == "0.800"


def test_runs_are_grouped_and_ordered_by_seed() -> None:
    made = [run("acir", [0.1 * n, 0.5], seed=n) for n in (2, 0, 1)]
    found = Results([*made, run("csq", [0.5, 0.5]), run("acir", [0.5, 0.5], bits=32)])
    assert [r.record["seed"] for r in found.runs("cells", "acir", 16)] == [0, 1, 2]
    scores = found.scores("cells", "acir", 16, "hamming")
    assert scores is not None
    np.testing.assert_allclose(scores, [[0.0, 0.5], [0.1, 0.5], [0.2, 0.5]])


def test_the_re_ranked_order_has_its_own_scores() -> None:
    found = Results([run("acir", [0.4, 0.6], better=0.1)])
    means = [found.spread("cells", "acir", 16, order, "mAP") for order in ("hamming", "reranked")]
    assert [m.mean for m in means if m] == [pytest.approx(0.5), pytest.approx(0.6)]


def test_what_is_not_there_is_none() -> None:
    found = Results([run("acir", [0.4])])
    assert found.spread("cells", "csq", 16, "hamming", "mAP") is None
    assert found.spread("cells", "acir", 16, "hamming", "NDCG") is None
    assert found.scores("cells", "acir", 64, "hamming") is None
    assert found.reason("cells", "acir", 16) is None


def test_what_is_not_possible_keeps_its_reason() -> None:
    found = Results([impossible("csq", "48 bits have no centres", bits=48)])
    assert found.reason("cells", "csq", 48) == "48 bits have no centres"
    assert found.runs("cells", "csq", 48) == []


def test_runs_on_different_pictures_are_not_compared() -> None:
    other = {"train": "aa", "val": "bb", "test": "dd"}
    with pytest.raises(UsageError, match="the runs on cells used different pictures, so they"):
        Results([run("acir", [0.4]), run("csq", [0.4], splits=other)])


def test_the_table_has_a_row_a_number() -> None:
    values = list(tidy([run("acir", [0.4, 0.6], better=0.1, seed=3)]))
    found = {(v.order, v.metric): v.value for v in values}
    assert {(v.data, v.method, v.bits, v.seed) for v in values} == {("cells", "acir", 16, 3)}
    assert found["hamming", "mAP"] == pytest.approx(0.5)
    assert found["reranked", "mAP"] == pytest.approx(0.6)
    assert found["hamming", "per_class/a/n"] == 2.0
    assert found["hamming", "seconds"] == 90.0
    # neither words, nor what is undefined, nor curves
    assert not {"mode", "bit_correlation", "radius/precision"} & {v.metric for v in values}


def test_the_ceiling_has_no_hamming_order() -> None:
    test = {"n_queries": 2, "reranked": {"mode": "cosine", "mAP": 0.75}}
    values = list(tidy([run("cosine", [0.4, 0.6], test=test)]))
    assert [v.order for v in values if v.metric == "mAP"] == ["reranked"]


def test_the_table_leaves_out_what_is_not_possible() -> None:
    assert list(tidy([impossible("csq", "no centres")])) == []


def test_the_file_reads_back(tmp_path: Path) -> None:
    values = list(tidy([run("acir", [0.4, 0.6])]))
    write_csv(tmp_path / "results.csv", values)
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["metric"], float(r["value"])) for r in rows] == [(v.metric, v.value) for v in values]
    assert list(rows[0]) == ["data", "method", "bits", "seed", "order", "metric", "value"]
