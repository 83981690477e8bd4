"""The page of the gate says of left-out classes what the committed results say."""

import json
from pathlib import Path

import left_out_pages
import pytest
from left_out_pages import PAGE, PLACE, written


def test_the_table_of_the_page_is_that_of_the_results() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert written(text) == text


def test_a_number_that_was_changed_by_hand_is_found() -> None:
    text = PAGE.read_text(encoding="utf-8")
    place = PLACE.search(text)
    assert place is not None
    assert written(text.replace(place[0], place[0].replace("0.", "1.", 1), 1)) == text


def test_the_worst_class_comes_first_and_the_mean_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blood").mkdir()
    for name, auroc in {"seen": 0.95, "missed": 0.55}.items():
        one = {"auroc": auroc, "recall_at_3pct": auroc / 2, "recall": 0.25, "false_alarm_rate": 0}
        path = tmp_path / "blood" / f"{name}.json"
        path.write_text(json.dumps({"class": name, **one}))
    monkeypatch.setattr(left_out_pages, "RESULTS", tmp_path)
    lines = written("<!-- left out -->\n<!-- end -->").splitlines()
    assert lines[3:-1] == [
        "| wanted of the mean | ≥ 0.90 | ≥ 50 % |  | ≤ 3 % |",
        "| missed | 0.550 | 27.5 % | 25.0 % | 0.0 % |",
        "| seen | 0.950 | 47.5 % | 25.0 % | 0.0 % |",
        "| **mean of 2 kinds of blood cells** | 0.750 | 37.5 % | 25.0 % | 0.0 % |",
    ]
