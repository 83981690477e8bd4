"""A patient is erased, and every byte of the folder is read to prove it."""

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acir.errors import StorageError
from acir.governance.audit import Actor, AuditLog
from acir.governance.lists import Lists, Picture
from acir.governance.people import People
from acir.governance.vault import Vault
from acir.index import remnants
from acir.index.entry import Entry
from acir.index.store import Store
from acir.types import Skipped
from acir.workflows import erasure
from made_model import acir

PATIENT, OTHER = "a" * 31 + "1", "b" * 31 + "2"


def _all(store: Store) -> list[Entry]:
    with store.view() as view:
        return view.entries(np.arange(len(view.gallery.keys)))


@pytest.fixture
def place(own_index: Path) -> Path:
    """Return an index in which every third picture is of one patient, and the others of another."""
    with Store.open(own_index) as store:
        # Tests before may have copied the index that this is a copy of, which it remembers.
        store._database.read("drop table if exists copy")
        store.add(
            replace(entry, patient=OTHER if n % 3 else PATIENT)
            for n, entry in enumerate(_all(store))
        )
    return own_index


@pytest.fixture
def mine(place: Path) -> list[Entry]:
    with Store.open(place) as store:
        return [entry for entry in _all(store) if entry.patient == PATIENT]


def _bytes(folder: Path) -> bytes:
    """Return all that lies in the folder of an index, but for its bundle."""
    files = [file for file in folder.rglob("*") if file.is_file() and "bundle" not in file.parts]
    return b"".join(file.read_bytes() for file in files)


def _needles(entry: Entry) -> list[bytes]:
    """Return what tells a picture, at another place of its blobs than the program looks at."""
    assert entry.thumbnail is not None
    embedding = entry.embedding.tobytes()
    return [entry.id.encode(), entry.pixel_hash.encode(), embedding[:40], entry.thumbnail[60:100]]


def test_nothing_of_an_erased_patient_is_left_in_any_byte(place: Path, mine: list[Entry]) -> None:
    before = _bytes(place)
    assert PATIENT.encode() in before
    assert all(needle in before for entry in mine for needle in _needles(entry))
    line = acir("index", "delete", "--index", place, "--patient", PATIENT, "--json").line()
    assert (line["deleted"], line["remains"], line["copies"]) == (len(mine), [], {})
    after = _bytes(place)
    assert PATIENT.encode() not in after
    with Store.open(place) as store:
        shared = {entry.pixel_hash for entry in _all(store)}
        assert all(entry.patient == OTHER for entry in _all(store))
    alone = [entry for entry in mine if entry.pixel_hash not in shared]
    assert alone
    assert not any(needle in after for entry in alone for needle in _needles(entry))
    assert acir("index", "verify", "--index", place).code == 0


def test_a_model_that_learned_from_the_patient_is_told_apart(place: Path) -> None:
    outcome = acir("index", "delete", "--index", place, "--patient", PATIENT)
    assert outcome.code == 0, outcome.err
    assert "nothing of the patient was found in the files of the index" in outcome.out
    assert (
        "the model learned from the patient (a pixel hash in training.json of the bundle); train "
        "it anew without them"
    ) in outcome.out


def test_dead_letters_of_the_erased_pictures_go_too(place: Path, mine: list[Entry]) -> None:
    with Store.open(place) as store:
        store.keep_dead_letters("s", [Skipped("kept.png", "torn"), Skipped("absent.png", "torn")])
        store._database.read(
            "update dead_letter set name = ? where name = 'absent.png'", mine[0].path
        )
        assert len(store.dead_letters()) == 2
    assert erasure.erase(place, PATIENT).remains == ()
    with Store.open(place) as store:
        assert [letter.path for letter in store.dead_letters()] == ["kept.png"]


def test_copies_that_still_hold_the_patient_are_listed(place: Path, tmp_path: Path) -> None:
    names = {name: tmp_path / name for name in ("kept", "erased", "gone", "torn", "all.parquet")}
    for name in ("kept", "erased", "gone", "torn"):
        assert acir("index", "backup", "--index", place, "--to", names[name]).code == 0
    assert acir("index", "export", "--index", place, "--to", names["all.parquet"]).code == 0
    assert acir("index", "delete", "--index", names["erased"], "--patient", PATIENT).code == 0
    shutil.rmtree(names["gone"])
    (names["torn"] / "store.sqlite").write_bytes(b"nothing")
    copies = erasure.erase(place, PATIENT).copies
    said = {Path(place).name: text for place, text in copies.items()}
    holds = "still holds the patient; erase them there too"
    assert said.pop("torn").startswith("could not be read: the index at ")
    assert said == {
        "kept": holds,
        "erased": "does not hold the patient",
        "gone": "is not there any more; if it was moved, look there",
        "all.parquet": holds,
    }
    outcome = acir("index", "delete", "--index", place, "--patient", PATIENT)
    assert f"copy {names['kept']}: {holds}" in outcome.out


