"""`acir stress` on a small model: what it counts, and what it refuses."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from acir.bundle import Bundle, load_bundle
from acir.evaluation import stress_baselines
from acir.evaluation.stress import GATE
from acir.evaluation.stress_reasons import ACCEPTED
from acir.recipe import AugmentRecipe, Recipe, ScatteringRecipe
from acir.robustness.corruption import Corruption
from acir.robustness.inputs import suite
from acir.sources.base import open_source
from acir.types import ImageRecord, silent
from acir.workflows.stress import is_oriented
from acir.workflows.stressing.copies import learned_from_copies
from acir.workflows.stressing.judging import Judge
from acir.workflows.stressing.parts import read_parts
from acir.workflows.stressing.pictures import equalised
from made_model import Outcome, acir, draw, fill, foreign, save
from parsed_page import Parsed

# One or two of each group; the whole suite has tests of its own, and takes a minute here.
SOME = {
    *("black", "plain_grey", "half_downloaded", "inverted", "upside_down", "gaussian"),
    *("white_text", "mean_picture", "letters", "slightly_noisy"),
}
MISLABELLED = "test/slope/999.png"
LIMIT = 12
FOREIGN = 10
SUMMARY = {
    *("auroc", "recall", "recall_at_3pct", "recall_at_1pct", "false_alarm_rate", "worst_type"),
    *("worst_recall", "must_accept_far", "silent_error_rate", "aurc"),
}
BASELINES = {"reconstruction", "hamming", "msp", "knn", "vim", "mahalanobis"}


@dataclass(frozen=True)
class Made:
    """A stress test: what it wrote and what it printed."""

    folder: Path
    found: dict[str, Any]
    printed: dict[str, Any]

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [row for row in self.found["rows"] if row["type"] == name]


def stress(bundle: Path, data: object, out: Path, *words: object) -> Outcome:
    return acir("stress", bundle, "--data", data, "--out", out, "--device", "cpu", *words)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unknown") / "noise"
    for number in range(FOREIGN):
        save(foreign(number), folder / f"{number:02d}.png")
    return folder


def some(oriented: bool) -> tuple[Corruption, ...]:
    return tuple(corruption for corruption in suite(oriented) if corruption.name in SOME)


@pytest.fixture(scope="module", autouse=True)
def _few_corruptions() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acir.workflows.stress.suite", some)
        yield


@pytest.fixture(scope="module")
def data(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the pictures of the model with one more, the last of test, that has a wrong label."""
    folder = shutil.copytree(pictures, tmp_path_factory.mktemp("data") / "pictures")
    save(draw("disc", 999), folder / MISLABELLED)
    return folder


