"""Answers sized for a risk: from training or a site's pictures to `acir search --risk`."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import numpy as np
import pytest

from acir.answer_set import MOST, AnswerSets
from acir.bundle import load_bundle
from acir.errors import UsageError
from acir.index.engines.faiss import Faiss
from acir.index.entry import Entry
from acir.index.store import Store
from acir.ranking.plain import Plain
from acir.search import Searcher
from acir.sources.base import open_source
from acir.workflows.answer_sets import Asked, measured
from acir.workflows.search import open_index
from made_model import CLASSES, FEWEST_EPOCHS, Outcome, acir, draw, fill, foreign, save, train

RISK = 0.05
FIRST = 700  # no number below was ever trained on


def search(index: Path, *words: object) -> Outcome:
    return acir("search", "--index", index, "--json", *words)


def drawn(folder: Path, each: int, first: int = FIRST) -> Path:
    for kind in CLASSES:
        for number in range(first, first + each):
            save(draw(kind, number), folder / kind / f"{number}.png")
    return folder


def misfiled(folder: Path) -> Path:
    """Put every third picture of a class among those of the next: a first hit may be wrong."""
    for kind, other in zip(CLASSES, (*CLASSES[1:], CLASSES[0]), strict=True):
        for path in sorted((folder / kind).glob("[0-9]*.png"))[::3]:
            path.rename(folder / other / f"{kind}{path.name}")
    return folder


def borne(line: dict[str, Any], label: str) -> float:
    """Return, hit by hit, the doubt before the first that has the label."""
    doubt = 0.0
    for hit in line["hits"]:
        if hit["label"] == label:
            return doubt
        doubt += math.log(max(1 - hit["similarity"], 1e-6))
    return -math.inf


@pytest.fixture(scope="module")
def sets(bundle: Path) -> AnswerSets:
    found = load_bundle(bundle).answer_sets
    assert found is not None
    return found


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return pictures, some in the folder of another class, with a run and an index of them."""
    place = tmp_path_factory.mktemp("mixed")
    for split in fill(place / "pictures", {"train": 60, "val": 10, "test": 15}).iterdir():
        misfiled(split)
    changed = {key.replace(".", "__"): value for key, value in FEWEST_EPOCHS.items()}
    outcome = train(place / "pictures", place / "run", **changed)
    assert outcome.code == 0, outcome.err
    built(place / "run" / "bundle", f"{place / 'pictures'}#train", place / "index")
    return place


@pytest.fixture(scope="module")
def mixed_sets(mixed: Path) -> AnswerSets:
    found = load_bundle(mixed / "run" / "bundle").answer_sets
    assert found is not None
    assert len(np.unique(found.doubts)) > 20  # many need more than the first hit
    return found


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return pictures that neither taught nor calibrated the model."""
    return misfiled(drawn(tmp_path_factory.mktemp("archive"), 12))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("site"), 10, first=FIRST + 50)


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory, bundle: Path, archive: Path) -> Path:
    """Return an index of the archive."""
    return built(bundle, archive, tmp_path_factory.mktemp("archived") / "index")


@pytest.fixture(scope="module")
def calibrated(
    tmp_path_factory: pytest.TempPathFactory, bundle: Path, site: Path, archived: Path
) -> Path:
    """Return the bundle calibrated by the site's pictures against the archive."""
    out = tmp_path_factory.mktemp("calibrated") / "bundle"
    found = calibrate(bundle, site, out, "--index", archived)
    sets = load_bundle(out).answer_sets
    assert sets is not None
    assert found.line()["least_risk"] == pytest.approx(sets.least_risk, rel=1e-5)
    assert "answers can be sized for a risk of" in found.err
    return out


def built(model: Path, data: object, index: Path) -> Path:
    outcome = acir("index", "build", "--model", model, "--data", data, "--index", index)
    assert outcome.code == 0, outcome.err
    return index


def calibrate(bundle: Path, data: object, out: Path, *words: object) -> Outcome:
    return acir("calibrate", bundle, "--data", data, "--out", out, "--json", *words)


