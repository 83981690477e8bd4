"""`acir pacs export`: three objects for the study of the query, and no one's identity elsewhere."""

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread

from acir.errors import StorageError
from acir.index.store import Store
from acir.pacs.client import Client
from acir.pacs.settings import load
from acir.pacs.stow import store
from acir.picture import as_record
from acir.privacy.pseudonym import load_key, pseudonym
from acir.workflows import pacs_export
from acir.workflows.search import Request, open_index
from made_answer import INSTANCE, NAMED, PLACED, SERIES, STUDY, faults, leaked
from made_dicomweb import dicomweb, serve
from made_model import Outcome, acir, coloured, draw, foreign
from made_orthanc import CREDENTIALS, MadeOrthanc, configured

MakeDicom = Callable[..., bytes]
FILES = ["report.dcm", "heat-map.dcm", "gallery.dcm"]


@pytest.fixture
def query(tmp_path: Path, make_dicom: MakeDicom) -> Path:
    """Return a slice of a kind that the index knows, in a file named after its patient."""
    path = tmp_path / "CANARY^PATRICIA.dcm"
    path.write_bytes(make_dicom(draw("disc", 500), **NAMED, **PLACED))
    return path


def export(index: Path, query: Path | str, out: Path, *words: object) -> Outcome:
    return acir("pacs", "export", "--index", index, query, "--out", out, *words)


def read(folder: Path) -> dict[str, Dataset]:
    return {path.name: dcmread(path) for path in folder.iterdir()}


def test_three_objects_go_to_the_study_of_the_query(
    index: Path, query: Path, tmp_path: Path
) -> None:
    line = export(index, query, tmp_path / "out", "-k", 3, "--json").line()
    assert list(line) == ["verdict", "p_value", "files", "stored", "cases"]
    assert line["files"] == FILES
    made = read(tmp_path / "out")
    assert sorted(made) == sorted(FILES)
    assert {found.StudyInstanceUID for found in made.values()} == {STUDY}
    assert {found.PatientID for found in made.values()} == {"471108150947"}
    assert len({found.SeriesInstanceUID for found in made.values()} | {SERIES}) == 4
    assert len({found.SOPInstanceUID for found in made.values()} | {INSTANCE}) == 4


def test_the_answer_is_that_of_a_search(index: Path, query: Path, tmp_path: Path) -> None:
    line = export(index, query, tmp_path / "out", "-k", 3, "--json").line()
    (answer,) = acir("search", "--index", index, query, "-k", 3, "--json").lines()
    assert (line["verdict"], line["p_value"]) == (answer["verdict"], answer["p_value"])
    assert list(line["cases"].values()) == [hit["id"] for hit in answer["hits"]]
    groups = dcmread(tmp_path / "out" / "report.dcm").ContentSequence[-1].ContentSequence
    assert len(groups) == 4
    for group, name, hit in zip(groups[1:], line["cases"], answer["hits"], strict=True):
        said = {item.ConceptNameCodeSequence[0].CodeMeaning: item for item in group.ContentSequence}
        assert said["Tracking Identifier"].TextValue == name
        measured = said["Similarity"].MeasuredValueSequence[0].NumericValue
        assert float(measured) == hit["similarity"]
        assert said["Class"].TextValue == hit["label"]


def test_the_heat_map_is_the_one_that_the_gate_draws(
    index: Path, query: Path, tmp_path: Path
) -> None:
    assert export(index, query, tmp_path / "out").code == 0
    with open_index(index) as searcher:
        evidence = searcher.encode(as_record(query, searcher.key))  # of the model's own size
        expected = searcher.heat_map(evidence)
    assert expected is not None
    found = dcmread(tmp_path / "out" / "heat-map.dcm")
    assert np.array_equal(found.pixel_array, expected.numpy())
    place = found.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    assert place.ImagePositionPatient == PLACED["ImagePositionPatient"]


