"""`acir deid`: a folder without identity, what is kept back, and going on after a stop."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from acir.errors import BusyError, SourceError, UsageError
from acir.pacs.guard import Pool
from acir.pacs.release import Released
from acir.privacy.deid import Profile
from acir.privacy.pseudonym import KEY_VARIABLE, load_key
from acir.workflows.deid import Outcome, deidentify, review
from acir.workflows.release_journal import JOURNAL, Journal, quarantine_of
from made_model import acir

MakeDicom = Callable[..., bytes]
GREY = np.arange(-30, 30, dtype=np.int16).reshape(6, 10)


@pytest.fixture(autouse=True)
def _no_key_and_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")  # without tesseract, so that ultrasound is kept back


@pytest.fixture
def scans(tmp_path: Path, make_dicom: MakeDicom) -> Path:
    """Return a folder, called after its patient, with a study of three slices and an ultrasound."""
    folder = tmp_path / "scans" / "CANARY_PATRICIA"
    folder.mkdir(parents=True)
    study = {"StudyInstanceUID": "1.2.7", "SeriesInstanceUID": "1.2.8", "StudyDate": "20240301"}
    for number in range(3):
        data = make_dicom(GREY + number, SOPInstanceUID=f"1.2.9.{number}", **study)
        (folder / f"CANARY{number}.dcm").write_bytes(data)
    ultrasound = make_dicom(GREY, SOPInstanceUID="1.2.9.9", Modality="US", **study)
    (folder / "us.dcm").write_bytes(ultrasound)
    (folder / "z.dcm").write_bytes(b"Dear Mrs CANARY")
    (folder / "notes.txt").write_text("CANARY")
    return tmp_path / "scans"


def _outputs(out: Path) -> list[Path]:
    return sorted(path for path in out.rglob("*") if path.is_file())


def test_a_study_is_written_under_one_patient_and_series(scans: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    said: list[str] = []
    outcome = deidentify(scans, out, key_file=key, dates=True, say=said.append)
    assert outcome == Outcome(released=3, quarantined=1, failed=1, present=0)
    outputs = _outputs(out)
    assert len(outputs) == 3
    assert len({path.parent for path in outputs}) == 1
    days = {dcmread(path).StudyDate for path in outputs}
    assert len(days) == 1
    assert days != {"20240301"}
    assert said == [
        "kept back 2 files; see `acir deid review OUT`:",
        "  DICOM file 4 of 5: it may show a name, no rule says where, and tesseract is missing",
        "  DICOM file 5 of 5: its content is not DICOM",
    ]
    assert len(key.read_bytes()) == 32


def test_nothing_that_is_written_or_said_names_the_patient(
    scans: Path, tmp_path: Path, identity: tuple[str, ...]
) -> None:
    key = tmp_path / "key"
    done = acir("deid", scans, tmp_path / "out", "--key-file", key)
    listed = acir("deid", "review", tmp_path / "out")
    as_json = acir("deid", "review", tmp_path / "out", "--json")
    texts = [text for o in (done, listed, as_json) for text in (o.out, o.err)]
    for folder in (tmp_path / "out", tmp_path / "out.quarantine"):
        for path in _outputs(folder):
            texts += [str(path.relative_to(tmp_path)), path.read_bytes().decode("latin-1")]
    assert len(texts) > 12
    assert not [word for word in identity for text in texts if word in text]


def test_what_was_kept_back_is_listed_with_its_reason(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    deidentify(scans, out, key_file=tmp_path / "key")
    quarantined, failed = review(out)
    assert quarantined.state == "quarantined"
    assert quarantined.reason == "it may show a name, no rule says where, and tesseract is missing"
    assert failed.state == "failed"
    assert failed.place is None
    assert quarantined.place == f"{quarantined.name}.dcm"
    left = dcmread(tmp_path / "out.quarantine" / quarantined.place)
    assert left.PatientName != "CANARY^PATRICIA"
    assert acir("deid", "review", out).out.splitlines() == [
        f"quarantined {quarantined.name} (DICOM file 4 of 5): {quarantined.reason}",
        f"failed {failed.name} (DICOM file 5 of 5): its content is not DICOM",
    ]
    (listed,) = acir("deid", "review", out, "--json").lines()
    assert [entry["state"] for entry in listed["kept_back"]] == ["quarantined", "failed"]


def test_the_same_again_writes_nothing_and_a_new_file_alone_is_taken(
    scans: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    deidentify(scans, out, key_file=key)
    before = {path: path.stat().st_mtime_ns for path in _outputs(out)}
    again = deidentify(scans, out, key_file=key)
    assert again == Outcome(released=0, quarantined=0, failed=1, present=4)
    new = make_dicom(GREY, SOPInstanceUID="1.2.10", StudyInstanceUID="1", SeriesInstanceUID="1")
    (scans / "new.dcm").write_bytes(new)
    assert deidentify(scans, out, key_file=key).released == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_an_output_that_was_lost_or_changed_is_written_again(scans: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    deidentify(scans, out, key_file=key)
    lost, changed, kept = _outputs(out)
    content = changed.read_bytes()
    lost.unlink()
    changed.write_bytes(b"changed")
    assert deidentify(scans, out, key_file=key) == Outcome(2, 0, 1, 2)
    assert _outputs(out) == [lost, changed, kept]
    assert changed.read_bytes() == content


@pytest.mark.parametrize("stopped_at", [1, 3])
def test_a_run_that_was_stopped_goes_on_and_leaves_nothing_half_written(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    calls, honest = iter(range(100)), Pool.release

    def stopping(pool: Pool, data: bytes, profile: Profile, name: str) -> Released:
        if next(calls) == stopped_at:
            raise KeyboardInterrupt
        return honest(pool, data, profile, name)

    monkeypatch.setattr(Pool, "release", stopping)
    with pytest.raises(KeyboardInterrupt):
        deidentify(scans, out, key_file=key)
    monkeypatch.setattr(Pool, "release", honest)
    with (tmp_path / "out.quarantine" / JOURNAL).open("a") as journal:
        journal.write('{"name": "cut')
    outcome = deidentify(scans, out, key_file=key)
    assert outcome.present == stopped_at
    assert len(_outputs(out)) == 3
    assert not [*tmp_path.rglob("*.part")]
    assert len(review(out)) == 2


def test_two_runs_at_once_do_not_write_to_one_folder(scans: Path, tmp_path: Path) -> None:
    out, profile = tmp_path / "out", Profile(load_key(tmp_path / "key"))
    with (
        closing(Journal.open(out, profile)),
        pytest.raises(BusyError, match=r"another run writes to .*out; wait until it has ended"),
    ):
        deidentify(scans, out, key_file=tmp_path / "key")
    assert deidentify(scans, out, key_file=tmp_path / "key").released


def test_another_file_of_the_same_instance_is_not_written_over_the_first(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    scans, out, key = tmp_path / "scans", tmp_path / "out", tmp_path / "key"
    scans.mkdir()
    uids = {"SOPInstanceUID": "1.2", "StudyInstanceUID": "1.3", "SeriesInstanceUID": "1.4"}
    for number in range(2):
        (scans / f"{number}.dcm").write_bytes(make_dicom(GREY + number, **uids))
    assert deidentify(scans, out, key_file=key) == Outcome(1, 0, 1, 0)
    (entry,) = review(out)
    assert entry.reason == "it has the instance UID of an earlier file, and other content"
    (only,) = _outputs(out)
    assert np.array_equal(dcmread(only).pixel_array, GREY)


def test_a_single_file_is_taken_whatever_it_is_called(scans: Path, tmp_path: Path) -> None:
    file = scans / "CANARY_PATRICIA" / "CANARY0.dcm"
    assert deidentify(file, tmp_path / "out", key_file=tmp_path / "key").released == 1


def test_a_file_that_cannot_be_opened_is_counted(scans: Path, tmp_path: Path) -> None:
    (scans / "a.dcm").symlink_to(tmp_path / "big.dcm")
    with (tmp_path / "big.dcm").open("wb") as big:
        big.truncate(2**30)
    outcome = deidentify(scans, tmp_path / "out", key_file=tmp_path / "key")
    assert outcome.failed == 2
    reasons = {entry.reason for entry in review(tmp_path / "out")}
    assert "the file is larger than 512 MiB" in reasons


def test_some_unreadable_files_are_counted_and_nothing_else_is_refused(
    scans: Path, tmp_path: Path
) -> None:
    key = ("--key-file", tmp_path / "key")
    assert acir("deid", scans, tmp_path / "out", *key, "--json").done()["failed"] == 1
    for path in scans.rglob("*.dcm"):
        if path.name != "z.dcm":
            path.unlink()
    for _ in range(2):
        said = acir("deid", scans, tmp_path / "new", *key).refusal()
        assert said == (
            "none of 1 DICOM file can be read, such as DICOM file 1 of 1 (its content is not "
            "DICOM); give some that can"
        )
    assert not _outputs(tmp_path / "new")
    assert [entry.state for entry in review(tmp_path / "new")] == ["failed"]
    assert acir("deid", scans, tmp_path / "out", *key).code == 2  # nor was it before


def test_the_key_may_come_from_the_environment(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(bytes(32))
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    deidentify(scans, tmp_path / "one", key_file=None)
    deidentify(scans, tmp_path / "two", key_file=key)
    names = [{p.name for p in _outputs(tmp_path / out)} for out in ("one", "two")]
    assert names[0] == names[1]
    with pytest.raises(UsageError, match=f"--key-file names {other}, and {KEY_VARIABLE} names"):
        deidentify(scans, tmp_path / "three", key_file=other)


def test_refusals_are_one_sentence_and_leave_nothing(scans: Path, tmp_path: Path) -> None:
    out, key, empty = tmp_path / "out", tmp_path / "key", tmp_path / "empty"
    empty.mkdir()
    taken, file = tmp_path / "taken", tmp_path / "file"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    file.write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    refused = [
        ((tmp_path / "nowhere", out, key), "there is nothing at .*nowhere; give a DICOM file or a"),
        ((empty, out, key), "holds no DICOM file; give a folder that does"),
        ((scans, scans / "out", key), "lie within each other; give a folder elsewhere"),
        ((scans, tmp_path, key), "lie within each other; give a folder elsewhere"),
        ((scans, file, key), "file is a file; give a folder as OUT"),
        ((scans, out, None), "there is no key; name its file with --key-file or in ACIR_KEY_FILE"),
        ((scans, out, out / "key"), "which is handed on; keep it elsewhere"),
    ]
    for (source, to, key_file), sentence in refused:
        with pytest.raises((UsageError, SourceError), match=sentence):
            deidentify(source, to, key_file=key_file)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(UsageError, match="holds files that `acir deid` has not written; give ano"):
        deidentify(scans, taken, key_file=key)
    with pytest.raises(UsageError, match=r"there is no .*journal\.jsonl; give the folder that"):
        review(taken)


@pytest.mark.parametrize("damage", [b"", b"\n", b"3\n", b"{}\n{}\n", b"{}\n\xff\n"])
def test_a_damaged_journal_is_refused_in_one_sentence(
    scans: Path, tmp_path: Path, damage: bytes
) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    deidentify(scans, out, key_file=key)
    quarantine_of(out).joinpath(JOURNAL).write_bytes(damage)
    sentence = r"journal\.jsonl is not what `acir deid` writes \(.+\); restore it, or give another"
    with pytest.raises(UsageError, match=sentence):
        deidentify(scans, out, key_file=key)
    with pytest.raises(UsageError, match=sentence):
        review(out)


@pytest.mark.parametrize("changed", ["key", "dates"])
def test_one_folder_has_one_key_and_one_way(scans: Path, tmp_path: Path, changed: str) -> None:
    out = tmp_path / "out"
    deidentify(scans, out, key_file=tmp_path / "key")
    key_file = tmp_path / ("other" if changed == "key" else "key")
    with pytest.raises(UsageError, match=f"was made with another {changed}; give another folder"):
        deidentify(scans, out, key_file=key_file, dates=changed == "dates")


def test_the_command_line_has_counts_and_needs_no_second_word(scans: Path, tmp_path: Path) -> None:
    done = acir("deid", scans, tmp_path / "out", "--key-file", tmp_path / "key", "--json")
    assert done.line() == {"released": 3, "quarantined": 1, "failed": 1, "present": 0}
    options_first = acir("deid", "--key-file", tmp_path / "key", scans, tmp_path / "out")
    assert options_first.code == 0
    assert "present: 4" in options_first.out
    assert acir("deid", scans, tmp_path / "new").refusal().startswith("there is no key; name")
    usage = " ".join(acir("deid", "--help").out.split())
    assert usage.startswith("Usage: acir deid")
    assert "deid deid" not in usage
    assert "acir deid review" in usage
    journal = (tmp_path / "out.quarantine" / JOURNAL).read_text().splitlines()
    assert json.loads(journal[0])["dates"] is False


def test_nothing_is_kept_back_from_ordinary_files(tmp_path: Path, make_dicom: MakeDicom) -> None:
    uids = {"StudyInstanceUID": "1.3", "SeriesInstanceUID": "1.4"}
    (tmp_path / "a.dcm").write_bytes(make_dicom(GREY, **uids))
    acir("deid", tmp_path / "a.dcm", tmp_path / "out", "--key-file", tmp_path / "key")
    assert acir("deid", "review", tmp_path / "out").out == "nothing was kept back\n"
    (only,) = _outputs(tmp_path / "out")
    assert dcmread(BytesIO(only.read_bytes())).Modality == "CT"


def test_a_file_that_makes_its_decoder_crash_is_counted(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nfrom acir.pacs import release\n"
        "release.pixel_array = lambda *_, **__: os.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    outcome = deidentify(scans, tmp_path / "out", key_file=tmp_path / "key")
    assert outcome == Outcome(released=3, quarantined=0, failed=2, present=0)
    reasons = {entry.reason for entry in review(tmp_path / "out")}
    assert "its content made the decoder crash" in reasons
