"""The report of a comparison: every number in it follows from the runs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acir.evaluation.benchmark import Benchmark
from acir.evaluation.benchmark_file import load
from acir.evaluation.comparison import HAMMING, RERANKED, Results, Run
from acir.evaluation.comparison_page import document, expected, to_dict
from acir.evaluation.comparison_sheet import Sheet
from acir.evaluation.comparison_steadiness import QUANTITIES, SEEDS, per_query
from acir.evaluation.comparison_tests import Outcomes, scope
from acir.evaluation.contrasts import CONTRASTS, outcomes
from acir.evaluation.document import Document, Table
from acir.evaluation.significance import compare
from made_runs import impossible, run

TEXT = """
title = "Two sets"
recipe = "tiny"
ours = "acir"
bits = [16, 32]
seeds = [0, 1]
[shared]
training.epochs = 3
[[data]]
name = "cells"
title = "Blood cells"
source = "cells.zip"
draw = { per_class = 60, imbalance = 10.0, seed = 4 }
[[data]]
name = "chest"
source = "chest.npz"
[[method]]
name = "csq"
title = "CSQ"
loss = { name = "csq" }
[[method]]
name = "acir"
title = "ACIR (ours)"
loss = { name = "sch", structure = 0.25 }
[[method]]
name = "dch"
loss = { name = "dch" }
[[floor]]
name = "cosine"
of = "csq"
"""
LEVELS = {"acir": 0.9, "csq": 0.8, "dch": 0.7}
CEILING = {"n_queries": 8, "reranked": {"mode": "cosine", "mAP": 0.95}}


def scores(level: float, seed: int) -> list[float]:
    """Spread scores around level + 0.02 seed."""
    return [level + 0.02 * seed + 0.01 * step for step in range(-4, 5) if step]


RUNS = [
    run(method, scores(level, seed), data=data, bits=bits, seed=seed, better=0.05)
    for method, level in LEVELS.items()
    for data in ("cells", "chest")
    for bits in (16, 32)
    for seed in (0, 1)
    if (method, data, bits) != ("dch", "chest", 32)
]
RUNS += [impossible("dch", "too long", data="chest", bits=32, seed=seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    path: Path = tmp_path_factory.mktemp("benchmark") / "bench.toml"
    path.write_text(TEXT, encoding="utf-8")
    return load(path)


def compared(sheet: Sheet) -> Outcomes:
    whole = scope(sheet)
    return {c: outcomes(sheet.results, whole, c, {}, lambda _: None) for c in CONTRASTS}


def reported(benchmark: Benchmark, runs: list[Run], tuning: Any = None) -> Document:  # noqa: ANN401 - JSON
    sheet = Sheet(benchmark, Results(runs))
    return document(sheet, compared(sheet), tuning or {}, "acir compare bench.toml --out out")


@pytest.fixture(scope="module")
def report(benchmark: Benchmark) -> Document:
    return reported(benchmark, RUNS)


def table(report: Document, start: str) -> dict[tuple[str, ...], dict[str, str]]:
    """Return the table whose caption starts so: cells by the names of row and column."""
    (found,) = (t for s in report.sections for t in s.tables if t.caption.startswith(start))
    return {row[: found.named]: dict(zip(found.columns, row, strict=True)) for row in found.rows}


def raw(report: Document, start: str) -> Table:
    (found,) = (t for s in report.sections for t in s.tables if t.caption.startswith(start))
    return found


def test_scores_are_mean_and_deviation_over_seeds(report: Document) -> None:
    found = table(report, "mAP on Blood cells")
    # 0.90 and 0.92: mean 0.91, sample deviation 0.02 / sqrt 2 = 0.014
    assert found["ACIR (ours)",]["16 bits, Hamming"] == "0.910 ± 0.014"
    assert found["ACIR (ours)",]["16 bits, re-ranked"] == "0.960 ± 0.014"
    assert found["CSQ",]["32 bits, Hamming"] == "0.810 ± 0.014"


def test_ours_comes_first_and_the_best_of_a_column_stands_out(report: Document) -> None:
    found = raw(report, "mAP on Blood cells")
    assert [row[0] for row in found.rows] == ["ACIR (ours)", "CSQ", "dch", "cosine"]
    assert found.best == {(0, column) for column in (1, 2, 3, 4)}


def test_the_mean_over_the_data_sets_needs_all_of_them(report: Document) -> None:
    found = table(report, "mAP, mean over Blood cells, chest")
    assert found["ACIR (ours)",]["16 bits, Hamming"] == "0.910 ± 0.014"
    assert found["dch",]["16 bits, Hamming"] == "0.710 ± 0.014"
    assert found["dch",]["32 bits, Hamming"] == "not possible"
    assert found["cosine",]["16 bits, Hamming"] == "missing"


def test_a_mean_is_of_what_has_begun_at_its_length(benchmark: Benchmark) -> None:
    some = [r for r in RUNS if (r.record["data"], r.record["bits"]) != ("chest", 32)]
    results = Results(
        [
            *some,
            *(
                run(m, scores(0.5, s), data="skin", seed=s, bits=b)
                for m in LEVELS
                for s in (0, 1)
                for b in (16, 32)
            ),
        ]
    )
    skin = replace(benchmark.data[1], name="skin", title="")
    sheet = Sheet(replace(benchmark, data=(*benchmark.data, skin)), results)
    assert sheet.averages == "16 bits: Blood cells, chest, skin; 32 bits: Blood cells, skin"
    assert sheet.over_sets("csq", 32, "hamming").mean == pytest.approx((0.81 + 0.51) / 2)  # type: ignore[union-attr]


def test_the_mean_over_data_sets_pairs_runs_of_one_seed(benchmark: Benchmark) -> None:
    runs = [run("csq", scores(0.5, s), data="cells", seed=s) for s in (0, 1)]
    runs += [run("csq", scores(0.7, 1), data="chest", seed=1)]
    found = Sheet(benchmark, Results(runs)).over_sets("csq", 16, "hamming")
    assert found is not None
    assert found.n == 1
    assert found.mean == pytest.approx((0.52 + 0.72) / 2)


def test_data_sets_with_other_seeds_are_told_of(benchmark: Benchmark) -> None:
    said = (
        "Not every data set has the same seeds of CSQ at 32 bits: those that all of them have are "
        "compared."
    )
    lacking = ("csq", "chest", 32, 0)
    keys = ("method", "data", "bits", "seed")
    some = [r for r in RUNS if tuple(r.record[key] for key in keys) != lacking]
    for runs, told in ((RUNS, False), (some, True)):
        (section,) = (
            s
            for s in reported(benchmark, list(runs)).sections
            if s.title == "Differences over all data sets"
        )
        assert (said in section.text) is told


def test_ranked_methods_with_other_seeds_than_each_other_are_told_of(benchmark: Benchmark) -> None:
    said = (
        "Not every ranked method has the same seeds on chest at 16 bits: those that all of them "
        "have count."
    )
    levels = {"acir": 0.9, "csq": 0.8, "dch": 0.7}
    runs = [
        run(method, scores(level, seed), data=data, seed=seed)
        for method, level in levels.items()
        for data in ("cells", "chest")
        for seed in (0, 1)
    ]
    keys = ("method", "data", "seed")
    some = [r for r in runs if tuple(r.record[key] for key in keys) != ("dch", "chest", 1)]
    for these, told in ((runs, False), (some, True)):
        (section,) = (s for s in reported(benchmark, these).sections if s.title == "Ranks")
        assert (said in section.text) is told


def test_what_is_not_possible_is_said_with_its_reason(report: Document) -> None:
    assert table(report, "mAP on chest")["dch",]["32 bits, re-ranked"] == "not possible"
    (chest,) = (s for s in report.sections if s.title == "chest")
    assert "dch is not possible at 32 bits: too long." in chest.text


def test_the_ceiling_has_a_re_ranked_score_alone(benchmark: Benchmark) -> None:
    ceiling = run("cosine", scores(0.9, 0), test=CEILING)
    ceiling = Run(ceiling.record, {k: v for k, v in ceiling.arrays.items() if "hamming" not in k})
    found = table(reported(benchmark, [*RUNS, ceiling]), "mAP on Blood cells")["cosine",]
    assert (found["16 bits, Hamming"], found["16 bits, re-ranked"]) == ("-", "0.950")


def test_published_forms_have_their_standard_error_over_queries(report: Document) -> None:
    found = table(report, "Blood cells in the form")["ACIR (ours)",]
    # scores 0.91 + 0.01 (-4 ... 4 without 0): sum of squares 2 (1 + 4 + 9 + 16) 1e-4 = 0.006,
    # over 7 the variance, over 8 that of the mean: sqrt(0.006 / 56) = 0.0104
    assert found["16 bits, Hamming, ACC@1"] == "0.910 (0.010)"


def test_code_use_is_shown_by_bits_and_method(report: Document) -> None:
    found = table(report, "How the codes of Blood cells")
    assert found["CSQ", "16"]["distinct codes"] == "40"
    assert found["CSQ", "16"]["bit correlation"] == "-"  # it was not defined
    assert ("cosine", "16") not in found


def test_the_summary_names_the_best_of_the_others(report: Document) -> None:
    found = table(report, "ACIR (ours) against the other methods")
    row = found["Ours in Hamming order against the others in Hamming order", "16", "CSQ"]
    assert row["difference in mAP"] == "+0.100"
    assert row["error cut"] == "53 %"  # 1 - 0.09 / 0.19
    assert (row["better than"], row["worse than"]) == ("2", "0")


def test_of_a_perfect_peer_no_error_is_cut(benchmark: Benchmark) -> None:
    perfect = [run("csq", [1.0] * 8, data="cells", bits=16, seed=seed) for seed in (0, 1)]
    others = [r for r in RUNS if (r.record["method"], r.record["data"]) == ("acir", "cells")]
    runs = [*perfect, *(r for r in others if r.record["bits"] == 16)]
    found = table(reported(benchmark, runs), "Ours in Hamming order against")
    assert found["Blood cells", "16", "CSQ"]["error cut"] == "-"
    sheet = Sheet(benchmark, Results(runs))
    numbers = json.loads(json.dumps(to_dict(sheet, compared(sheet)), allow_nan=False))
    assert numbers["comparisons"][0]["error_cut"] is None


def test_differences_that_are_all_the_same_have_no_effect_size(benchmark: Benchmark) -> None:
    flat = {"acir": 0.75, "csq": 0.5}
    runs = [run(m, [s] * 8, data="cells", seed=n) for m, s in flat.items() for n in (0, 1)]
    found = table(reported(benchmark, runs), "Ours in Hamming order against")
    assert found["Blood cells", "16", "CSQ"]["effect d"] == "-"
    sheet = Sheet(benchmark, Results(runs))
    numbers = json.loads(json.dumps(to_dict(sheet, compared(sheet)), allow_nan=False))
    assert numbers["comparisons"][0]["paired"]["effect"] is None


def test_every_contrast_has_its_rows_on_each_set_and_over_all(report: Document) -> None:
    tables = [t for s in report.sections if s.title.startswith("Differences") for t in s.tables]
    assert [t.caption for t in tables] == [str(c) for c in CONTRASTS] * 2
    over_all, each = tables[0], tables[3]
    assert {row[0] for row in over_all.rows} == {"all"}
    assert len(over_all.rows) == 3  # dch cannot do 32 bits on one set
    assert len(each.rows) == 7


def test_overlap_between_seeds_is_that_of_the_first_hits(report: Document) -> None:
    row = table(report, "Overlap of the first ten hits, and agreement with structure, at 16")
    found = row["Blood cells", "CSQ"]
    # the made runs: the same hits in Hamming order, half of them when re-ranked
    assert (found["two seeds, Hamming"], found["two seeds, re-ranked"]) == ("1.000", "0.500")
    tested = table(report, "ACIR (ours): re-ranked minus")["Blood cells", "16", "two seeds"]
    assert tested["difference"] == "-0.500"


def test_steadiness_is_the_mean_over_seeds_without_what_has_no_structure(report: Document) -> None:
    row = table(report, "Overlap of the first ten hits, and agreement with structure, at 16")
    found = row["Blood cells", "ACIR (ours)"]
    # 0.5 and 0.75 of the two seeds; half of structure's queries are 0.5, the first is NaN
    assert (found["2 px shift, Hamming"], found["2 px shift, re-ranked"]) == ("0.250", "0.625")
    assert (found["structure, Hamming"], found["structure, re-ranked"]) == ("0.000", "0.500")
    assert found["JPEG 85, Hamming"] == "missing"  # not in the made runs
    tested = table(report, "ACIR (ours): re-ranked minus")["Blood cells", "16", "structure"]
    assert tested["difference"] == "+0.500"


def test_an_agreement_that_no_query_has_is_undefined(benchmark: Benchmark) -> None:
    blind = {f"{order}/structure": np.full(8, np.nan) for order in (HAMMING, RERANKED)}
    runs = [replace(one, arrays={**one.arrays, **blind}) if one.arrays else one for one in RUNS]
    found = table(
        reported(benchmark, runs),
        "Overlap of the first ten hits, and agreement with structure, at 16",
    )
    row = found["Blood cells", "CSQ"]
    assert (row["structure, Hamming"], row["structure, re-ranked"]) == ("-", "-")


@pytest.mark.parametrize(("quantity", "key"), [(SEEDS, "patient"), ("shift", "steadiness/patient")])
def test_queries_of_one_patient_gain_steadiness_as_one(
    benchmark: Benchmark, quantity: str, key: str
) -> None:
    count = len(RUNS[0].arrays["patient"])
    patients = np.arange(count) // 2
    runs = [Run(run.record, {**run.arrays, key: patients}) for run in RUNS if run.arrays]
    sheet = Sheet(benchmark, Results(runs))
    reranked, plain = (
        per_query(sheet, "cells", "acir", 16, order, quantity) for order in (RERANKED, HAMMING)
    )
    assert reranked is not None
    assert plain is not None
    expected = compare(reranked[None], plain[None], patients=patients)
    assert expected.p > compare(reranked[None], plain[None]).p
    tested = table(document(sheet, {}, {}, ""), "ACIR (ours): re-ranked minus")
    assert tested["Blood cells", "16", QUANTITIES[quantity]]["p"] == f"{expected.p:.4f}"


def test_what_older_runs_asked_about_the_gallery_itself_does_not_count(
    benchmark: Benchmark,
) -> None:
    count = len(RUNS[0].arrays["row"])
    asked = np.arange(count + 1)  # the last is in the gallery, finds itself and is not scored
    more = {"steadiness/row": asked, "hamming/shift": np.append(np.full(count, 0.25), 1.0)}
    old = Run(RUNS[0].record, {**RUNS[0].arrays, **more})
    sheet = Sheet(benchmark, Results([old, RUNS[1]]))  # beside one that did not ask
    found = per_query(sheet, "cells", "acir", 16, "hamming", "shift")
    assert found is not None
    assert found.tolist() == [0.25] * count


def test_one_seed_overlaps_with_nothing(benchmark: Benchmark) -> None:
    sheet = Sheet(benchmark, Results(RUNS[:1]))
    assert per_query(sheet, "cells", "acir", 16, "hamming", SEEDS) is None


def test_what_no_run_is_of_is_named_and_takes_no_column(benchmark: Benchmark) -> None:
    begun = [r for r in RUNS if (r.record["data"], r.record["bits"]) == ("cells", 16)]
    report = reported(benchmark, begun, {})
    assert report.intro.endswith("runs are recorded. Not begun: chest, 32 bits.")
    assert f"{len(begun)} of {expected(Sheet(benchmark, Results(RUNS)))} runs" in report.intro
    assert raw(report, "mAP on Blood cells").columns[1:] == (
        "16 bits, Hamming",
        "16 bits, re-ranked",
    )
    assert not any(s.title == "All data sets" for s in report.sections)
    ours = "Ours in Hamming order against the others in Hamming order"
    assert table(report, "ACIR (ours) against the other methods")[ours, "16", "CSQ"]


def test_tuning_shows_trials_and_choice(benchmark: Benchmark) -> None:
    chosen, other = {"training.learning_rate": 0.01}, {"training.learning_rate": 0.1}
    trials = [{"set": chosen, "validation_mAP": 0.5}, {"set": other, "reason": "it diverged"}]
    report = reported(benchmark, RUNS, {"cells": {"csq": {"set": chosen, "trials": trials}}})
    assert raw(report, "Trials").rows == (
        ("Blood cells", "CSQ", "training.learning_rate 0.01", "0.5000", "chosen"),
        ("Blood cells", "CSQ", "training.learning_rate 0.1", "it diverged", ""),
    )


def test_the_protocol_says_what_is_needed_to_do_it_again(report: Document) -> None:
    protocol = report.sections[-1]
    text = " ".join(protocol.text)
    for part in ("recipe `tiny`", "seeds 0, 1", "2026-11-23", "Abacus (2 cores, 1 threads"):
        assert part in text
    # 22 trainings of 90 s
    assert "Training took 0.6 hours" in text
    assert protocol.code == ("acir compare bench.toml --out out",)
    assert table(report, "Settings for every")[("all", "training.epochs", "3")]
    assert table(report, "What makes")[("ACIR (ours)", "name sch, structure 0.25", "")]
    assert table(report, "What a run costs")["chest", "CSQ"]["views"] == "30,000"
    assert ("chest", "chest.npz", "aa", "bb", "cc") in raw(report, "Digests").rows


def test_a_draw_is_described(report: Document) -> None:
    (cells,) = (s for s in report.sections if s.title == "Blood cells")
    assert "thinned out to 60 a class on average, the largest class 10 times" in " ".join(
        cells.text
    )


def test_figures_have_names_of_their_own(report: Document) -> None:
    names = [figure.name for section in report.sections for figure in section.figures]
    assert len(names) == len(set(names))
    wanted = {"bits-all-hamming", "bits-cells-reranked", "precision-recall-chest"}
    assert wanted | {"radius-recall-cells", "differences-reranked-32"} <= set(names)


def test_ranks_are_drawn_where_every_method_could_run(benchmark: Benchmark) -> None:
    possible = [r for r in RUNS if r.record["bits"] == 16]
    whole = [*possible, *(again(r, 32) for r in possible)]
    report = reported(benchmark, whole)
    (ranks,) = (s for s in report.sections if s.title == "Ranks")
    assert [figure.name for figure in ranks.figures] == ["ranks-hamming", "ranks-reranked"]
    said = "What comes of one source, or of the same patients, is one block: Blood cells; chest."
    assert said in ranks.text[0]
    assert "no two methods can be told apart on so few blocks" in ranks.text[1]
    sheet = Sheet(benchmark, Results(whole))
    assert to_dict(sheet, compared(sheet))["ranks"]["hamming"]["blocks"] == [["cells"], ["chest"]]


def test_a_sub_sample_is_in_the_block_of_its_source(benchmark: Benchmark) -> None:
    cells, chest = benchmark.data
    hard = replace(chest, name="hard", source=cells.source)
    sheet = Sheet(replace(benchmark, data=(cells, chest, hard)), Results([]))
    assert sheet.blocks == (("cells", "hard"), ("chest",))
    assert "Ranks" not in [s.title for s in reported(benchmark, RUNS).sections]


def test_views_of_the_same_patients_are_one_block(benchmark: Benchmark) -> None:
    cells, chest = benchmark.data
    other = replace(chest, name="other", source="other.zip")
    axial, coronal = (replace(chest, name=n, source=n, block="ct") for n in ("axial", "coronal"))
    thin = replace(chest, name="thin", source="axial")  # of the source of one of them
    sheet = Sheet(replace(benchmark, data=(axial, cells, other, coronal, thin)), Results([]))
    assert sheet.blocks == (("axial", "coronal", "thin"), ("cells",), ("other",))


def again(run: Run, bits: int) -> Run:
    return Run({**run.record, "bits": bits, "key": f"{run.record['key']}{bits}"}, run.arrays)


def test_plain_values_hold_the_same(benchmark: Benchmark) -> None:
    sheet = Sheet(benchmark, Results(RUNS))
    found = to_dict(sheet, compared(sheet))
    # three methods and the ceiling on two sets at two lengths with two seeds
    assert (found["runs"], found["expected_runs"]) == (len(RUNS), 32) == (24, expected(sheet))
    (score,) = (
        s
        for s in found["scores"]
        if [s[k] for k in ("data", "method", "bits", "order", "metric")]
        == ["", "acir", 16, "reranked", "mAP"]
    )
    assert score["mean"] == pytest.approx(0.96)
    assert score["sd"] == pytest.approx(np.sqrt(2) * 0.01)
    assert found["impossible"][0] == {
        "data": "chest",
        "method": "dch",
        "bits": 32,
        "reason": "too long",
    }
    assert len(found["comparisons"]) == 3 * (7 + 3)  # contrasts x (each set, the mean)
    assert found["hours"] == 0.55


def test_without_runs_there_is_a_report_all_the_same(benchmark: Benchmark) -> None:
    report = reported(benchmark, [])
    assert report.sections[0].text == ("Nothing to compare yet.",)
    assert "0 of 32 runs are recorded" in report.intro
    assert table(report, "mAP on chest")["CSQ",]["16 bits, Hamming"] == "missing"