def test_the_heat_map_has_the_pixels_of_the_image(
    index: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    tall = np.repeat(np.repeat(draw("disc", 501), 3, axis=0), 2, axis=1)
    path = tmp_path / "a.dcm"
    path.write_bytes(make_dicom(tall, **NAMED, **PLACED))
    assert export(index, path, tmp_path / "out", "--force").code == 0
    found = dcmread(tmp_path / "out" / "heat-map.dcm")
    assert (found.Rows, found.Columns) == (96, 64)


def test_the_query_is_only_read(index: Path, query: Path, tmp_path: Path) -> None:
    before, when = query.read_bytes(), query.stat().st_mtime_ns
    assert export(index, query, tmp_path / "out").code == 0
    assert (query.read_bytes(), query.stat().st_mtime_ns) == (before, when)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CANARY^PATRICIA.dcm", "out"]


def test_the_patient_is_in_the_objects_and_nowhere_else(
    index: Path,
    query: Path,
    tmp_path: Path,
    identity: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    for words in (("--json",), ()):
        outcome = export(index, query, tmp_path / f"out{len(words)}", *words)
        assert outcome.code == 0
        said = outcome.out.replace(str(tmp_path), "") + outcome.err + caplog.text
        assert not leaked(identity, said)
    for found in read(tmp_path / "out0").values():
        assert found.PatientName == "CANARY^PATRICIA"
        told = [str(element.value) for element in found.iterall()]
        assert told.count("471108150947") == 1
        assert [text for text in told if "CANARY" in text] == ["CANARY1", "CANARY^PATRICIA"]


def test_the_names_of_other_cases_stay_inside(index: Path, query: Path, tmp_path: Path) -> None:
    line = export(index, query, tmp_path / "out", "-k", 5, "--json").line()
    key = load_key(index / "secret.key")
    with Store.open(index) as store:
        held = {entry.id for entry in store.named(list(line["cases"].values()))}
    assert set(line["cases"].values()) == held
    assert list(line["cases"]) == [
        pseudonym(key, "instance", id_) for id_ in line["cases"].values()
    ]
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        assert not [id_ for id_ in held if id_.encode() in content]
        assert b".png" not in content


def test_an_id_that_is_a_keyed_hash_stays_one() -> None:
    name = "0123456789abcdef" * 2
    assert pacs_export.hidden(b"k" * 32, name) == name
    other = pacs_export.hidden(b"k" * 32, name.upper())
    assert other == pseudonym(b"k" * 32, "instance", name.upper()) != name.upper()


def test_a_label_that_is_no_class_of_the_model_is_left_out(
    own_index: Path, query: Path, tmp_path: Path
) -> None:
    first = export(own_index, query, tmp_path / "one", "-k", 1, "--json").line()
    (id_,) = first["cases"].values()
    with Store.open(own_index) as store:
        (entry,) = store.named([id_])
        store.add([type(entry)(**{**vars(entry), "label": "Mrs Canary|disc"})])
    again = export(own_index, query, tmp_path / "two", "-k", 1, "--json").line()
    assert again["cases"] == first["cases"]
    report = (tmp_path / "two" / "report.dcm").read_bytes()
    assert b"Canary" not in report
    assert b"disc" in report


def test_an_unknown_query_has_a_verdict_and_no_case(
    index: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(make_dicom(foreign(1), **NAMED, **PLACED))
    line = export(index, path, tmp_path / "out", "--json").line()
    assert (line["verdict"], line["cases"], line["files"]) == ("unknown", {}, FILES)
    forced = export(index, path, tmp_path / "forced", "--force", "-k", 2, "--json").line()
    assert len(forced["cases"]) == 2
    colours = dcmread(tmp_path / "forced" / "gallery.dcm").pixel_array.astype(int)
    assert np.ptp(colours, axis=2).max() > 100  # the heat map over the query


def test_what_the_preflight_refuses_has_no_heat_map(
    index: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(make_dicom(np.full((32, 32), 90, dtype=np.uint8), **NAMED, **PLACED))
    outcome = export(index, path, tmp_path / "out", "--json")
    assert outcome.line()["files"] == ["report.dcm", "gallery.dcm"]
    assert "there is no parametric map: the image lies in no known place or" in outcome.err
    assert "blank" in str(dcmread(tmp_path / "out" / "report.dcm"))


def test_a_radiograph_has_no_place_and_so_no_parametric_map(
    index: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(make_dicom(draw("disc", 502), **NAMED, Modality="DX"))
    assert export(index, path, tmp_path / "out", "--json").line()["files"] == [
        "report.dcm",
        "gallery.dcm",
    ]


def test_of_several_frames_the_one_that_was_read_is_named(
    index: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(make_dicom(np.stack([draw("disc", n) for n in (503, 504, 505)]), **NAMED))
    assert export(index, path, tmp_path / "out").code == 0
    report = dcmread(tmp_path / "out" / "report.dcm")
    group = report.ContentSequence[-1].ContentSequence[0].ContentSequence
    (image,) = [item for item in group if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedFrameNumber == 2


def test_a_query_in_colour_is_answered(index: Path, tmp_path: Path, make_dicom: MakeDicom) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(make_dicom(coloured(draw("disc", 506)), **NAMED, **PLACED))
    outcome = export(index, path, tmp_path / "out", "--force")
    assert outcome.code == 0
    assert "1 picture" in outcome.err  # the model is grey
    assert sorted(read(tmp_path / "out")) == sorted(FILES)


def test_a_validator_finds_no_error_in_what_is_written(
    index: Path, query: Path, tmp_path: Path
) -> None:
    assert export(index, query, tmp_path / "out").code == 0
    for found in read(tmp_path / "out").values():
        assert faults(found, tmp_path) == []


def test_other_pictures_are_refused(index: Path, tmp_path: Path) -> None:
    path = tmp_path / "CANARY.png"
    Image.fromarray(draw("disc", 507)).save(path)
    said = export(index, path, tmp_path / "out").refusal()
    assert said == (
        "the query is no DICOM file, expected one: a result goes back to the study of its image; "
        "use `acir search` for other pictures"
    )
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_refused(index: Path, tmp_path: Path) -> None:
    said = export(index, tmp_path / "CANARY.dcm", tmp_path / "out").refusal()
    assert said == "cannot read the query: No such file or directory"


def test_a_file_that_cannot_be_decoded_is_refused(index: Path, query: Path, tmp_path: Path) -> None:
    query.write_bytes(query.read_bytes()[:-100])
    said = export(index, query, tmp_path / "out").refusal()
    assert said.startswith("cannot read the query: the file ends before its pixels do")


def test_an_image_that_names_no_study_is_refused(
    index: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(make_dicom(draw("disc", 508)))
    said = export(index, path, tmp_path / "out").refusal()
    assert said.startswith("the query has no valid StudyInstanceUID, expected one")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_there_is_not_overwritten(
    index: Path, query: Path, tmp_path: Path, what: str
) -> None:
    out = tmp_path / "out"
    out.write_text("mine", encoding="utf-8") if what == "file" else out.mkdir()
    if what == "folder":
        assert export(index, query, out).code == 0  # an empty one will do
    said = export(index, query, out).refusal()
    assert said == f"there is something at {out} already; name a new or an empty folder"


def test_a_full_disk_leaves_nothing(
    index: Path, query: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pydicom.dataset.Dataset.save_as", full)
    with pytest.raises(StorageError, match=r"cannot write to .*out: No space left on device; make"):
        pacs_export.export(index, str(query), pacs_export.Place(tmp_path / "out"), Request(k=1))
    assert [path.name for path in tmp_path.iterdir()] == [query.name]


def test_what_a_killed_call_left_is_no_hindrance(index: Path, query: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "report.dcm").write_bytes(b"half")
    assert export(index, query, tmp_path / "out").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [query.name, "out"]


def test_a_missing_library_is_named(
    index: Path, query: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("acir.workflows.pacs_export")
    monkeypatch.delitem(sys.modules, "acir.workflows.pacs_export")
    monkeypatch.setitem(sys.modules, "highdicom", None)
    said = export(index, query, tmp_path / "out").refusal()
    assert said == (
        "acir pacs export needs 'highdicom', which is not installed. Install it with: "
        "pip install 'acir[pacs]'"
    )


# With a real Orthanc.


def held_by(made: MadeOrthanc, identifier: str) -> bytes:
    """Return an instance as an Orthanc holds it."""
    place = f"{made.url}/instances/{identifier}/file"
    return httpx.get(place, auth=CREDENTIALS).raise_for_status().content


def listed(made: MadeOrthanc, path: str) -> list[str]:
    return list(httpx.get(f"{made.url}{path}", auth=CREDENTIALS).raise_for_status().json())


def to_orthanc(
    folder: Path, made: MadeOrthanc, index: Path, model: Path | None = None, **keys: object
) -> Path:
    (folder / "configuration").mkdir()
    return configured(folder / "configuration", made, index, model=model, **keys)


def test_an_orthanc_takes_all_three_and_gives_them_back(
    index: Path, query: Path, tmp_path: Path, orthanc: MadeOrthanc
) -> None:
    original = orthanc.store(query.read_bytes())
    to = to_orthanc(tmp_path, orthanc, index)
    assert export(index, query, tmp_path / "out", "--to", to, "--json").line()["stored"] == 3
    held = {
        found.SOPInstanceUID: found
        for identifier in orthanc.instances()
        if (found := dcmread(BytesIO(held_by(orthanc, identifier))))
    }
    assert len(held) == 4
    for written in read(tmp_path / "out").values():
        assert held[written.SOPInstanceUID] == written
    assert held_by(orthanc, original) == query.read_bytes()
    assert len({found.StudyInstanceUID for found in held.values()}) == 1
    assert len({found.PatientID for found in held.values()}) == 1
    counts = [len(listed(orthanc, f"/{level}")) for level in ("patients", "studies", "series")]
    assert counts == [1, 1, 4]


def test_an_instance_of_the_pacs_is_answered_by_its_uids(
    index: Path, query: Path, tmp_path: Path, orthanc: MadeOrthanc
) -> None:
    orthanc.store(query.read_bytes())
    both = to_orthanc(tmp_path, orthanc, index, name="main")
    asked = f"{STUDY}/{SERIES}/{INSTANCE}"
    words = ("--from", both, "--server", "main", "-k", 3, "--json")
    line = export(index, asked, tmp_path / "out", *words, "--to", both).line()
    assert line["stored"] == 3
    assert len(orthanc.instances()) == 4
    by_file = export(index, query, tmp_path / "file", "-k", 3, "--json").line()
    assert line["cases"] == by_file["cases"]
    assert {found.StudyInstanceUID for found in read(tmp_path / "out").values()} == {STUDY}


def test_what_was_fetched_must_be_what_was_asked_for(
    index: Path, query: Path, tmp_path: Path
) -> None:
    asked = f"{STUDY}/{SERIES}/1.2.3"
    with serve(dicomweb({asked: query.read_bytes()})) as server:
        source = tmp_path / "pacs.toml"
        source.write_text(f'index = "a"\n[[servers]]\nname = "b"\nurl = "{server.url}"\n')
        outcome = export(index, asked, tmp_path / "out", "--from", source)
    assert outcome.code == 1
    assert "the server gives another instance than was asked for; nothing was" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("asked", ["1.2/3.4", "1.2/3/4/5", "../instances/1/2", " ", "1.2/3/x"])
def test_uids_of_one_instance_are_needed(index: Path, tmp_path: Path, asked: str) -> None:
    said = export(index, asked, tmp_path / "out", "--from", tmp_path / "pacs.toml").refusal()
    assert said == (
        "the query is not understood; expected the UIDs of one instance as STUDY/SERIES/SOP, each "
        "of digits and dots"
    )


@pytest.mark.parametrize("feed", ["changes", "qido"])
def test_no_result_comes_back_as_a_picture(
    index: Path, query: Path, tmp_path: Path, orthanc: MadeOrthanc, bundle: Path, feed: str
) -> None:
    orthanc.store(query.read_bytes())
    keys = {"orthanc": ""} if feed == "qido" else {}
    both = to_orthanc(tmp_path, orthanc, tmp_path / "followed", bundle, **keys)
    assert export(index, query, tmp_path / "out", "--to", both, "--json").line()["stored"] == 3
    assert len(orthanc.instances()) == 4
    words = ("pacs", "sync", both, "--once", "--device", "cpu", "--json")
    found = acir(*words).line()
    assert {key: found[key] for key in ("taken", "passed", "failed")} == {
        "taken": 1, "passed": 3, "failed": 0,
    }  # fmt: skip
    with Store.open(tmp_path / "followed") as store, store.view() as view:
        (entry,) = view.entries(np.arange(len(view.gallery.keys)))
        key = load_key(tmp_path / "followed" / "secret.key")
        assert entry.id == pseudonym(key, "instance", INSTANCE)


def test_the_same_files_sent_again_are_no_duplicates(
    index: Path, query: Path, tmp_path: Path, orthanc: MadeOrthanc
) -> None:
    to = to_orthanc(tmp_path, orthanc, index)
    assert export(index, query, tmp_path / "out", "--to", to).code == 0
    made = read(tmp_path / "out")
    server = load(to).server()
    files = {
        str(found.SOPInstanceUID): (tmp_path / "out" / name).read_bytes()
        for name, found in made.items()
    }
    with Client(server, server.url) as client:
        store(client, STUDY, files)
    assert len(orthanc.instances()) == 3
    # An export once more is another result.
    assert export(index, query, tmp_path / "again", "--to", to).code == 0
    assert len(orthanc.instances()) == 6


def test_a_server_that_refuses_leaves_the_files(
    index: Path, query: Path, tmp_path: Path, orthanc: MadeOrthanc
) -> None:
    to = to_orthanc(tmp_path, orthanc, index, name="main")
    (to.parent / "credentials").write_text("indexer:wrong", encoding="utf-8")
    out = tmp_path / "out"
    outcome = export(index, query, out, "--to", to, "--server", "main")
    assert outcome.code == 1
    assert outcome.err.endswith(
        "error: the server main refuses the credentials (status 401); check them; the objects are "
        f"in {out} and can be sent again\n"
    )
    assert sorted(read(out)) == sorted(FILES)
    assert orthanc.instances() == []


def test_a_server_is_found_before_the_work_begins(index: Path, query: Path, tmp_path: Path) -> None:
    out, to = tmp_path / "out", tmp_path / "pacs.toml"
    said = export(index, query, out, "--server", "main").refusal()
    assert said == "the server main is of no configuration; name its file by --to or --from"
    assert "cannot be read" in export(index, query, out, "--to", to).refusal()
    to.write_text('index = "a"\n[[servers]]\nname = "b"\nurl = "https://c"', encoding="utf-8")
    said = export(index, query, out, "--to", to, "--server", "main").refusal()
    assert said.startswith("the configuration has no server 'main'; name one of b.")
    assert not out.exists()
