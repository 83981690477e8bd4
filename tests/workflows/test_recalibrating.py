"""`acir calibrate`: a promise made anew from a site's pictures, and what it refuses."""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from acir.bundle import load_bundle
from acir.types import pixel_hash
from acir.workflows.recalibrate import above_cap, per_class
from acir.workflows.site import halves
from made_log import today
from made_model import CLASSES, SIDE, Outcome, acir, draw, foreign, save, tree

KEYS = [
    *("id", "on", "from", "acir", "seed", "a", "b", "refused", "twice", "patients"),
    "alike",
    *("calibration", "promise", "classes", "above_cap", "least_risk"),
]
FIRST = 500  # no number below was ever trained on
EACH = 52  # of every class: 208 pictures, 104 for B


def drawn(folder: Path, each: int) -> Path:
    for kind in CLASSES:
        for number in range(FIRST, FIRST + each):
            save(draw(kind, number), folder / kind / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of new pictures, with a blank one and a copy."""
    folder = drawn(tmp_path_factory.mktemp("site"), EACH)
    save(np.zeros((SIDE, SIDE), np.uint8), folder / "disc" / "blank.png")
    save(draw("disc", FIRST), folder / "disc" / "zcopy.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made") / "deep" / "anew"


@pytest.fixture(scope="module")
def outcome(site: Path, bundle: Path, place: Path) -> Outcome:
    return calibrate(bundle, site, place)


@pytest.fixture(scope="module")
def anew(outcome: Outcome, place: Path) -> Path:
    assert outcome.code == 0, outcome.err
    return place


def calibrate(bundle: Path, data: object, out: Path, *words: object) -> Outcome:
    return acir("calibrate", bundle, "--data", data, "--out", out, "--json", *words)


def test_the_object_has_the_keys_of_the_contract(
    outcome: Outcome, bundle: Path, anew: Path
) -> None:
    line = outcome.line()
    assert list(line) == KEYS
    assert line["id"] == load_bundle(anew).id != load_bundle(bundle).id == line["from"]
    assert (line["a"], line["b"], line["refused"], line["twice"]) == (104, 104, 1, 1)
    assert line["calibration"] == {"n": 104, "r": 1, "alpha": 0.03, "promised": 0.03}
    assert line["promise"] in outcome.err
    assert line["patients"] is None
    assert (today() - date.fromisoformat(line["on"])).days in {0, 1}  # midnight may have passed


def test_what_is_left_out_is_counted_for_a_person(outcome: Outcome) -> None:
    assert "left out 1 picture that the pre-flight refuses" in outcome.err
    assert "left out 1 picture with the pixels of another" in outcome.err
    assert "no patient is named, so one may have pictures in both sets" in outcome.err


def test_every_picture_of_b_belongs_to_one_predicted_class(outcome: Outcome) -> None:
    classes = outcome.line()["classes"]
    assert list(classes) == list(CLASSES)
    assert sum(row["n"] for row in classes.values()) == 104
    # One of the 104 exceeds all others, and r is 1.
    assert sum(row["flagged"] for row in classes.values()) == 1


def test_network_rankers_and_detectors_stay(bundle: Path, anew: Path) -> None:
    before, after = tree(bundle), tree(anew)
    assert set(after) == set(before)
    assert after["weights.safetensors"] == before["weights.safetensors"]
    assert after["training.json"] == before["training.json"]
    settings = [json.loads(files["bundle.json"]) for files in (before, after)]
    changed = {key for key in settings[0] if settings[0][key] != settings[1][key]}
    assert changed == {"answer_sets", "calibrated", "gate"}
    gates = [each["gate"] for each in settings]
    assert {key for key in gates[0] if gates[0][key] != gates[1][key]} == {"independent"}
    arrays = [load_file(folder / "gate.safetensors") for folder in (bundle, anew)]
    learned = [name for name in arrays[0] if ".state." in name]
    assert learned
    assert all(torch.equal(arrays[0][name], arrays[1][name]) for name in learned)


def test_the_gate_rests_on_the_site_alone(anew: Path, site: Path) -> None:
    """The totals of B are those that a fresh look at every picture of the site gives."""
    model = load_bundle(anew)
    assert model.calibration == {
        pixel_hash(draw(kind, number)) for kind in CLASSES for number in range(FIRST, FIRST + EACH)
    }
    pixels = np.stack([draw(kind, FIRST + n) for kind in CLASSES for n in range(EACH)])
    images = torch.from_numpy(np.repeat(pixels[:, None] / np.float32(255), 3, axis=1))
    scores = model.gate.score(model.evidence(images))
    totals = model.gate.state()[0]["totals"].numpy()
    nearest = np.abs(scores[:, None] - totals[None]).min(axis=0)
    np.testing.assert_allclose(nearest, 0, atol=1e-4)


def test_card_and_settings_say_when_and_by_what_without_a_name(
    anew: Path, bundle: Path, site: Path, outcome: Outcome
) -> None:
    card = (anew / "MODEL_CARD.md").read_text(encoding="utf-8")
    before = load_bundle(bundle).id
    assert card.count("## Knowledge boundary") == 1
    assert f"Calibrated anew on {outcome.line()['on']}" in card
    assert "from 104 + 104 pictures of the site that uses it (seed 0)" in card
    assert before[:12] in card
    made = load_bundle(anew).calibrated
    assert (made["from"], made["a"], made["b"]) == (before, 104, 104)
    content = b"".join(tree(anew).values())
    for trace in (str(site), site.name, "disc/500", "500.png", str(Path.home())):
        assert trace.encode() not in content


def test_the_same_seed_gives_the_same_bundle_and_another_does_not(
    bundle: Path, anew: Path, site: Path, tmp_path: Path
) -> None:
    again = calibrate(bundle, site, tmp_path / "again").line()
    other = calibrate(bundle, site, tmp_path / "other", "--seed", 1).line()
    assert tree(tmp_path / "again") == tree(anew)
    assert other["id"] != again["id"]
    gates = [tree(place)["gate.safetensors"] for place in (anew, tmp_path / "other")]
    assert gates[0] != gates[1]  # other halves, not another number in the settings alone


def test_an_index_of_the_new_bundle_leaves_out_what_calibrated_it(
    anew: Path, site: Path, tmp_path: Path
) -> None:
    words = ("--model", anew, "--data", site, "--index", tmp_path / "index")
    built = acir("index", "build", *words)
    assert "left out 209 pictures that calibrated the model" in built.err


def test_too_few_pictures_make_a_weaker_promise_in_words(bundle: Path, tmp_path: Path) -> None:
    found = calibrate(bundle, drawn(tmp_path / "few", 10), tmp_path / "out").line()
    assert found["calibration"] == {"n": 20, "r": 1, "alpha": 0.03, "promised": None}
    # 1 - 0.05^(1 / 20) = 0.1391, rounded up.
    assert found["promise"] == (
        "no guarantee possible: 20 calibration pictures, 99 needed for a rate of 0.03; only that "
        "at most 0.14 of ordinary pictures are called unknown can be promised, with confidence "
        "0.95"
    )


def test_patients_stay_together(bundle: Path, tmp_path: Path) -> None:
    lines = ["path,label,patient"]
    for number in range(FIRST, FIRST + 12):
        save(draw("disc", number), tmp_path / f"{number}.png")
        lines.append(f"{number}.png,disc,CANARY{number % 3}")
    (tmp_path / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    found = calibrate(bundle, tmp_path / "cases.csv", tmp_path / "out")
    line = found.line()
    assert (line["patients"], sorted((line["a"], line["b"]))) == (3, [4, 8])
    assert "CANARY" not in found.out + found.err
    assert b"CANARY" not in b"".join(tree(tmp_path / "out").values())


def test_nearly_equal_pictures_stay_together_and_are_told_of(bundle: Path, tmp_path: Path) -> None:
    for number in range(FIRST, FIRST + 61):  # odd: halves that part pairs have an odd number
        picture = draw(CLASSES[number % len(CLASSES)], number)
        save(picture, tmp_path / "data" / f"{number}-a.png")
        picture[:2] ^= 1
        save(picture, tmp_path / "data" / f"{number}-b.png")
    found = calibrate(bundle, tmp_path / "data", tmp_path / "out")
    line = found.line()
    assert line["alike"] == 122
    assert (
        "122 pictures without a patient are nearly the same as others; each of these" in found.err
    )
    assert line["a"] % 2 == line["b"] % 2 == 0
    said = re.search("pictures that count as ([0-9]+), as many are alike", line["promise"])
    assert said is not None
    # The two of a pair differ in the last bit of two rows, so they tell as much as one.
    assert line["b"] / 2 <= int(said[1]) < 0.6 * line["b"]


def test_rows_of_one_draw_are_in_one_half_whatever_their_order() -> None:
    random = np.random.default_rng(0)
    draws = tuple((random.integers(0, 40, 300) / 40).tolist())
    a, b = halves(draws, seed=3)
    assert sorted([*a.tolist(), *b.tolist()]) == list(range(300))
    sides = [{draws[row] for row in half} for half in (a, b)]
    assert not sides[0] & sides[1]
    assert abs(len(a) - len(b)) <= max(Counter(draws).values())
    turned = halves(draws[::-1], seed=3)
    assert [{draws[::-1][row] for row in half} for half in turned] == sides


def test_shares_and_intervals_of_the_classes() -> None:
    predicted = np.array([0, 0, 0, 0, 1, 1, 1])
    flagged = np.array([True, False, False, False, True, True, True])
    rows = per_class(("a", "b", "c"), predicted, flagged)
    assert [(row["n"], row["flagged"], row["share"]) for row in rows.values()] == [
        (4, 1, 0.25),
        (3, 3, 1.0),
        (0, 0, None),
    ]
    # All of 3: (0.05 / 2)^(1 / 3) = 0.2924 to 1. None of none: anything.
    assert (rows["b"]["low"], rows["b"]["high"]) == (pytest.approx(0.2924, abs=1e-4), 1.0)
    assert (rows["c"]["low"], rows["c"]["high"]) == (0.0, 1.0)


def test_a_class_wholly_above_twice_the_rate_is_named() -> None:
    classes = {"a": {"low": 0.06}, "b": {"low": 0.061}, "c": {"low": 0.0}}
    assert above_cap(classes, 0.03) == ["b"]


def test_a_class_that_is_flagged_too_often_is_a_warning(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.workflows.recalibrate.above_cap", lambda *_: ["disc", "slope"])
    found = calibrate(bundle, drawn(tmp_path / "few", 2), tmp_path / "out")
    assert found.line()["above_cap"] == ["disc", "slope"]
    assert "warning: ordinary pictures taken for disc, slope are called unknown" in found.err


def test_without_json_a_person_sees_a_table(bundle: Path, tmp_path: Path) -> None:
    words = ("--data", drawn(tmp_path / "few", 2), "--out", tmp_path / "out")
    found = acir("calibrate", bundle, *words)
    assert found.code == 0
    assert all(kind in found.out for kind in CLASSES)


def test_pictures_that_taught_the_model_are_refused_and_counted(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    learned = load_bundle(bundle).training
    hashes = [pixel_hash(draw(kind, n)) for kind in CLASSES for n in range(115)]
    count = sum(one in learned for one in hashes)
    assert count >= 60  # all of validation at the least
    said = calibrate(bundle, f"{pictures}#val", tmp_path / "out").refusal()
    assert said == (
        f"60 of 60 pictures of {pictures}#val taught the model, and no promise can be made "
        "from what it has seen; give pictures that are new to it"
    )
    assert (
        f"{count - 60} of 400" in calibrate(bundle, f"{pictures}#train", tmp_path / "out").refusal()
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("named", [True, False])
def test_pictures_of_an_index_are_refused(
    own_index: Path, bundle: Path, pictures: Path, tmp_path: Path, named: bool
) -> None:
    added = acir("index", "add", "--index", own_index, "--data", f"{pictures}#test")
    assert added.code == 0
    model = bundle if named else own_index / "bundle"
    words = ("--index", own_index) if named else ()
    said = calibrate(model, f"{pictures}#test", tmp_path / "out", *words).refusal()
    assert said.startswith(
        f"60 of 60 pictures of {pictures}#test taught the model or are in the index index"
    )
    assert calibrate(bundle, f"{pictures}#test", tmp_path / "out").code == 0


def test_what_cannot_be_halved_is_refused(bundle: Path, tmp_path: Path) -> None:
    save(np.zeros((SIDE, SIDE), np.uint8), tmp_path / "blank" / "1.png")
    save(foreign(1), tmp_path / "one" / "1.png")
    for name, count in (("blank", 0), ("one", 1)):
        done = calibrate(bundle, tmp_path / name, tmp_path / "out")
        assert done.refusal().endswith(f"{tmp_path / name} has usable pictures: {count}; give more")
        assert ("left out 1 picture that the pre-flight refuses" in done.err) == (count == 0)
    lines = ["path,patient"]
    for number in range(3):
        save(foreign(number), tmp_path / f"{number}.png")
        lines.append(f"{number}.png,P1")
    (tmp_path / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    said = calibrate(bundle, tmp_path / "cases.csv", tmp_path / "out").refusal()
    assert said.endswith("has usable pictures: 3 of 1 patient; give more")


def test_a_place_that_is_taken_is_refused_before_any_work(bundle: Path, tmp_path: Path) -> None:
    said = calibrate(bundle, tmp_path / "nowhere", bundle).refusal()
    assert said == f"there is something at {bundle} already; name a new folder as --out"
    (tmp_path / "file").write_text("", encoding="utf-8")
    said = calibrate(bundle, tmp_path, tmp_path / "file" / "out").refusal()
    assert said == f"{tmp_path / 'file'} is a file; give a folder as --out"


def test_what_is_no_bundle_source_or_index_is_refused(
    bundle: Path, site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert "there is no bundle at" in calibrate(tmp_path, site, out).refusal()
    assert calibrate(bundle, tmp_path / "nowhere", out).refusal()
    said = calibrate(bundle, site, out, "--index", tmp_path).refusal()
    assert "there is no index at" in said
    assert not out.exists()
