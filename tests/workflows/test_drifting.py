"""`acir drift`: the p-values of searches, kept and tested."""

import os
import shutil
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from acir.conformal import Ordinary
from acir.index.store import Store
from acir.index.traffic import Traffic
from acir.types import Calibration
from acir.workflows.drift import judged
from acir.workflows.search import open_index
from made_model import SIDE, acir, damage, draw, foreign, save

KEYS = [
    *("finding", "in_words", "n", "first", "last", "calibration", "unknown", "share"),
    *("share_p_value", "distance", "distance_p_value", "histogram"),
]
# r = 21 of 1000 for 3 %; see the safety note.
ENOUGH = Calibration(1000, 21, 0.03, 0.03)


@pytest.fixture
def own_index(own_index: Path) -> Path:
    """Return an index that was never asked; the shared one remembers queries of other tests."""
    connection = sqlite3.connect(own_index / "store.sqlite", isolation_level=None)
    connection.execute("delete from traffic")
    connection.close()
    return own_index


def traffic(p: np.ndarray) -> Traffic:
    return Traffic(p, tuple("2026-01-31" for _ in p))


def ordinary(n: int, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    asked, ordinary = random.normal(shift, size=n), random.normal(size=ENOUGH.n)
    return Ordinary(ordinary).p_values(asked)


def fill_with(index: Path, p: np.ndarray) -> None:
    with Store.open(index) as store:
        for value in p.tolist():
            store.keep_p_value(value, date(2026, 1, 31))


def test_a_search_keeps_its_p_value_and_the_day(own_index: Path, pictures: Path) -> None:
    days = {datetime.now(UTC).date().isoformat()}
    said = acir("search", "--index", own_index, f"{pictures}#test", "--json").lines()
    days.add(datetime.now(UTC).date().isoformat())  # midnight may have passed
    with Store.open(own_index) as store:
        found = store.traffic()
    expected = [line["p_value"] for line in said]
    assert found.p_values.tolist() == pytest.approx(expected, rel=1e-5)  # six digits are printed
    assert set(found.days) <= days


def test_a_search_from_python_keeps_it_too_and_unknown_queries_count(own_index: Path) -> None:
    with open_index(own_index) as searcher:
        answers = [searcher.search(picture) for picture in (draw("disc", 900), foreign(3))]
        verdicts = [answer.verdict for answer in answers if answer.verdict]
        assert searcher.store.traffic().p_values.tolist() == [v.p_value for v in verdicts]


def test_what_no_detector_saw_is_not_kept(own_index: Path, tmp_path: Path) -> None:
    save(np.zeros((SIDE, SIDE), np.uint8), tmp_path / "blank.png")
    (tmp_path / "no.png").write_bytes(b"no picture")
    said = acir("search", "--index", own_index, tmp_path, "--json", "--force").lines()
    assert {line["reason_code"] for line in said} == {"blank", "unreadable"}
    assert acir("drift", "--index", own_index, "--json").line()["n"] == 0


def test_a_refused_request_is_not_kept(own_index: Path, pictures: Path) -> None:
    query = pictures / "test" / "disc" / "120.png"
    assert acir("search", "--index", own_index, query, "--radius", 999).refusal()
    assert acir("drift", "--index", own_index, "--json").line()["n"] == 0


def test_an_index_that_cannot_be_written_answers_and_says_so_once(
    own_index: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("search", "--index", own_index, f"{pictures}#test", "--json")
    written = acir(*words)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    found = acir(*words)
    assert (found.code, found.out) == (0, written.out)
    notice = "the index cannot be written, so nothing is kept of queries for acir drift"
    assert found.err.count(notice) == 1
    assert acir("drift", "--index", own_index, "--json").line()["n"] == len(written.lines())


def test_ordinary_traffic_is_as_calibrated() -> None:
    found = judged(traffic(ordinary(4000)), ENOUGH)
    assert found["finding"] == "as-calibrated"
    assert found["in_words"].startswith("no sign of drift: of 4000 queries from 2026-01-31 to")
    assert "at most 0.03 was promised" in found["in_words"]
    assert sum(found["histogram"]) == 4000


def test_more_unknown_queries_than_promised_break_the_promise() -> None:
    # 21 / 1001 is the highest p-value that is called unknown. At 3 %, 6 of 200 are to be expected.
    p = (1 + np.arange(200)) / 201
    for unknown, finding in ((6, "as-calibrated"), (12, "as-calibrated"), (16, "promise-broken")):
        p[:unknown] = 21 / 1001
        found = judged(traffic(p), ENOUGH)
        expected = binomtest(unknown, 200, 0.03, alternative="greater").pvalue
        assert (found["finding"], found["unknown"]) == (finding, unknown)
        assert found["share_p_value"] == pytest.approx(expected)
    assert found["share"] == 16 / 200
    assert "of 200 queries" in found["in_words"]
    assert "16 (0.08) were called unknown" in found["in_words"]
    assert "which acir calibrate mends" in found["in_words"]


def test_the_next_p_value_after_the_threshold_is_not_unknown() -> None:
    assert judged(traffic(np.full(200, 22 / 1001)), ENOUGH)["unknown"] == 0


def test_a_shift_without_more_alarms_is_told_apart() -> None:
    found = judged(traffic(ordinary(3000, shift=-1)), ENOUGH)
    assert found["finding"] == "shifted"
    assert found["share_p_value"] > 0.5
    assert "the queries have changed: of 3000 queries" in found["in_words"]


def test_without_a_promise_only_a_shift_can_be_seen() -> None:
    nothing = Calibration(50, 1, 0.03, None)
    found = judged(traffic(np.full(150, 1 / 51)), nothing)
    assert (found["finding"], found["share_p_value"]) == ("shifted", None)
    assert "no rate was promised" in found["in_words"]


@pytest.mark.parametrize("n", [0, 1, 99])
def test_below_a_hundred_nothing_is_tested(n: int) -> None:
    found = judged(traffic(np.full(n, 1 / 1001)), ENOUGH)
    assert list(found) == KEYS
    assert (found["finding"], found["n"]) == ("too-few", n)
    assert (found["share_p_value"], found["distance_p_value"]) == (None, None)
    said = "1 query was judged" if n == 1 else f"{n} queries were judged"
    assert found["in_words"].startswith(said)
    assert "at least 100 are needed" in found["in_words"]


def test_a_drift_is_told_with_exit_code_zero(own_index: Path, tmp_path: Path) -> None:
    fill_with(own_index, np.full(100, 0.001))
    page = tmp_path / "drift.html"
    found = acir("drift", "--index", own_index, "--html", page)
    assert found.code == 0
    assert found.out.startswith("the promise does not hold for these queries")
    assert "0.0 to 0.1" in found.out
    html = page.read_text(encoding="utf-8")
    assert "The promise does not hold" in html
    assert "data:image/svg+xml" in html


def test_a_page_of_no_queries_has_no_figure(own_index: Path, tmp_path: Path) -> None:
    page = tmp_path / "drift.html"
    assert acir("drift", "--index", own_index, "--html", page).code == 0
    assert "<figure>" not in page.read_text(encoding="utf-8")


def test_what_cannot_be_tested_is_refused(own_index: Path, tmp_path: Path) -> None:
    assert "there is no index at" in acir("drift", "--index", tmp_path / "no").refusal()
    said = acir("drift", "--index", own_index, "--html", tmp_path / "no" / "x.html").refusal()
    assert "there is no folder" in said
    damage(own_index / "bundle" / "gate.safetensors")
    assert "was altered" in acir("drift", "--index", own_index).refusal()
    shutil.rmtree(own_index / "bundle")
    assert "there is no bundle at" in acir("drift", "--index", own_index).refusal()


def test_a_model_without_calibration_pictures_is_refused(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Uncalibrated:
        class gate:
            calibration = Calibration(0, 0, 0.03, None)

    monkeypatch.setattr("acir.workflows.drift.load_bundle", lambda _: Uncalibrated)
    said = acir("drift", "--index", own_index).refusal()
    assert "has no calibration pictures, so there is nothing that its queries could drift" in said