@pytest.fixture(scope="module")
def made(bundle: Path, data: Path, noise: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("stress") / "out"
    words = ("--ood", noise, "--ood", "phantom:smear,5", "--limit", LIMIT, "--json")
    outcome = stress(bundle, data, out, *words)
    assert outcome.code == 0, outcome.err
    found = json.loads((out / "stress.json").read_text(encoding="utf-8"))
    return Made(out, found, outcome.line())


def test_the_summary_is_printed_and_written_with_the_keys_of_the_contract(made: Made) -> None:
    assert set(made.printed) == SUMMARY
    for key, value in made.found["summary"].items():
        text = isinstance(value, str)
        assert made.printed[key] == (value if text else pytest.approx(value, rel=1e-5))
    assert set(made.found["baselines"]) == BASELINES
    assert all(set(one) == SUMMARY for one in made.found["baselines"].values())


def test_clean_pictures_have_the_verdicts_of_check(made: Made, bundle: Path, data: Path) -> None:
    lines = acir("check", "--model", bundle, f"{data}#test", "--json").lines()
    checked = {line["query"]: line for line in lines}
    shown = made.found["clean"]["pictures"]
    assert {picture["id"] for picture in shown} == set(checked)
    for picture in shown:
        said = checked[picture["id"]]
        for key in ("verdict", "reason_code"):
            assert picture[key] == said[key]
        assert picture["p_value"] == pytest.approx(said["p_value"], rel=1e-5)


def test_a_blank_picture_is_refused_by_name_whatever_its_grey(made: Made) -> None:
    for name in ("black", "plain_grey"):
        for row in made.rows(name):
            assert row["verdicts"] == {"known": 0, "caution": 0, "unknown": LIMIT}
            assert row["reason_codes"] == {"blank": LIMIT}
            assert row["refused"]["share"] == 1.0


def test_two_unknown_sets_of_one_name_are_numbered(
    bundle: Path, data: Path, noise: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(noise, tmp_path / "noise")
    words = ("--ood", noise, "--ood", other, "--limit", 8)
    assert stress(bundle, data, tmp_path / "out", *words).code == 0
    found = json.loads((tmp_path / "out" / "stress.json").read_text(encoding="utf-8"))
    assert found["protocol"]["ood"] == ["noise", "noise (2)"]


def test_the_page_opens_loads_nothing_and_names_the_worst_kind(made: Made) -> None:
    html = (made.folder / "stress.html").read_text(encoding="utf-8")
    parsed, summary = Parsed(html), made.found["summary"]
    images = [attributes for tag, attributes in parsed.elements if tag == "img"]
    assert len(images) >= 4  # two curves, a grid, and what is on the wrong side
    assert all((image["src"] or "").startswith("data:image/") for image in images)
    assert not re.search(r"url\(|@import|https?:|<script", html)
    worst = summary["worst_type"].replace("_", " ")
    share = f"{100 * summary['worst_recall']:.1f} %"
    assert f"3 % of the clean pictures are refused: {worst}, of which {share}" in parsed.text
    assert all(row["type"].replace("_", " ") in parsed.text for row in made.found["rows"])
    assert str(made.folder.parents[1]) not in html
    assert [one.name for one in sorted(made.folder.iterdir())] == ["stress.html", "stress.json"]


def test_each_severity_has_a_row_and_every_count_adds_up(made: Made) -> None:
    expected = {
        (c.name, s): c.tier(s) for c in some(True) for s in ((1, 2, 3) if c.graded else (1,))
    }
    found = {(r["type"], r["severity"]): r["tier"] for r in made.found["rows"] if r["severity"]}
    assert found == expected
    for row in made.found["rows"]:
        assert sum(row["verdicts"].values()) == sum(row["reason_codes"].values()) == row["n"]
        assert row["refused"]["hits"] == row["verdicts"]["unknown"]
        assert set(row["baselines"]) == BASELINES


def test_unknown_sets_are_rows_of_their_own(made: Made) -> None:
    (first,), (second,) = made.rows("noise"), made.rows("phantom:smear,5")
    assert (first["n"], second["n"]) == (FOREIGN, 5)
    assert first["severity"] is None
    assert {first["tier"], second["tier"]} == {"reject"}
    assert first["refused"]["share"] >= 0.9  # as `acir check` finds


def test_the_recall_is_the_mean_over_kinds_of_the_mean_over_severities(made: Made) -> None:
    kinds: dict[str, list[float]] = {}
    for row in made.found["rows"]:
        if row["tier"] == "reject":
            kinds.setdefault(row["type"], []).append(row["recall_at_3pct"]["share"])
    means = {name: float(np.mean(shares)) for name, shares in kinds.items()}
    summary = made.found["summary"]
    assert summary["recall_at_3pct"] == pytest.approx(np.mean(list(means.values())))
    assert summary["worst_recall"] == pytest.approx(min(means.values()))
    assert means[summary["worst_type"]] == summary["worst_recall"]


def test_the_ablation_begins_with_the_gate_and_the_sum_of_all(made: Made) -> None:
    everything, whole, *reduced = made.found["ablation"]
    assert (everything["name"], whole["name"]) == ("gate", "sum of all")
    assert everything["detectors"] == made.found["protocol"]["detectors"]
    for key in ("auroc", "recall_at_3pct", "recall_at_1pct", "worst_type", "worst_recall"):
        assert everything[key] == made.found["summary"][key]
    assert len(reduced) == 2 * len(everything["detectors"])


def test_equalised_copies_of_the_clean_pictures_and_of_each_kind_are_compared(made: Made) -> None:
    assert set(made.found["equalised"]) == {"gate", *BASELINES}
    ours = made.found["equalised"]["gate"]
    kinds: dict[str, list[float]] = {}
    for row in made.found["rows"]:
        if row["tier"] == "reject":
            kinds.setdefault(row["type"], []).append(row["equalised"]["auroc"])
    assert ours["auroc"] == pytest.approx(np.mean([np.mean(each) for each in kinds.values()]))
    assert ours["auroc"] != made.found["summary"]["auroc"]


def test_a_gate_that_learned_from_copies_finds_clean_copies_ordinary(
    bundle: Path, data: Path
) -> None:
    model, source = load_bundle(bundle), open_source(str(data))
    parts = read_parts(source, model, LIMIT, silent)
    assert set(parts.teachers.values()) == {"references", "a", "b"}
    learned = learned_from_copies(source, model, parts, silent)
    alike = [equalised(record, model.prep.size) for record in parts.changed]
    as_trained = Judge(model, {})(alike)
    from_copies = learned(parts.changed)
    assert from_copies.states == learned.judge(alike).states
    assert np.median(from_copies.p_values) > 0.2 > np.median(as_trained.p_values)
    assert set(from_copies.scores) == {GATE, *BASELINES}


def test_the_reasons_are_compared_with_what_was_done(made: Made) -> None:
    reasons = made.found["reasons"]
    assert reasons["by_type"]["black"] == 1.0
    assert reasons["accepted"]["blank"] == sorted(ACCEPTED["blank"])
    shares = [share for share in reasons["by_type"].values() if share is not None]
    assert reasons["match"] == pytest.approx(np.mean(shares))


def test_silent_errors_are_wrong_answers_and_answered_strangers_sixteen_to_one(made: Made) -> None:
    shown = made.found["clean"]["pictures"]
    wrong = np.mean([p["first_hit_wrong"] and p["verdict"] != "unknown" for p in shown])
    summary = made.found["summary"]
    naive = (16 * wrong + 1 - summary["recall"]) / 17
    assert summary["silent_error_rate"] == pytest.approx(naive)


def test_a_first_hit_is_the_one_that_a_search_finds(made: Made, index: Path, data: Path) -> None:
    words = ("-k", 1, "--force", "--json")
    answers = acir("search", "--index", index, f"{data}#test", *words).lines()
    first = {answer["query"]: answer["hits"][0]["label"] for answer in answers}
    shown = {p["id"]: p for p in made.found["clean"]["pictures"]}
    for name, picture in shown.items():
        assert picture["first_hit_wrong"] == (first[name] != picture["label"])
    assert shown[MISLABELLED]["first_hit_wrong"]


def test_answers_come_from_training_pictures_that_did_not_calibrate(
    made: Made, bundle: Path, data: Path
) -> None:
    kept = load_bundle(bundle).calibration
    train = [record.pixel_hash for record in open_source(f"{data}#train")]
    assert made.found["protocol"]["training"] == len(train) - len(kept)
    assert made.found["protocol"]["calibration_pictures"] == len(kept) > 0


def test_a_threshold_of_a_baseline_has_the_quantile_of_the_gate(
    made: Made, bundle: Path, data: Path
) -> None:
    protocol = made.found["protocol"]
    assert set(protocol["thresholds"]) == BASELINES
    # The gate's threshold rests on the second of two sets: theirs is of twice as many pictures.
    n, gate = protocol["calibration_pictures"], protocol["calibration"]
    assert n > gate["n"]
    parts = read_parts(open_source(str(data)), load_bundle(bundle), LIMIT, silent)
    for name, score in stress_baselines.fit(parts.training, decoder=True).items():
        scores, threshold = score(parts.calibration), protocol["thresholds"][name]
        nearly = 1e-6 * abs(threshold)
        above, reached = ((scores > threshold + by).sum() for by in (nearly, -nearly))
        assert above + 1 <= gate["r"] * (n + 1) / (gate["n"] + 1) < reached + 1


@pytest.fixture(scope="module")
def fading() -> list[np.ndarray]:
    """Pictures that are brighter at the top, with noise."""
    random = np.random.default_rng(0)
    slope = np.linspace(200, 60, 28)[:, None] + random.normal(0, 25, (80, 28, 28))
    return list(slope.clip(0, 255).astype(np.uint8))


def records(pixels: list[np.ndarray]) -> list[ImageRecord]:
    return [
        ImageRecord(
            id=f"{number:02d}", pixels=one, value_range=(0.0, 255.0), split="test", draw=0.0
        )
        for number, one in enumerate(pixels)
    ]


def with_recipe(bundle: Path, recipe: Recipe) -> Bundle:
    return replace(load_bundle(bundle), recipe=recipe)


@pytest.mark.parametrize("key", ["flip_horizontal", "flip_vertical", "quarter_turns"])
def test_pictures_that_training_turns_or_mirrors_have_no_up(
    bundle: Path, fading: list[np.ndarray], key: str
) -> None:
    recipe = Recipe(augment=AugmentRecipe(**{key: True}))
    assert is_oriented(with_recipe(bundle, Recipe()), records(fading))
    assert not is_oriented(with_recipe(bundle, recipe), records(fading))


@pytest.mark.parametrize(("symmetry", "has_an_up"), [("square", False), ("none", True)])
def test_pictures_in_which_training_found_no_up_have_none(
    bundle: Path, symmetry: Literal["square", "none"], has_an_up: bool
) -> None:
    scattering = ScatteringRecipe(on=True, symmetry=symmetry)
    recipe = replace(Recipe(), model=replace(Recipe().model, scattering=scattering))
    assert is_oriented(with_recipe(bundle, recipe), []) == has_an_up


def test_pictures_that_lie_in_all_ways_have_no_up(bundle: Path, fading: list[np.ndarray]) -> None:
    fallen = [
        np.rot90(one if number % 8 < 4 else one.T, number % 4) for number, one in enumerate(fading)
    ]
    scattering = ScatteringRecipe(on=False, symmetry="square")  # nobody has looked
    recipe = replace(Recipe(), model=replace(Recipe().model, scattering=scattering))
    asked = with_recipe(bundle, recipe)
    assert is_oriented(asked, records(fading))
    assert not is_oriented(asked, records(fallen))
    assert is_oriented(asked, records(fallen[:39])), "too few cannot tell"


def test_without_an_up_turned_pictures_must_be_accepted(
    made: Made, bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    outcome = stress(bundle, pictures, tmp_path / "out", "--not-oriented", "--limit", 8, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads((tmp_path / "out" / "stress.json").read_text(encoding="utf-8"))
    (row,) = [row for row in found["rows"] if row["type"] == "upside_down"]
    assert (row["tier"], found["protocol"]["oriented"]) == ("accept", False)
    (row,) = made.rows("upside_down")
    assert (row["tier"], made.found["protocol"]["oriented"]) == ("reject", True)


def test_an_interruption_leaves_nothing(
    bundle: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acir.workflows.stressing.trials.Corrupter.__call__", interrupted)
    outcome = stress(bundle, pictures, tmp_path / "out", "--limit", 8)
    assert outcome.code == 130
    assert list(tmp_path.iterdir()) == []


def refused(bundle: Path, data: object, out: Path, *words: object) -> str:
    said = stress(bundle, data, out / "out", *words).refusal()
    assert not (out / "out").exists()
    return said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--limit", 7), "the limit is 7, expected at least 8, as some corruptions mix"),
        (("--ood", "phantum:smear"), r"there is nothing at phantum:smear; .* mean 'phantom'\?"),
        (("--device", "tpu"), "the device is 'tpu'"),
    ],
)
def test_a_misuse_is_one_sentence(
    bundle: Path, pictures: Path, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    assert re.match(said, refused(bundle, pictures, tmp_path, *words))


def test_one_split_is_too_little(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    assert refused(bundle, f"{pictures}#test", tmp_path) == (
        f"a stress test needs all splits of a source, but {pictures}#test names one; leave it out"
    )


def test_a_file_is_no_folder_for_the_report(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = stress(bundle, pictures, tmp_path / "file" / "out").refusal()
    assert said == f"{tmp_path / 'file'} is a file; give a folder as --out"


def test_a_source_without_training_pictures_is_refused(bundle: Path, tmp_path: Path) -> None:
    folder = fill(tmp_path / "data", {"test": 4})
    assert refused(bundle, folder, tmp_path) == (
        f"{folder} holds no training picture, from which answers could come; give the whole "
        "source that the model was trained on"
    )


def test_a_patient_of_train_and_test_is_refused(bundle: Path, tmp_path: Path) -> None:
    lines = ["path,label,patient,split"]
    for number, split in enumerate(("train", "test")):
        path = save(draw("disc", number), tmp_path / f"{number}.png")
        lines.append(f"{path.name},disc,P1,{split}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert refused(bundle, table, tmp_path) == (
        "1 patient has pictures in more than one split, so that a test would measure memory; "
        "give every patient one split"
    )


def test_a_source_that_did_not_calibrate_the_gate_is_refused(bundle: Path, tmp_path: Path) -> None:
    save(draw("disc", 800), tmp_path / "data" / "train" / "disc" / "1.png")
    assert refused(bundle, tmp_path / "data", tmp_path) == (
        f"none of 1 picture of {tmp_path / 'data'} has calibrated the gate; give the source "
        "that the model was trained on"
    )


def test_too_few_test_pictures_are_refused(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(pictures / "train", tmp_path / "data" / "train").parent
    for number in range(7):
        save(draw("disc", 800 + number), folder / "test" / "disc" / f"{number}.png")
    save(draw("disc", 0), folder / "test" / "disc" / "trained.png")
    assert refused(bundle, folder, tmp_path) == (
        f"{folder} holds 7 labelled test pictures, expected at least 8 that are not in training; "
        "add some"
    )


def test_a_label_that_the_model_does_not_know_is_refused(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(pictures, tmp_path / "data")
    save(draw("disc", 800), folder / "test" / "a" / "1.png")
    said = refused(bundle, folder, tmp_path)
    assert said.startswith("test/a/1.png has the label 'a', which the model was not trained on;")


def test_known_pictures_are_no_unknown_set(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    known = pictures / "val" / "disc"
    assert refused(bundle, pictures, tmp_path, "--limit", 8, "--ood", known) == (
        "--data holds 15 of 15 pictures of disc too, pixel for pixel; give pictures of kinds "
        "that the model does not know"
    )


def test_an_unknown_set_of_which_nothing_can_be_read_is_refused(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "1.png").write_bytes(b"no picture")
    said = refused(bundle, pictures, tmp_path, "--limit", 8, "--ood", tmp_path / "bad")
    assert said == ("none of 1 picture of bad can be read; give some that can")