@pytest.fixture
def searcher(index: Path) -> Iterator[Searcher]:
    with open_index(index) as opened:
        yield opened


def test_training_asks_the_index_of_its_pictures_with_those_of_calibration(
    mixed: Path, mixed_sets: AnswerSets, tmp_path: Path
) -> None:
    """The doubts are those that a search for 25 hits gives by hand, picture by picture."""
    kept = load_bundle(mixed / "run" / "bundle").calibration
    for record in open_source(f"{mixed / 'pictures'}#train"):
        if record.pixel_hash in kept:
            (tmp_path / record.labels[0]).mkdir(exist_ok=True)
            copy(mixed / "pictures" / record.id, tmp_path / record.labels[0])
    lines = search(mixed / "index", tmp_path, "-k", MOST, "--force").lines()
    assert len(lines) == len(kept) == len(mixed_sets.doubts)
    expected = [borne(line, Path(line["query"]).parts[-2]) for line in lines]
    # Training encodes in other batches, which may turn the last digit of a similarity.
    np.testing.assert_allclose(np.sort(mixed_sets.doubts), np.sort(expected), rtol=1e-5)


def test_new_pictures_find_their_class_as_often_as_promised(mixed: Path) -> None:
    found = search(mixed / "index", f"{mixed / 'pictures'}#test", "--risk", RISK)
    answered = [line for line in found.lines() if line["verdict"] != "unknown"]
    assert {(line["risk"], line["risk_promised"]) for line in answered} == {(RISK, RISK)}
    missed = [borne(line, Path(line["query"]).parts[-2]) == -math.inf for line in answered]
    n = len(answered)
    assert n >= 40
    assert sum(missed) <= RISK * n + 3 * math.sqrt(RISK * (1 - RISK) * n)
    assert "as many hits as a risk of 0.05 takes: at most that share of pictures" in found.err


def test_an_answer_set_is_the_start_of_a_longer_answer(mixed: Path, mixed_sets: AnswerSets) -> None:
    queries = f"{mixed / 'pictures'}#test"
    longer, sizes = search(mixed / "index", queries, "-k", MOST).lines(), set[int]()
    for risk in (RISK, 4 * RISK):
        sized = search(mixed / "index", queries, "--risk", risk).lines()
        for line, more in zip(sized, longer, strict=True):
            assert line["hits"] == more["hits"][: len(line["hits"])]
            doubts, doubt = [], 0.0
            for hit in more["hits"]:
                doubts.append(doubt)
                doubt += math.log(max(1 - hit["similarity"], 1e-6))
            assert len(line["hits"]) == sum(one >= mixed_sets.limit(risk) for one in doubts)
            sizes.add(len(line["hits"]))
    assert len(sizes - {0}) > 2


def test_an_unknown_picture_gets_no_hits_and_no_promise(index: Path, tmp_path: Path) -> None:
    line = search(index, save(foreign(3), tmp_path / "x.png"), "--risk", RISK).line()
    assert (line["verdict"], line["hits"]) == ("unknown", [])
    assert (line["risk"], line["risk_promised"]) == (RISK, None)


def test_without_a_risk_nothing_is_promised(index: Path, pictures: Path) -> None:
    line = search(index, pictures / "test" / "disc" / "120.png").line()
    assert (line["risk"], line["risk_promised"]) == (None, None)


def test_an_index_of_other_pictures_keeps_no_promise(
    own_index: Path, pictures: Path, tmp_path: Path
) -> None:
    query = pictures / "test" / "disc" / "120.png"
    save(draw("disc", 900), tmp_path / "more" / "disc" / "900.png")
    added = acir("index", "add", "--index", own_index, "--data", tmp_path / "more")
    assert added.code == 0
    found = search(own_index, query, "--risk", RISK)
    assert found.line()["risk_promised"] is None
    assert found.line()["hits"]
    assert (
        "the risk of 0.05 is no promise here: the index holds other pictures than the" in found.err
    )
    assert acir("index", "delete", "--index", own_index, "disc/900.png").code == 0
    assert search(own_index, query, "--risk", RISK).line()["risk_promised"] == RISK


