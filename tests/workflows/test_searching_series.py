"""`acir search --series`: series against series, compared with searches by single slices."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acir.index.store import Store
from acir.privacy.pseudonym import load_key, pseudonym
from acir.types import SERIES
from acir.workflows.search import open_index
from made_frames import enhanced, lying
from made_model import CLASSES, Outcome, acir, draw, save

ALL = 10_000
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "dicom_dev.zip"

MakeDicom = Callable[..., bytes]


def save_series(
    folder: Path, make_dicom: MakeDicom, kind: str, number: int, **attributes: object
) -> str:
    """Write the seven slices of a series, from the head down, and return its UID."""
    uid = f"1.2.{number}"
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(7):
        about = {
            "PatientID": f"P{number}",
            "SeriesInstanceUID": uid,
            "SOPInstanceUID": f"{uid}.{n}",
            "InstanceNumber": n + 1,
            "ImagePositionPatient": [0, 0, 5 * (7 - n)],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        }
        file = make_dicom(draw(kind, 100 * number + n), **{**about, **attributes})
        (folder / f"{number}-{n}.dcm").write_bytes(file)
    return uid


def search(index: Path, *words: object) -> Outcome:
    return acir("search", "--index", index, "--json", "--force", *words)


@pytest.fixture(scope="module")
def index_of_series(
    tmp_path_factory: pytest.TempPathFactory, bundle: Path, make_dicom: MakeDicom
) -> Path:
    """Return an index of twelve series of seven slices, of which three represent each."""
    folder = tmp_path_factory.mktemp("series")
    for number in range(12):
        kind = CLASSES[number % 4]
        save_series(folder / "scans" / kind, make_dicom, kind, 10 + number)
    (folder / "scans" / "bars" / "10-3.dcm").unlink()
    data = f"dicom:{folder}/scans@series3"
    words = ("--model", bundle, "--data", data, "--index", folder / "index")
    outcome = acir("index", "build", *words, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.line()["new"] == 36
    key = load_key(folder / "index" / "secret.key")
    assert outcome.err.splitlines()[-1] == (
        f"series {pseudonym(key, 'series', '1.2.10')}: slices seem to be missing after slice 3; "
        "they are 5 mm apart"
    )
    return folder / "index"


@pytest.fixture
def query(tmp_path: Path, make_dicom: MakeDicom) -> Path:
    save_series(tmp_path / "query", make_dicom, "disc", 90)
    return tmp_path / "query"


def series_of(index: Path) -> dict[str, str]:
    """Return the series of each stored picture."""
    with Store.open(index) as store, store.view() as view:
        entries = view.entries(np.arange(len(view.gallery.keys)))
        return {entry.id: entry.metadata[SERIES] for entry in entries}


def late_interaction(index: Path, slices: list[str], *words: object) -> dict[str, float]:
    """Score every series by single searches for each slice, and a plain double loop."""
    stored, best = series_of(index), list[dict[str, float]]()
    for line in slices:
        nearest = dict[str, float]()
        for hit in json.loads(line)["hits"]:
            name = stored[hit["id"]]
            nearest[name] = max(nearest.get(name, 0.0), hit["similarity"])
        best.append(nearest)
    return {name: sum(one[name] for one in best) / len(best) for name in best[0]}


@pytest.mark.parametrize("mode", ["within-distance", "fused", "content", "plain"])
def test_series_are_ordered_by_late_interaction(
    index_of_series: Path, query: Path, mode: str
) -> None:
    words = ("-k", ALL, "--mode", mode, "--keep-duplicates")
    found = search(index_of_series, "--series", query, *words).line()
    slices = search(index_of_series, f"dicom:{query}@series", *words).out.splitlines()
    assert len(slices) == len(found["views"]) == 5
    expected = late_interaction(index_of_series, slices)
    assert len(expected) == 12
    assert {hit["case"]: hit["similarity"] for hit in found["hits"]} == pytest.approx(
        expected, abs=2e-6
    )
    similarities = [hit["similarity"] for hit in found["hits"]]
    assert similarities == sorted(similarities, reverse=True)


def test_the_slices_that_decided_are_named(index_of_series: Path, query: Path) -> None:
    found = search(index_of_series, "--series", query, "-k", 3).line()
    stored = series_of(index_of_series)
    assert len(found["hits"]) == 3
    for hit in found["hits"]:
        assert [match["view"] for match in hit["matches"]] == found["views"]
        assert {stored[match["id"]] for match in hit["matches"]} == {hit["case"]}
        mean = sum(match["similarity"] for match in hit["matches"]) / 5
        assert hit["similarity"] == pytest.approx(mean, abs=2e-6)
    table = acir("search", "--index", index_of_series, "--series", query, "-k", 1, "--force").out
    assert f"{found['hits'][0]['matches'][0]['id']} (" in table.replace("\n", "")


def test_the_same_question_has_the_same_answer(index_of_series: Path, query: Path) -> None:
    first, second = (search(index_of_series, "--series", query).out for _ in range(2))
    assert first == second
    assert '"hits": [{' in first


def test_each_series_of_a_folder_is_a_question_named_by_its_hash(
    index_of_series: Path, query: Path, make_dicom: MakeDicom
) -> None:
    save_series(query, make_dicom, "bars", 91, ImagePositionPatient="")
    (query / "report.dcm").write_bytes(make_dicom(draw("bars", 1))[:-20])
    outcome = search(index_of_series, "--series", query, "-k", 2)
    torn, *lines = (json.loads(line) for line in outcome.out.splitlines())
    assert (torn["reason_code"], torn["hits"]) == ("truncated", [])
    key = load_key(index_of_series / "secret.key")
    names = [pseudonym(key, "series", uid) for uid in ("1.2.90", "1.2.91")]
    assert [line["query"] for line in lines] == names
    assert f"series {names[1]}: its slices share no geometry" in outcome.err


def test_a_series_is_no_hit_of_itself_even_without_a_patient(
    bundle: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    for number in (70, 71):
        save_series(tmp_path / "scans", make_dicom, "disc", number, PatientID="")
    save_series(tmp_path / "query", make_dicom, "disc", 71, PatientID="")
    data = f"dicom:{tmp_path}/scans@series"
    index = tmp_path / "index"
    assert acir("index", "build", "--model", bundle, "--data", data, "--index", index).code == 0
    key = load_key(index / "secret.key")
    other = pseudonym(key, "series", "1.2.70")
    found = search(index, "--series", tmp_path / "query", "--keep-duplicates").line()
    assert [hit["case"] for hit in found["hits"]] == [other]
    stored = next(name for name, series in series_of(index).items() if series != other)
    alone = search(index, "--id", stored, "--keep-duplicates").line()
    assert {series_of(index)[hit["id"]] for hit in alone["hits"]} == {other}


def test_a_series_is_a_page_too(index_of_series: Path, query: Path, tmp_path: Path) -> None:
    page = tmp_path / "answer.html"
    assert search(index_of_series, "--series", query, "--html", page).code == 0
    key = load_key(index_of_series / "secret.key")
    assert pseudonym(key, "series", "1.2.90") in page.read_text(encoding="utf-8")


def test_frames_of_one_file_are_a_series_like_its_slices(
    index_of_series: Path, query: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    frames = np.stack([draw("disc", 9000 + n) for n in range(7)])
    ids = {"PatientID": "P90", "SeriesInstanceUID": "1.2.90", "SOPInstanceUID": "1.2.90.1"}
    file = tmp_path / "frames.dcm"
    file.write_bytes(enhanced(make_dicom, frames, [lying(5.0 * (7 - n)) for n in range(7)], **ids))
    whole, slices = (search(index_of_series, "--series", place).line() for place in (file, query))
    assert len(whole["views"]) == 5
    assert whole["query"] == slices["query"]
    hits = [[(hit["case"], hit["similarity"]) for hit in one["hits"]] for one in (whole, slices)]
    assert hits[0] == hits[1]


@pytest.mark.parametrize(
    "words", [("scan.png",), ("--id", "a"), ("--together",), ("--per", "patient")]
)
def test_a_series_is_asked_about_alone(
    index_of_series: Path, query: Path, words: tuple[str, ...]
) -> None:
    outcome = search(index_of_series, "--series", query, *words)
    assert outcome.refusal().startswith("--series asks about whole series, and for one hit")


def test_a_risk_is_not_promised_for_series(index_of_series: Path, query: Path) -> None:
    outcome = search(index_of_series, "--series", query, "--risk", 0.1)
    assert "a risk is promised for a plain search by one new picture" in outcome.refusal()


def test_an_index_without_series_says_what_it_has(index: Path, query: Path) -> None:
    outcome = search(index, "--series", query)
    assert "the index has nothing named 'Series' to make cases of" in outcome.refusal()


def test_a_searcher_gives_the_slices_that_decided(index_of_series: Path, tmp_path: Path) -> None:
    views = [save(draw("disc", 9000 + n), tmp_path / f"{n}.png") for n in range(2)]
    with open_index(index_of_series) as searcher:
        hit = searcher.search_together(views, k=1, per=SERIES, force=True).hits[0]
        assert [match.view for match in hit.matches] == [str(view) for view in views]
        alone = searcher.search_together(views, k=1, force=True).hits[0]
        one = searcher.search(views[0], k=1, per=SERIES, force=True).hits[0]
    assert alone.matches == one.matches == ()


@pytest.mark.skipif(not SAMPLES.exists(), reason="there is no dicom_dev.zip")
def test_a_real_series_is_asked_about(index_of_series: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLES) as archive:
        names = [n for n in archive.namelist() if n.startswith("dcm_qa_ct/") and n[-4:] == ".dcm"]
        archive.extractall(tmp_path, names)
    outcome = search(index_of_series, "--series", tmp_path, "-k", 2)
    found: dict[str, Any] = outcome.line()
    assert len(found["views"]) == 5
    assert len(found["hits"]) == 2
    assert "the distance is not the usual one of 4.002 mm" in outcome.err
