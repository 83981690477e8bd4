"""`acir check`: its lines, and that the boundary of what is known lies where it should."""

from pathlib import Path

import numpy as np
import pytest

from acir.errors import UsageError
from acir.recipe import GateRecipe
from acir.workflows.search import load
from made_model import Outcome, acir, draw, foreign, save

LINE = ["query", "verdict", "p_value", "reason", "reason_code", "scores", "calibration", "pictures"]


def check(bundle: Path, *words: object) -> Outcome:
    return acir("check", "--model", bundle, *words, "--json")


def test_a_line_has_the_keys_of_the_contract(bundle: Path, pictures: Path) -> None:
    path = pictures / "test" / "disc" / "120.png"
    line = check(bundle, path).line()
    assert list(line) == LINE
    assert line["query"] == str(path)
    assert set(line["scores"]) == set(GateRecipe().detectors)
    assert list(line["calibration"]) == ["n", "r", "alpha", "promised"]
    assert line["calibration"]["alpha"] == line["calibration"]["promised"] == 0.03
    assert line["calibration"]["n"] >= 99
    assert line["calibration"]["r"] >= 1


def test_all_splits_are_checked(bundle: Path, tmp_path: Path) -> None:
    names = [f"{split}/disc/{n}.png" for n, split in enumerate(("test", "train", "val"))]
    for n, name in enumerate(names):
        save(draw("disc", n), tmp_path / name)
    assert [line["query"] for line in check(bundle, tmp_path).lines()] == names


def test_all_have_one_verdict_together(bundle: Path, tmp_path: Path) -> None:
    usual = [save(draw("disc", 7000 + n), tmp_path / f"{n}.png") for n in range(4)]
    alone = check(bundle, *usual).lines()
    whole = check(bundle, *usual, "--together").line()
    worst = min(alone, key=lambda line: line["p_value"])
    assert whole["query"] == worst["query"]
    assert whole["p_value"] == pytest.approx(min(1.0, 4 * worst["p_value"]), rel=1e-5)
    assert (whole["pictures"], whole["scores"]) == (4, worst["scores"])
    assert {line["pictures"] for line in alone} == {1}
    assert "in 100 ordinary sets of 4 pictures hold one this unusual" in whole["reason"]
    odd = save(foreign(0), tmp_path / "odd.png")
    found = check(bundle, *usual, odd, "--together").line()
    assert (found["query"], found["verdict"]) == (str(odd), "unknown")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    refused = check(bundle, *usual, bad, "--together").line()
    assert (refused["verdict"], refused["reason_code"]) == ("unknown", "truncated")
    assert check(bundle, usual[0], "--together").line() == alone[0]


def test_the_library_judges_together_too(bundle: Path) -> None:
    model, usual = load(bundle), [draw("disc", 7000 + n) for n in range(4)]
    alone = [model.check(picture) for picture in usual]
    whole = model.check_together(usual)
    assert whole.p_value == min(1.0, 4 * min(verdict.p_value for verdict in alone))
    assert model.check_together([*usual, foreign(0)]).verdict == "unknown"
    with pytest.raises(UsageError, match="there is no picture to check; give at least one"):
        model.check_together([])


def test_foreign_pictures_are_unknown_and_ordinary_ones_are_not(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    for number in range(30):
        save(foreign(number), tmp_path / "noise" / f"{number}.png")
    strange = check(bundle, tmp_path / "noise").lines()
    assert sum(line["verdict"] == "unknown" for line in strange) >= 27
    usual = check(bundle, f"{pictures}#test").lines()
    # At most 3 % are promised; of 60, six or more would happen once in 100 times at that rate.
    assert sum(line["verdict"] == "unknown" for line in usual) < 6
    p = [line["p_value"] for line in usual]
    assert 0.3 < float(np.mean(p)) < 0.7  # they are uniform where nothing is unusual


def test_blank_and_cut_off_pictures_are_named_before_any_detector_looks(
    bundle: Path, tmp_path: Path
) -> None:
    blank = save(np.full((32, 32), 90, dtype=np.uint8), tmp_path / "blank.png")
    cut = draw("checks", 0)
    cut[16:] = 128
    lines = check(bundle, blank, save(cut, tmp_path / "cut.png")).lines()
    assert [line["reason_code"] for line in lines] == ["blank", "truncated"]
    assert [line["verdict"] for line in lines] == ["unknown", "unknown"]
    assert [line["scores"] for line in lines] == [{}, {}]


def test_an_unreadable_picture_has_a_line(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    outcome = check(bundle, bad, pictures / "test" / "disc" / "120.png")
    assert outcome.code == 0
    first, _ = outcome.lines()
    assert first["reason_code"] == "unreadable"
    alone = check(bundle, bad)
    assert alone.line()["verdict"] == "unknown"
    assert "no picture could be read" in alone.refusal()


def test_people_get_a_line(bundle: Path, tmp_path: Path) -> None:
    path = save(foreign(0), tmp_path / "foreign.png")
    outcome = acir("check", "--model", bundle, path)
    assert outcome.out.startswith(f"unknown  {path}: at most 1 in ")


@pytest.mark.parametrize("device", ["tpu", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(bundle: Path, pictures: Path, device: str) -> None:
    said = check(bundle, pictures, "--device", device).refusal()
    assert said.startswith(f"the device is {device!r}")


def test_a_verdict_is_the_same_alone_and_among_others(bundle: Path, pictures: Path) -> None:
    model = load(bundle)
    lines = check(bundle, f"{pictures}#test").lines()
    for line in lines[::20]:
        verdict = model.check(pictures / line["query"])
        assert (verdict.verdict, verdict.reason) == (line["verdict"], line["reason"])