def test_an_approximate_engine_keeps_no_promise(
    index: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faiss, "exact", False)
    found = search(index, pictures / "test" / "disc" / "120.png", "--risk", RISK)
    assert found.line()["risk_promised"] is None
    assert "is no promise here: the engine of this index is approximate" in found.err


@pytest.mark.parametrize("risk", [0, 1, -0.5, "nan"])
def test_a_risk_out_of_range_is_refused(index: Path, pictures: Path, risk: object) -> None:
    said = search(index, f"{pictures}#test", "--risk", risk).refusal()
    assert said == f"the risk is {risk}, expected more than 0 and less than 1"


def test_a_risk_that_too_few_pictures_cannot_promise_is_refused(
    index: Path, pictures: Path, sets: AnswerSets
) -> None:
    said = search(index, f"{pictures}#test", "--risk", sets.least_risk / 2).refusal()
    assert "cannot be promised: answers can be sized for a risk of" in said


def test_hits_cannot_be_counted_in_two_ways(index: Path, pictures: Path) -> None:
    said = search(index, f"{pictures}#test", "--risk", RISK, "-k", 3).refusal()
    assert said == "-k and --risk both say how many hits are wanted; give one of them"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--where", "label=disc", "--mode", "plain"), "where, mode"),
        (("--radius", 3, "--keep-duplicates"), "radius, keep-duplicates"),
        (("--per", "label", "--force"), "force, per"),
        (("--include-self", "--together"), "include-self, several views"),
        (("--id", "train/disc/000.png"), "stored pictures"),
    ],
)
def test_other_searches_than_that_of_calibration_are_refused(
    index: Path, pictures: Path, words: tuple[object, ...], named: str
) -> None:
    query = pictures / "test" / "disc" / "120.png"
    said = search(index, query, "--risk", RISK, *words).refusal()
    assert said == (
        f"a risk is promised for a plain search by one new picture; leave out {named} or the risk"
    )


def test_python_refuses_views_and_stored_pictures_too(searcher: Searcher, pictures: Path) -> None:
    query = pictures / "test" / "disc" / "120.png"
    assert searcher.search(query, risk=RISK).risk_promised == RISK
    with pytest.raises(UsageError, match="leave out several views or the risk"):
        searcher.search_together([query], risk=RISK)
    with searcher.store.view() as view:
        (entry,) = view.entries(np.array([0]))
    with pytest.raises(UsageError, match="leave out stored pictures or the risk"):
        searcher.search_stored(entry.id, risk=RISK)


def test_a_bundle_without_such_calibration_is_refused(searcher: Searcher, pictures: Path) -> None:
    searcher.bundle = replace(searcher.bundle, answer_sets=None)
    said = (
        "the bundle cannot promise a risk: it was not calibrated for answers; calibrate it with "
        "pictures that have labels, by acir calibrate --index"
    )
    with pytest.raises(UsageError, match=said):
        searcher.search(pictures / "test" / "disc" / "120.png", risk=RISK)


def test_a_bundle_written_before_there_were_answer_sets_is_read(
    bundle: Path, tmp_path: Path
) -> None:
    old = copytree(bundle, tmp_path / "old")
    settings = json.loads((old / "bundle.json").read_text(encoding="utf-8"))
    del settings["answer_sets"]
    (old / "bundle.json").write_text(json.dumps(settings), encoding="utf-8")
    sums = json.loads((old / "checksums.json").read_text(encoding="utf-8"))
    sums["bundle.json"] = sha256((old / "bundle.json").read_bytes()).hexdigest()
    (old / "checksums.json").write_text(json.dumps(sums), encoding="utf-8")
    assert load_bundle(old).answer_sets is None


