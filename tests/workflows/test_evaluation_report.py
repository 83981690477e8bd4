"""`acir evaluate --html`: the page of a real evaluation, and what it refuses."""

import json
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acir.bulk import encode_images, prepared_batches
from acir.bundle import load_bundle
from acir.codes import hamming
from acir.search import Model
from acir.sources.base import open_source
from acir.types import ImageRecord
from made_model import CLASSES, Outcome, acir, draw, foreign, save
from parsed_page import Parsed

FOREIGN = 12


@dataclass(frozen=True)
class Made:
    """An evaluation by plain distance, so that its order can be told without a ranker."""

    html: str
    printed: dict[str, Any]
    sources: tuple[str, str, str]

    def cells(self) -> dict[tuple[str, str], int]:
        """Read the cells of the confusion table that are not empty."""
        pattern = re.compile(r"(.+), answered (.+): (\d+)")
        titles = [a.get("title") or "" for tag, a in Parsed(self.html).elements if tag == "td"]
        found = [match for title in titles if (match := pattern.fullmatch(title))]
        return {(match[1], match[2]): int(match[3]) for match in found}


def evaluate(bundle: Path, gallery: object, queries: object, *words: object) -> Outcome:
    options = ("--gallery", gallery, "--queries", queries, "--device", "cpu")
    return acir("evaluate", bundle, *options, "--json", *words)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("noise")
    for number in range(FOREIGN):
        save(foreign(number), folder / "a <b>label</b> of its own" / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def queries(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the test pictures, of which some have changed places with those of another class."""
    folder = shutil.copytree(pictures / "test", tmp_path_factory.mktemp("queries") / "test")
    for one, other, count in (("bars", "checks", 4), ("disc", "slope", 1)):
        for number in range(120, 120 + count):
            for here, there in ((one, other), (other, one)):
                (folder / here / f"{number}.png").rename(folder / there / f"{number}-{here}.png")
    return folder


@pytest.fixture(scope="module")
def made(
    bundle: Path,
    pictures: Path,
    queries: Path,
    noise: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    path = tmp_path_factory.mktemp("page") / "page.html"
    sources = (f"{pictures}#train", str(queries), str(noise))
    words = ("--html", path, "--unknown", noise, "--mode", "plain")
    outcome = evaluate(bundle, *sources[:2], *words)
    assert outcome.code == 0, outcome.err
    assert f"the page is {path}" in outcome.err
    assert [one.name for one in path.parent.iterdir()] == ["page.html"]
    return Made(path.read_text(encoding="utf-8"), outcome.line(), sources)


@pytest.fixture(scope="module")
def searched(bundle: Path, made: Made) -> tuple[list[ImageRecord], np.ndarray]:
    """Return the gallery by id and its codes."""
    records = sorted(open_source(made.sources[0]), key=lambda record: record.id)
    return records, codes(bundle, records)


def codes(bundle: Path, records: list[ImageRecord]) -> np.ndarray:
    model = load_bundle(bundle)
    batches = prepared_batches(records, model.prep)
    return np.concatenate([encode_images(model.encoder, images)[0] for _, images in batches])


def test_the_page_changes_nothing_of_what_is_printed(
    bundle: Path, made: Made, tmp_path: Path
) -> None:
    assert evaluate(bundle, *made.sources[:2], "--mode", "plain").line() == made.printed


def test_the_page_loads_nothing_and_names_every_class(made: Made) -> None:
    parsed = Parsed(made.html)
    images = [attributes for tag, attributes in parsed.elements if tag == "img"]
    # Two maps, a key for each class and the unknown, and seven pictures a class.
    assert len(images) == 2 + (4 + 1) + 7 * 4
    assert all((image["src"] or "").startswith("data:image/") for image in images)
    assert not re.search(r"url\(|@import|https?:|<script", made.html)
    assert all(parsed.words.count(name) > 6 for name in CLASSES)
    assert "60 queries of" in parsed.text
    assert f"and {FOREIGN} pictures of kinds that the model was not trained on" in parsed.text


def test_the_main_figures_are_those_that_are_printed(made: Made) -> None:
    text = Parsed(made.html).text
    assert max(made.printed["mAP"], made.printed["reranked"]["P@1"]) < 1
    assert f"mAP, codes alone {made.printed['mAP']:.3f}" in text
    assert f"mAP, plain order {made.printed['reranked']['mAP']:.3f}" in text
    assert f"first hit right, plain order {100 * made.printed['reranked']['P@1']:.1f} %" in text
    for name, row in made.printed["per_class"].items():
        assert re.search(rf"{name} (lowest )?15 {row['mAP']:.3f} ", text)
    lowest = min(row["mAP"] for row in made.printed["per_class"].values())
    assert {name for name in CLASSES if f"{name} lowest 15" in text} == {
        name for name in CLASSES if made.printed["per_class"][name]["mAP"] == pytest.approx(lowest)
    }


def test_the_confusion_counts_are_those_of_one_query_after_another(
    bundle: Path, made: Made, searched: tuple[list[ImageRecord], np.ndarray]
) -> None:
    model = Model(load_bundle(bundle))
    gallery, held = searched
    naive: Counter[tuple[str, str]] = Counter()
    for source in made.sources[1:]:
        records = list(open_source(source))
        distances = hamming(codes(bundle, records), held)
        for record, row in zip(records, distances, strict=True):
            nearest = gallery[int(np.argmin(row))].labels[0]  # the first of ties has the least id
            true = record.labels[0] if source == made.sources[1] else "unknown kind"
            refused = model.check(record).verdict == "unknown"
            naive[true, "called unknown" if refused else nearest] += 1
    assert made.cells() == dict(naive)
    assert sum(naive.values()) == 60 + FOREIGN


def test_the_share_called_unknown_is_that_of_the_table(made: Made) -> None:
    refused = {row: n for (row, column), n in made.cells().items() if column == "called unknown"}
    recognised = refused.pop("unknown kind", 0)
    false = sum(refused.values())
    text = Parsed(made.html).text
    share = f"{100 * false / 60:.1f} % ({false} of 60)"
    assert f"ordinary queries called unknown {share}" in text
    share = f"{100 * recognised / FOREIGN:.1f} % ({recognised} of {FOREIGN})"
    assert f"unknown kinds recognised {share}" in text


def test_galleries_hold_the_first_and_the_last_of_a_hundred_in_order(
    bundle: Path, made: Made, searched: tuple[list[ImageRecord], np.ndarray]
) -> None:
    gallery, held = searched
    words = Parsed(made.html).words
    shown = [word for word in words if word.endswith(".png")]
    naive = []
    for name in CLASSES:
        queries = [r for r in open_source(made.sources[1]) if r.labels == (name,)]
        query = min(queries, key=lambda record: record.id)
        distances = hamming(codes(bundle, [query]), held)[0]
        order = np.argsort(distances, kind="stable")[:100]
        ends = [gallery[int(row)].id for row in (*order[:3], *order[-3:])]
        naive += [query.id, *ends]
    assert shown == naive


def test_the_pictures_are_those_of_their_ids(made: Made) -> None:
    elements = Parsed(made.html).elements
    sources = {a["alt"]: a["src"] or "" for tag, a in elements if tag == "img"}
    content = b64decode(sources["Query: disc"].removeprefix("data:image/png;base64,"))
    # Numbers go on from split to split: the first of test follows 100 of train and 15 of val.
    assert (np.asarray(Image.open(BytesIO(content))) == draw("disc", 115)).all()


def test_without_unknown_kinds_there_is_no_row_of_them(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    outcome = evaluate(bundle, f"{pictures}#train", f"{pictures}#val", "--html", path)
    assert outcome.code == 0, outcome.err
    text = Parsed(path.read_text(encoding="utf-8")).text
    assert "called unknown all" in text
    assert "unknown kind" not in text


def test_few_queries_have_a_page_without_maps(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    save(draw("disc", 900), tmp_path / "few" / "disc" / "one.png")
    path = tmp_path / "page.html"
    outcome = evaluate(bundle, f"{pictures}#val", tmp_path / "few", "--html", path)
    assert outcome.code == 0, outcome.err
    text = Parsed(path.read_text(encoding="utf-8")).text
    assert "too few pictures for a map" in text
    assert "bars 0 none none" in text


def test_a_folder_that_does_not_exist_is_refused_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "page.html"
    said = evaluate(tmp_path, "no", "no", "--html", path).refusal()
    assert said == f"there is no folder {path.parent} for page.html; make it first"


def test_unknown_kinds_without_a_page_are_refused(tmp_path: Path) -> None:
    said = evaluate(tmp_path, "no", "no", "--unknown", "cats").refusal()
    assert said == "--unknown cats is shown on the page alone; add --html PATH or leave it out"


def test_unknown_kinds_that_do_not_exist_are_refused_before_the_work(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    words = ("--html", tmp_path / "page.html", "--unknown", tmp_path / "absent")
    outcome = evaluate(bundle, f"{pictures}#train", f"{pictures}#test", *words)
    assert "absent" in outcome.refusal()
    assert "encoding" not in outcome.err


@pytest.mark.parametrize("split", ["train", "test"])
def test_unknown_kinds_that_the_model_is_asked_to_know_are_refused(
    bundle: Path, pictures: Path, tmp_path: Path, split: str
) -> None:
    path = tmp_path / "page.html"
    sources = (f"{pictures}#train", f"{pictures}#test")
    words = ("--html", path, "--unknown", pictures / split / "disc")
    said = evaluate(bundle, *sources, *words).refusal()
    count = 100 if split == "train" else 15
    assert said == (
        f"the gallery or the queries hold {count} of {count} pictures of "
        f"{pictures / split / 'disc'} too, pixel for pixel; give pictures of kinds that the model "
        "does not know"
    )
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_one_sentence(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / ".page.html.part").mkdir()  # where the page is written before it gets its name
    words = ("--html", tmp_path / "page.html")
    outcome = evaluate(bundle, f"{pictures}#train", f"{pictures}#val", *words)
    assert outcome.code == 1
    assert "error: cannot write" in outcome.err
    assert "Traceback" not in outcome.err
    assert [one.name for one in tmp_path.iterdir()] == [".page.html.part"]


def test_nothing_that_draws_is_loaded_without_a_page(bundle: Path, pictures: Path) -> None:
    words = ["evaluate", str(bundle), "--device", "cpu", "--json"]
    words += ["--gallery", f"{pictures}#val", "--queries", f"{pictures}#test"]
    program = (
        "import json, sys; from acir.cli.main import app; "
        f"app({words!r}, standalone_mode=False); "
        "print(json.dumps([*{name.partition('.')[0] for name in sys.modules}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "torch" in loaded
    assert {"matplotlib", "sklearn"}.isdisjoint(loaded)
