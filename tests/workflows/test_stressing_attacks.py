"""`acir stress --attacks` from the command line: numbers, page, and going on after a stop."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acir.robustness.corruption import Corruption
from acir.robustness.inputs import suite
from acir.workflows.stressing import attack_run
from acir.workflows.stressing.attacking import Found, attack
from made_model import Outcome, acir, draw, fill, save
from parsed_page import Parsed

CASES = 3 * (5 + 4)
SMALL = ("--attack-pictures", 9, "--attack-steps", 2, "--attack-restarts", 1)


def stress(bundle: Path, data: object, out: Path, *words: object) -> Outcome:
    options = ("--data", data, "--out", out, "--limit", 16, *SMALL, *words)
    return acir("stress", bundle, *options, "--attacks", "--json")


@pytest.fixture(scope="module", autouse=True)
def short() -> Any:  # noqa: ANN401 - a fixture that yields nothing
    """Corrupt in two ways instead of 55: what is tested here comes after."""

    def some(oriented: bool) -> tuple[Corruption, ...]:
        return tuple(c for c in suite(oriented) if c.name in ("inverted", "small_shift"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acir.workflows.stress.suite", some)
        yield


@dataclass(frozen=True)
class Made:
    """A finished stress test."""

    folder: Path
    summary: dict[str, Any]
    found: dict[str, Any]

    def rows_of(self, levels: int) -> list[dict[str, Any]]:
        return [row for row in self.found["attack"]["rows"] if row["grey_levels"] == levels]

    def rows(self, attack: str) -> list[dict[str, Any]]:
        return [row for row in self.found["attack"]["rows"] if row["attack"] == attack]


@pytest.fixture(scope="module")
def made(bundle: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("attacked") / "out"
    outcome = stress(bundle, pictures, out)
    assert outcome.code == 0, outcome.err
    found = json.loads((out / "stress.json").read_text(encoding="utf-8"))
    return Made(out, outcome.line(), found)


def test_the_summary_is_that_of_the_largest_change(made: Made) -> None:
    attack = made.found["summary"]["attack"]
    assert made.summary["attack"].keys() == attack.keys()
    assert made.summary["attack"]["kept"] == pytest.approx(attack["kept"], abs=1e-6)
    assert attack["grey_levels"] == 8
    assert list(attack["by_grey_levels"]) == ["2", "4", "8"]
    largest = attack["by_grey_levels"]["8"]
    assert largest.items() <= attack.items()
    assert largest["mAP"] == pytest.approx(largest["kept"] * attack["clean_mAP"])
    assert attack["floor"] <= largest["mAP"] <= attack["clean_mAP"]
    assert largest["mAP"] <= min(r["mAP"] for r in made.rows_of(8) if not r["lambda"])
    assert attack["robust"] is False
    assert attack["too_weak"] is (attack["mAP"] > attack["must_fall_to"])


def test_every_attack_of_every_size_has_a_row_whose_counts_are_of_all_pictures(made: Made) -> None:
    rows, names = made.found["attack"]["rows"], made.found["attack"]["pictures"]
    assert len(rows) == CASES
    assert len(names) == len(set(names)) == 9
    for row in rows:
        assert row["safe"]["n"] == row["detected"]["n"] == row["detected_at_3pct"]["n"] == 9
        assert (row["t_mAP"] is None) is (row["attack"] != "target")
    assert [row["lambda"] for row in made.rows("adaptive")] == [0.01, 0.1, 1.0, 10.0] * 3


def test_the_budget_is_told_and_called_reduced(made: Made) -> None:
    budget = made.found["attack"]["budget"]
    assert (budget["pictures"], budget["steps"], budget["restarts"]) == (9, 2, 1)
    assert (budget["queries"], budget["reduced"]) == (20, True)
    text = Parsed((made.folder / "stress.html").read_text(encoding="utf-8")).text
    assert "This is a reduced budget" in text


def test_the_page_shows_curves_and_answers_and_loads_nothing(made: Made) -> None:
    html = (made.folder / "stress.html").read_text(encoding="utf-8")
    parsed = Parsed(html)
    captions = [attributes["alt"] for tag, attributes in parsed.elements if tag == "img"]
    assert any("mAP over the largest change" in (alt or "") for alt in captions)
    assert any("Queries whose answer fell most" in (alt or "") for alt in captions)
    assert not re.search(r"url\(|@import|https?:|<script", html)


def test_what_is_kept_is_taken_up_and_anything_else_is_done_again(
    made: Made, bundle: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = sorted((made.folder / "attacks").iterdir())
    assert len(kept) == CASES
    before = (made.folder / "stress.json").read_bytes()
    done: list[str] = []
    true = attack

    def counting(case: Any, *given: Any) -> Found:  # noqa: ANN401 - as attack
        done.append(f"{case.attack}-{case.grey_levels}")
        return true(case, *given)

    monkeypatch.setattr(attack_run, "attack", counting)
    (made.folder / "attacks" / "own-4.npz").unlink()
    (made.folder / "attacks" / "class-2.npz").write_bytes(b"no archive")
    with np.load(made.folder / "attacks" / "square-8.npz") as arrays:
        other = {**arrays, "key": np.array("of another run")}
    np.savez(made.folder / "attacks" / "square-8.npz", **other)
    assert stress(bundle, pictures, made.folder).code == 0
    assert done == ["class-2", "own-4", "square-8"]
    assert (made.folder / "stress.json").read_bytes() == before


def test_an_interruption_keeps_the_attacks_that_are_done_and_nothing_else(
    bundle: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = attack

    def stopped(case: Any, *given: Any) -> Found:  # noqa: ANN401 - as attack
        if case.attack == "target":
            raise KeyboardInterrupt
        return true(case, *given)

    monkeypatch.setattr(attack_run, "attack", stopped)
    assert stress(bundle, pictures, tmp_path / "out").code == 130
    left = [p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")]
    assert sorted(left) == ["attacks/class-2.npz", "attacks/own-2.npz"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--attack-pictures", 7), "the number of attacked pictures is 7, expected at least 8"),
        (("--attack-steps", 0), "the number of steps is 0, expected at least 1"),
        (("--attack-restarts", 0), "the number of restarts is 0, expected at least 1"),
    ],
)
def test_a_budget_that_attacks_nothing_is_refused(
    bundle: Path, pictures: Path, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    assert stress(bundle, pictures, tmp_path / "out", *words).refusal() == said
    assert not (tmp_path / "out").exists()


def test_pictures_whose_class_cannot_be_found_are_too_few(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "data", {"train": 100})
    for path in (folder / "train").iterdir():
        if path.name != "bars":  # only one class is left to search
            for picture in path.iterdir():
                picture.unlink()
    for number in range(9):
        save(draw("disc", 800 + number), folder / "test" / "disc" / f"{number}.png")
    said = stress(bundle, folder, tmp_path / "out").refusal()
    assert said == (
        f"{folder} holds 0 test pictures to attack, expected at least 8 whose class training "
        "pictures have, beside another; add some or leave --attacks out"
    )


def test_without_json_the_attack_is_lines_of_its_own(
    made: Made, bundle: Path, pictures: Path
) -> None:
    options = ("--data", pictures, "--out", made.folder, "--limit", 16, *SMALL)
    outcome = acir("stress", bundle, *options, "--attacks")
    assert outcome.code == 0, outcome.err
    assert re.search(r"^attack kept: 0\.\d+$", outcome.out, re.MULTILINE)
    assert "by_grey_levels" not in outcome.out
