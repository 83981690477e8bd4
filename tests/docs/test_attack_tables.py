"""The page of attacks says of what they leave what the committed results say."""

import json
from pathlib import Path
from typing import Any

import attack_pages
import pytest
from attack_pages import PAGE, PLACE, QUOTED, README, quoted, written


def test_the_table_of_the_page_is_that_of_the_results() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert written(text) == text


def test_the_readme_quotes_the_results() -> None:
    text = README.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith(f"| {QUOTED} | "))
    assert quoted(text) == text
    assert quoted(text.replace(row, f"| {QUOTED} | 99.9 % |")) == text


def test_a_number_that_was_changed_by_hand_is_found() -> None:
    text = PAGE.read_text(encoding="utf-8")
    place = PLACE.search(text)
    assert place is not None
    assert written(text.replace(place[0], place[0].replace("0.", "1.", 1), 1)) == text


def _result(kept: float) -> dict[str, Any]:
    shares = {"detected": 0.5, "safe": 0.75, "safe_black_box": 0.875, "safe_adaptive": 0.625}
    found = {"mAP": kept * 0.9, "kept": kept, **shares}
    weaker = {**found, "mAP": 0.8}
    sizes = {"by_grey_levels": {"2": weaker, "8": found}, "grey_levels": 8}
    return {"validation_mAP": 0.9, "summary": {"clean_mAP": 0.95, **found, **sizes}}


def test_a_figure_is_the_mean_over_the_seeds_and_the_largest_attack_is_what_is_wanted_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seeds in {"undefended": (0.1,), "robust": (0.5, 0.7)}.items():
        for seed, kept in enumerate(seeds):
            (tmp_path / f"{name}-{seed}.json").write_text(json.dumps(_result(kept)))
    monkeypatch.setattr(attack_pages, "RESULTS", tmp_path)
    lines = written("<!-- attacks -->\n<!-- end -->").splitlines()
    assert "| attack | | wanted | undefended, 1 seed | robust, 2 seeds |" in lines
    assert "| none | mAP of all validation pictures | | 0.900 | 0.900 |" in lines
    assert "| none | mAP of the test pictures below | | 0.950 | 0.950 |" in lines
    worst = "mAP under the worst attack on each picture"
    assert f"| 2 of 255 | {worst} |  | 0.800 | 0.800 |" in lines
    assert f"| 8 of 255 | {worst} |  | 0.090 | 0.540 |" in lines
    assert "| 2 of 255 | share of the mAP that is kept |  | 10.0 % | 60.0 % |" in lines
    assert "| 8 of 255 | share of the mAP that is kept | ≥ 75 % | 10.0 % | 60.0 % |" in lines
    knows = "safe where the attack knows the gate, too"
    assert f"| 8 of 255 | {knows} | ≥ 80 % | 62.5 % | 62.5 % |" in lines


def test_without_results_of_both_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "robust-0.json").write_text(json.dumps(_result(0.5)))
    monkeypatch.setattr(attack_pages, "RESULTS", tmp_path)
    empty = "<!-- attacks -->\n<!-- end -->"
    assert written(empty) == "<!-- attacks -->\nNot measured yet.\n<!-- end -->"