def test_a_site_calibrates_against_its_index(
    calibrated: Path, archived: Path, archive: Path, site: Path, tmp_path: Path
) -> None:
    """The doubts are those of the site's pictures, asked by hand."""
    found = load_bundle(calibrated).answer_sets
    assert found is not None
    assert len(np.unique(found.doubts)) > 5
    lines = search(archived, site, "-k", MOST, "--force").lines()
    expected = [borne(line, Path(line["query"]).parts[-2]) for line in lines]
    np.testing.assert_allclose(np.sort(found.doubts), np.sort(expected), rtol=1e-9)
    assert found.pictures == 12 * len(CLASSES)
    again = built(calibrated, archive, tmp_path / "again")
    query = save(draw("disc", 950), tmp_path / "query.png")
    risk = max(0.2, found.least_risk)
    assert search(again, query, "--risk", risk).line()["risk_promised"] == pytest.approx(risk)


def test_without_index_or_labels_a_site_promises_no_risk(
    bundle: Path, archived: Path, calibrated: Path, site: Path, tmp_path: Path
) -> None:
    for number in range(6):
        save(draw("disc", 970 + number), tmp_path / "bare" / f"{number}.png")
    cases = {
        "there is no index to search; name one by --index": (bundle, site, ()),
        "some pictures have no label to tell a right hit by": (
            *(bundle, tmp_path / "bare", ("--index", archived)),
        ),
        "another bundle encoded the index index": (calibrated, site, ("--index", archived)),
    }
    for number, (why, (model, data, words)) in enumerate(cases.items()):
        out = tmp_path / str(number)
        found = calibrate(model, data, out, *words)
        assert f"no risk of an answer can be promised: {why}" in found.err
        assert found.line()["least_risk"] is None
        assert load_bundle(out).answer_sets is None


def test_an_approximate_index_calibrates_no_risk(
    bundle: Path, archived: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faiss, "exact", False)
    found = calibrate(bundle, site, tmp_path / "out", "--index", archived)
    assert "promised: the engine of the index index is approximate" in found.err
    assert found.line()["least_risk"] is None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an index of three classes on three corners; `lone` has a single picture."""
    codes = {"lone": 0b0000_0000, "many": 0b0000_1111, "x|y": 0b1111_1111}
    counts = {"lone": 1, "many": 30, "x|y": 2}
    made = Store.create(tmp_path / "made", bits=8, dim=300, engine="flat", model="m")
    made.add(
        Entry(f"{label}{n}", np.array([codes[label]], np.uint8), near(n), label, f"{label}{n}")
        for label, count in counts.items()
        for n in range(count)
    )
    with made:
        yield made


def near(number: int) -> np.ndarray:
    """Return embeddings that no two pictures share, so that none is a near-duplicate."""
    vector = np.random.default_rng(number).normal(size=300)
    return (vector / np.linalg.norm(vector)).astype(np.float16)


def test_classes_with_one_picture_several_labels_none_and_a_foreign_one(store: Store) -> None:
    ranker = Plain(bits=8, intercept=0.0, weight=math.log(3))  # distance 0: 3 in 4 are alike
    lone, many = np.array([0b0000_0000]), np.array([0b0000_1111])
    asked = [
        (lone, ("lone",)),  # distances 0, 4 and 8: the single picture comes first
        (many, ("lone",)),  # 30 pictures nearer than it
        (lone, ("many",)),  # one picture before, of similarity 3 / 4
        (~lone, ("y", "z")),  # one label of two is shared
        (many, ()),
        (many, ("foreign",)),
    ]
    codes = np.stack([code.astype(np.uint8) for code, _ in asked])
    embeddings = np.stack([near(100 + n) for n in range(len(asked))])
    with store.view() as view:
        found = measured(view, Asked(codes, embeddings, [labels for _, labels in asked]), ranker)
    nothing = -math.inf
    expected = [0, nothing, math.log(0.25), 0, nothing, nothing]
    np.testing.assert_allclose(found.doubts, expected)
    assert found.pictures == 33
    assert found.least_risk == pytest.approx(4 / 7)
