"""The page of the gate says of what it reaches what the committed results say."""

import json
import re
from pathlib import Path
from typing import Any

import boundary_pages
import pytest
from boundary_pages import PAGE, PLACE, QUOTED, README, quoted, written


def test_the_tables_of_the_page_are_those_of_the_results() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert written(text) == text


def test_the_readme_quotes_the_results() -> None:
    text = README.read_text(encoding="utf-8")
    assert all(f"\n| {row} | " in text for row in QUOTED)
    assert quoted(text) == text
    changed = re.sub(r"\d\d\.\d %, ", "99.9 %, ", text)
    assert changed != text
    assert quoted(changed) == text


def test_a_number_that_was_changed_by_hand_is_found() -> None:
    text = PAGE.read_text(encoding="utf-8")
    place = PLACE.search(text)
    assert place is not None
    changed = text.replace(place[0], place[0].replace("e", "3", 1), 1)
    assert written(changed) == text


def _result(seed: int, recall: float) -> dict[str, Any]:
    separation = {"recall_at_3pct": recall, "recall_at_1pct": 0.5, "worst_recall": 0.25, "auroc": 1}
    told = {"recall": 0.75, "false_alarm_rate": 0.02, "silent_error_rate": 0.03}
    summary = {**separation, **told, "must_accept_far": None, "worst_type": "tissue_text"}
    return {
        "title": "cells",
        "seed": seed,
        "settings": {"prep.size": "32"},
        "summary": summary,
        "baselines": {"msp": summary},
        "equalised": {"gate": separation, "msp": separation},
        "protocol": {"limit": 50},
        "reasons": {"match": 0.9},
        "refused": {"n": 500},
        "refused_by_accepted": {"mild": {"shifted": 0.02, "jpeg": 0.06}, "noise": {"rings": 0.5}},
        "refused_by_class": {"a": {"ci": [0.07, 0.2]}, "b": {"ci": [0.05, 0.2]}},
    }


def test_a_figure_is_the_mean_over_the_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, recall in enumerate((0.8, 0.9)):
        (tmp_path / f"cells-{seed}.json").write_text(json.dumps(_result(seed, recall)))
    monkeypatch.setattr(boundary_pages, "RESULTS", tmp_path)
    lines = written("<!-- boundary -->\n<!-- end -->").splitlines()
    assert (
        "| | wanted | cells, 2 seeds, 500 clean pictures, 50 changed, `prep.size = 32` |" in lines
    )
    assert "| recall where 3 % of the clean pictures are refused | ≥ 95 % | 85.0 % |" in lines
    assert "| all that must be accepted, refused |  | none |" in lines
    mild = "| small shifts, tilts, exposure, noise, JPEG, blur, refused | ≤ 6 % | 4.0 % |"
    assert mild in lines
    assert "| the worst kind | | tissue text |" in lines
    above = "| classes refused above 6 %, with 95 % confidence | none | a (seed 0), a (seed 1) |"
    assert above in lines
    ours = "| cells | this gate | 85.0 % | 50.0 % | 25.0 % | 1.000 | 85.0 % | 1.000 |"
    assert ours in lines


def test_without_results_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary_pages, "RESULTS", tmp_path)
    empty = "<!-- boundary -->\n<!-- end -->"
    assert written(empty) == "<!-- boundary -->\nNot measured yet.\n<!-- end -->"
