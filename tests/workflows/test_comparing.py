"""`acir compare`: what it leaves, how it goes on, what it never does."""

import csv
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from acir.errors import ComponentError, RecipeError, StorageError, UsageError
from acir.evaluation.benchmark_file import load
from acir.evaluation.report import data_uri
from acir.sources.base import Source, SourceOptions, open_source
from acir.training.trainer import Trainer
from acir.workflows import learning
from acir.workflows.compare import compare
from acir.workflows.comparing import pictures, report
from acir.workflows.comparing.processes import Work
from acir.workflows.comparing.report import recorded
from made_benchmark import COUNTS, bench, in_this_process
from made_model import CLASSES, acir, fill, program, table, tree

PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("drawn"), COUNTS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """Return the folder of a finished comparison with tuning; its benchmark lies beside it."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as monkeypatch:
        in_this_process(monkeypatch)
        compare(bench(folder, drawn, trials=True), folder / "out")
    return folder / "out"


@pytest.fixture
def own(tmp_path: Path, finished: Path) -> Path:
    """Return a copy of it that a test may change."""
    shutil.copy(finished.parent / "bench.toml", tmp_path)
    return shutil.copytree(finished, tmp_path / "out")


def record(out: Path, method: str, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        (out / "runs" / "drawn" / method / f"{name}.json").read_text(encoding="utf-8")
    )
    return found


# What it leaves


def test_every_run_has_a_record_and_arrays(finished: Path) -> None:
    left = {p.relative_to(finished / "runs").as_posix() for p in finished.glob("runs/*/*/*")}
    assert left == {
        f"drawn/{method}/16-{seed}.{kind}"
        for method in ("acir", "csq", "itq", "cosine")
        for seed in (0, 1)
        for kind in ("json", "npz")
    }


def test_a_record_says_what_decided_it_and_on_what_it_ran(finished: Path) -> None:
    found = record(finished, "acir", "16-1")
    assert (found["bits"], found["seed"], found["status"]) == (16, 1, "done")
    assert found["views"] == COUNTS["train"] * len(CLASSES)
    assert found["left_out"] == 0
    recipe, machine, splits = found["recipe"], found["machine"], found["splits"]
    assert isinstance(recipe, dict)
    assert isinstance(machine, dict)
    assert isinstance(splits, dict)
    assert recipe["loss"] == {"name": "sch", "structure": 0.25}
    assert set(machine) == {"cpu", "cores", "threads", "device"}
    assert set(splits) == {"train", "val", "test"}
    assert splits == record(finished, "csq", "16-0")["splits"]


def test_arrays_have_a_row_a_query_and_agree_with_the_record(finished: Path) -> None:
    queries = COUNTS["test"] * len(CLASSES)
    with np.load(finished / "runs" / "drawn" / "acir" / "16-0.npz") as arrays:
        assert arrays["hamming/top"].shape == arrays["reranked/top"].shape == (queries, 10)
        assert np.bincount(arrays["label"]).tolist() == [COUNTS["test"]] * len(CLASSES)
        means = [arrays[f"{order}/mAP"].mean() for order in ("hamming", "reranked")]
    test = record(finished, "acir", "16-0")["test"]
    assert isinstance(test, dict)
    assert means == pytest.approx([test["mAP"], test["reranked"]["mAP"]], abs=1e-6)


def test_floors_rest_on_the_embeddings_of_their_method(finished: Path) -> None:
    ceiling, itq, csq = (record(finished, name, "16-0") for name in ("cosine", "itq", "csq"))
    assert ceiling["key"] == itq["key"] == csq["key"]  # one training
    assert isinstance(ceiling["test"], dict)
    assert set(ceiling["test"]) == {"n_queries", "reranked"}


def test_the_table_has_every_run(finished: Path) -> None:
    with (finished / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    named = {(r["method"], r["seed"], r["order"]) for r in rows if r["metric"] == "mAP"}
    both = {
        (m, s, o) for m in ("acir", "csq", "itq") for s in "01" for o in ("hamming", "reranked")
    }
    assert named == both | {("cosine", s, "reranked") for s in "01"}


def test_the_report_is_told_twice_and_quotes_the_results(finished: Path) -> None:
    text = (finished / "report.md").read_text(encoding="utf-8")
    page = (finished / "report.html").read_text(encoding="utf-8")
    results = json.loads((finished / "results.json").read_text(encoding="utf-8"))
    (score,) = (
        s
        for s in results["scores"]
        if (s["data"], s["method"], s["order"], s["metric"]) == ("drawn", "acir", "hamming", "mAP")
    )
    quoted = f"{score['mean']:.3f} ± {score['sd']:.3f}"
    assert quoted in text
    assert quoted in page
    assert "acir compare bench.toml --out out" in text  # no path of this machine
    assert str(finished) not in text
    for figure in (finished / "figures").iterdir():
        assert f"figures/{figure.name}" in text
        assert data_uri(figure.read_bytes()) in page


def test_no_checkpoint_is_kept(finished: Path) -> None:
    assert not list(finished.rglob("*.safetensors"))


# Tuning


def test_tuning_takes_the_better_trial_of_each_method(finished: Path) -> None:
    made = json.loads((finished / "tuning.json").read_text(encoding="utf-8"))["drawn"]
    for method in ("acir", "csq"):
        best = max(made[method]["trials"], key=lambda trial: trial["validation_mAP"])
        assert made[method]["set"] == best["set"] == record(finished, method, "16-0")["tuned"]
        assert (made[method]["bits"], made[method]["seed"]) == (16, 100)


def test_no_test_picture_is_opened_before_tuning_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    opened: list[str] = []

    def watched(text: str, options: SourceOptions) -> Source:
        opened.extend(options.splits)
        return open_source(text, options)

    def tuned(work: Work) -> None:
        if work.title.startswith("trial"):
            assert set(opened) == {"train", "val"}
            assert [p.name for p in (tmp_path / "out" / "pictures").iterdir()] == ["drawn.npz"]
            assert "drawn-test" not in str(work.call)

    monkeypatch.setattr(pictures, "open_source", watched)
    titles = in_this_process(monkeypatch, before=tuned)
    compare(bench(tmp_path, drawn, trials=True, seeds="[0]"), tmp_path / "out")
    assert [title[:5] for title in titles] == ["trial"] * 4 + ["acir ", "csq o"]
    assert "test" in opened


def test_a_recorded_choice_needs_no_trials(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    shutil.rmtree(own / "tuning")
    titles = in_this_process(monkeypatch)
    compare(own.parent / "bench.toml", own)
    assert titles == []


# Going on


def test_nothing_is_done_twice(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    before = tree(own)
    titles = in_this_process(monkeypatch)
    compare(own.parent / "bench.toml", own)
    assert titles == []
    assert tree(own) == before  # the report too is the same, byte for byte


def test_what_is_missing_is_done_and_comes_out_the_same(
    monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    path = own / "runs" / "drawn" / "csq" / "16-1.json"
    before = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    titles = in_this_process(monkeypatch)
    compare(own.parent / "bench.toml", own)
    after = json.loads(path.read_text(encoding="utf-8"))
    assert titles == ["csq on drawn, 16 bits, seed 1"]
    assert after["test"] == before["test"]


def test_an_interruption_keeps_what_is_done_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    path, out, said = bench(tmp_path, drawn, seeds="[0]"), tmp_path / "out", list[str]()

    def interrupted(work: Work) -> None:
        if work.title.startswith("csq"):
            raise KeyboardInterrupt

    in_this_process(monkeypatch, before=interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(path, out, say=said.append)
    assert said[-1] == "stopped; what is done is kept, and the same command goes on"
    titles = in_this_process(monkeypatch)
    compare(path, out)
    assert titles == ["csq on drawn, 16 bits, seed 0"]


def test_a_changed_benchmark_repeats_what_it_changes_and_reports_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    out, said = tmp_path / "out", list[str]()
    in_this_process(monkeypatch)
    compare(bench(tmp_path, drawn, seeds="[0]"), out)
    titles = in_this_process(monkeypatch)
    changed = bench(tmp_path, drawn, seeds="[0]", shared="training.weight_decay = 0.1")
    compare(changed, out, only={"method": ["acir"]}, say=said.append)
    assert titles == ["acir on drawn, 16 bits, seed 0"]
    assert "left out of the report: 3 runs were made under other conditions" in said
    assert "missing in the report: 3 of 4 runs" in said


def test_a_run_counts_whatever_part_of_its_recipe_was_called_tuned(
    monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    path = own / "runs" / "drawn" / "csq" / "16-1.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    assert run["tuned"]
    path.write_text(json.dumps({**run, "tuned": {}}), encoding="utf-8")
    said = list[str]()
    titles = in_this_process(monkeypatch)
    compare(own.parent / "bench.toml", own, say=said.append)
    assert titles == []
    assert not any("left out of the report" in line for line in said)


def test_a_table_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    def write_csv(path: Path, _: object) -> None:
        path.write_text("a part", encoding="utf-8")
        raise KeyboardInterrupt

    before = tree(own)
    monkeypatch.setattr(report, "write_csv", write_csv)
    with pytest.raises(KeyboardInterrupt):
        compare(own.parent / "bench.toml", own)
    assert tree(own) == before


def test_a_run_of_a_trial_that_was_not_chosen_is_left_out(own: Path) -> None:
    path = own / "tuning.json"
    made = json.loads(path.read_text(encoding="utf-8"))
    csq = made["drawn"]["csq"]
    (csq["set"],) = (one["set"] for one in csq["trials"] if one["set"] != csq["set"])
    path.write_text(json.dumps(made), encoding="utf-8")
    benchmark = load(own.parent / "bench.toml")
    runs, outdated = recorded(benchmark, own)
    assert outdated == 6  # two seeds of csq and of the two floors that rest on it
    assert {run.record["method"] for run in runs} == {"acir"}


def test_changed_pictures_are_read_and_learned_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    data = shutil.copytree(drawn, tmp_path / "data")
    path, out = bench(tmp_path, data, seeds="[0]"), tmp_path / "out"
    in_this_process(monkeypatch)
    compare(path, out, only={"method": ["acir"]})
    before = record(out, "acir", "16-0")
    (data / "train" / "disc" / "000.png").unlink()
    titles = in_this_process(monkeypatch)
    compare(path, out, only={"method": ["acir"]})
    assert titles == ["acir on drawn, 16 bits, seed 0"]
    assert record(out, "acir", "16-0")["splits"] != before["splits"]


# What a method cannot do, and what goes wrong


def test_an_impossible_length_is_recorded_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    in_this_process(monkeypatch)
    out = tmp_path / "out"
    compare(bench(tmp_path, drawn, bits="[24]", seeds="[0]"), out)
    reason = record(out, "csq", "24-0")["reason"]
    assert str(reason).startswith("recipe key model.bits is 24, but csq needs a Hadamard centre")
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "| csq | not possible | not possible |" in text
    assert f"csq is not possible at 24 bits: {reason}." in text
    assert record(out, "acir", "24-0")["status"] == "done"
    impossible = json.loads((out / "results.json").read_text(encoding="utf-8"))["impossible"]
    assert {i["method"] for i in impossible} == {"csq", "itq", "cosine"}


def test_a_trial_that_diverges_is_the_worst_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    path = bench(tmp_path, drawn, trials=True, seeds="[0]")
    path.write_text(path.read_text(encoding="utf-8").replace("= 0.01 }", "= 1e9 }"))
    in_this_process(monkeypatch)
    compare(path, tmp_path / "out", only={"method": ["acir"]})
    made = json.loads((tmp_path / "out" / "tuning.json").read_text(encoding="utf-8"))
    assert made["drawn"]["acir"]["set"] == {"training.learning_rate": 0.02}
    assert "the loss of epoch 1 is not finite" in made["drawn"]["acir"]["trials"][0]["reason"]


def test_epochs_that_no_labelled_picture_judges_have_no_validation_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = {"train": range(6), "val": range(6, 9), "test": range(9, 11)}
    written = table(tmp_path, splits, {("val", 6)})
    monkeypatch.setattr(learning, "VALIDATION", 1)  # the first, which has no label
    in_this_process(monkeypatch)
    compare(bench(tmp_path, written, trials=True, seeds="[0]"), tmp_path / "out")
    made = json.loads((tmp_path / "out" / "tuning.json").read_text(encoding="utf-8"))
    assert all(0 < trial["validation_mAP"] <= 1 for trial in made["drawn"]["acir"]["trials"])
    judged = record(tmp_path / "out", "acir", "16-0")["validation"]
    assert isinstance(judged, list)
    assert set(judged) == {None}


def test_a_full_disk_is_no_fault_of_the_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("cannot write checkpoint")

    monkeypatch.setattr(Trainer, "fit", full)
    in_this_process(monkeypatch)
    with pytest.raises(StorageError, match="cannot write checkpoint"):
        compare(bench(tmp_path, drawn), tmp_path / "out")
    assert not (tmp_path / "out" / "runs").exists()


def test_unknown_losses_and_options_are_refused_before_anything_is_read(
    tmp_path: Path, drawn: Path
) -> None:
    path, out = bench(tmp_path, drawn), tmp_path / "out"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('{ name = "csq" }', '{ name = "csp" }'), encoding="utf-8")
    with pytest.raises(ComponentError, match=r"acir.losses has no 'csp'; .* Did you mean 'csq'\?"):
        compare(path, out)
    path.write_text(text.replace("structure = 0.25", "strcture = 1"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"SCH has no option 'strcture'; .*'structure'\?"):
        compare(path, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("shared", r"posterior is true, but the loss 'csq' .* does not teach the class head"),
        ("data", r"posterior is true, but the loss 'csq' .* does not teach the class head"),
        ("nested", r"nested is true, but the loss 'csq' does not teach the beginnings of a code"),
    ],
)
def test_a_network_that_a_loss_does_not_teach_is_refused_before_anything_is_read(
    tmp_path: Path, drawn: Path, where: str, said: str
) -> None:
    path, out = bench(tmp_path, drawn), tmp_path / "out"
    text = path.read_text(encoding="utf-8")
    before, after = {
        "shared": ("posterior = false", "posterior = true"),
        "data": ('name = "drawn"', 'name = "drawn"\nset = { "model.head.posterior" = true }'),
        "nested": ("posterior = false", "nested = true\nmodel.head.posterior = false"),
    }[where]
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        compare(path, out)
    assert not out.exists()


def test_a_file_is_no_place_for_a_comparison(tmp_path: Path, drawn: Path) -> None:
    path = bench(tmp_path, drawn)
    with pytest.raises(UsageError, match=r"bench.toml is a file; give a folder as --out"):
        compare(path, path)


def test_a_part_is_run_and_the_report_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Path
) -> None:
    titles, said = in_this_process(monkeypatch), list[str]()
    path = bench(tmp_path, tmp_path / "elsewhere")
    only = {"method": ["acir"], "seed": ["1"]}
    out = tmp_path / "out"
    compare(path, out, only=only, sources={"drawn": str(drawn)}, say=said.append)
    assert titles == ["acir on drawn, 16 bits, seed 1"]
    assert "missing in the report: 7 of 8 runs" in said
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "| csq | missing | missing |" in text
    assert "Nothing to compare yet." in text
    assert str(drawn) not in text  # where the pictures lay on this machine


# Processes of its own


def test_the_command_is_interrupted_and_goes_on(tmp_path: Path, drawn: Path) -> None:
    path, out = bench(tmp_path, drawn, seeds="[0, 1, 2]"), tmp_path / "out"
    only = ("--only", "method=acir")
    command = program("compare", path, "--out", out, *only) | {"stderr": subprocess.PIPE}
    with subprocess.Popen(**command, text=True) as child:
        end = time.monotonic() + PATIENCE_SECONDS
        while not list(out.glob("runs/*/*/*.json")):
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < end
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert "the same command goes on" in err
    before = {p: p.read_bytes() for p in out.glob("runs/*/*/*.json")}
    assert 1 <= len(before) < 3
    outcome = acir("compare", path, "--out", out, *only, "--jobs", 2)
    assert outcome.code == 0, outcome.err
    assert f"the report is {out / 'report.html'}" in outcome.err
    assert len(list(out.glob("runs/*/*/*.json"))) == 3
    assert all(p.read_bytes() == content for p, content in before.items())
    log = (out / "compare.log").read_text(encoding="utf-8")
    assert "done: acir on drawn, 16 bits, seed 2" in log