def test_a_copy_that_nobody_may_look_at_is_told_and_the_rest_of_the_proof_stays(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, look = tmp_path / "locked", Path.stat
    assert acir("index", "backup", "--index", place, "--to", copy).code == 0

    def stat(path: Path, **how: bool) -> os.stat_result:
        if path == copy:
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    found = erasure.erase(place, PATIENT)
    assert found.deleted > 0
    assert found.remains == ()
    said = f"could not be read: nobody can look at {copy} (Permission denied); give access to it"
    assert found.copies[str(copy)].startswith(said)


def test_what_remains_is_told_and_fails(place: Path, mine: list[Entry]) -> None:
    alone = next(entry for entry in mine if entry.thumbnail)
    (place / "notes.txt").write_bytes(b"x" * 5 + PATIENT.encode() + b"." + alone.id.encode())
    outcome = acir("index", "delete", "--index", place, "--patient", PATIENT)
    assert outcome.code == 1
    assert "remains: an id or a path in notes.txt" in outcome.out
    assert "remains: the pseudonym in notes.txt" in outcome.out
    assert "something of the patient remains in the index" in outcome.err


def test_what_a_reader_keeps_alive_is_told(place: Path) -> None:
    with Store.open(place) as reader, reader.view():
        found = erasure.erase(place, PATIENT)
        assert "the pseudonym in store.sqlite-wal" in found.remains or (
            "the pseudonym in store.sqlite" in found.remains
        )
    assert erasure.erase(place, PATIENT).remains == ()


def test_the_record_of_an_erasure_stays(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    words = ("--model", bundle, "--data", f"{pictures}#val", "--index", index, "--audited")
    assert acir("index", "build", *words).code == 0
    with Store.open(index) as store:
        store.add(replace(entry, patient=PATIENT) for entry in _all(store)[:2])
    outcome = acir("index", "delete", "--index", index, "--patient", PATIENT)
    assert outcome.code == 0, outcome.err
    assert "1 record of the audit log names the pseudonym; such a record stays until" in outcome.out
    with AuditLog.open(index) as log:
        last = list(log.records())[-1].event
    assert (last.action, last.patients, last.count) == ("erase", (PATIENT,), 2)


def test_a_patient_who_is_not_there_is_no_error(place: Path) -> None:
    found = erasure.erase(place, "c" * 32)
    assert (found.deleted, found.remains) == (0, ())


def test_an_unclear_erasure_is_refused(place: Path) -> None:
    words = ("index", "delete", "--index", place, "--patient")
    assert acir(*words, "Doe").refusal() == (
        "'Doe' is no pseudonym of a patient; give the 32 hexadecimal digits that the index keeps"
    )
    assert acir(*words, PATIENT, "--where", "label=disc").refusal() == (
        "give the ids to delete, --where key=value or --patient pseudonym, one of the three"
    )


def test_traces_are_found_at_every_place_and_across_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remnants, "CHUNK", 64)
    needles = {b"needle-one": "one", b"needle-two-is-longer": "two"}
    for place in range(150):
        content = bytearray(b"needle" * 40)
        content[place : place + 10] = b"needle-one"
        (tmp_path / "file").write_bytes(content)
        assert remnants.found(tmp_path, needles) == ["one in file"]
    (tmp_path / "file").write_bytes(b"short")
    assert remnants.found(tmp_path, needles) == []
    (tmp_path / "skipped-file").write_bytes(b"needle-one")
    assert remnants.found(tmp_path, needles, beside=["skipped"]) == []


def test_a_file_that_cannot_be_read_is_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StorageError, match=r"cannot read .*file \(Input/output error\)"):
        remnants.found(tmp_path, {b"needle-one": "one"})


def test_what_another_picture_has_by_right_is_not_sought(place: Path, mine: list[Entry]) -> None:
    twin = replace(mine[0], id=mine[0].id + "0", patient=OTHER)
    with Store.open(place) as store:
        store.add([twin])
    assert erasure.erase(place, PATIENT).remains == ()


def test_an_erased_patient_is_on_no_list_any_more(place: Path, mine: list[Entry]) -> None:
    by = Actor("ada")
    with AuditLog.create(place) as log, Vault(place, log) as vault:
        People(vault).add("ada", None, by)
        own = Lists(vault)
        key = own.make("odd", by)
        with Store.open(place) as store:
            other = next(entry for entry in _all(store) if entry.patient == OTHER)
        for entry in (mine[0], other):
            own.put(key, Picture(entry.id, entry.patient, "default"), "seen before", by)
    found = erasure.erase(place, PATIENT)
    assert (found.listed, found.remains) == (1, ())
    assert "1 picture was taken off the lists of people, with every note" in list(found.lines())
    with AuditLog.open(place) as log, Vault(place, log) as vault:
        assert [noted.picture for noted in Lists(vault).read(key, "ada")[1]] == [other.id]


def test_what_is_on_a_list_would_be_found(place: Path, mine: list[Entry]) -> None:
    by = Actor("ada")
    with AuditLog.create(place) as log, Vault(place, log) as vault:
        People(vault).add("ada", None, by)
        own = Lists(vault)
        own.put(own.make("odd", by), Picture(mine[0].id, PATIENT, "default"), "", by)
        needles = {PATIENT.encode(): "the pseudonym"}
        files = remnants.found(place, needles, beside=("audit.sqlite", "store.sqlite"))
    assert any("access.sqlite" in line for line in files)
