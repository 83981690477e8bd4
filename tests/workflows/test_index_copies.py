"""`acir index` compact, backup, restore, export, import: on the command line, with the bundle."""

import os
import shutil
from errno import EIO
from pathlib import Path

import numpy as np
import pytest

from acir.bundle import load_bundle
from acir.index.store import Store
from made_model import acir, damage, tree


def info(index: Path) -> dict[str, object]:
    return acir("index", "info", "--index", index, "--json").line()


def ids(index: Path) -> list[str]:
    with Store.open(index) as store, store.view() as view:
        return [one.id for one in view.entries(np.arange(len(view.gallery.keys)))]


def said(words: tuple[object, ...], code: int) -> str:
    outcome = acir("index", *words)
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    return outcome.err


def test_a_backup_restored_is_the_index(index: Path, tmp_path: Path, pictures: Path) -> None:
    outcome = acir("index", "backup", "--index", index, "--to", tmp_path / "copy", "--json")
    told = outcome.line()
    assert (told["n"], told["generation"]) == (info(index)["n"], info(index)["generation"])
    restore = ("--from", tmp_path / "copy", "--index", tmp_path / "again", "--json")
    assert acir("index", "restore", *restore).line() == told
    assert acir("index", "verify", "--index", tmp_path / "again").out == "the index is whole\n"
    query = pictures / "test" / "disc" / "120.png"
    answers = [
        acir("search", "--index", place, query, "--json").out
        for place in (index, tmp_path / "again")
    ]
    assert answers[0] == answers[1]
    key = tmp_path / "again" / "secret.key"
    assert key.read_bytes() == (index / "secret.key").read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0  # it holds the key
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "copy"]


def test_a_backup_is_not_written_over_anything(own_index: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "notes.txt").write_text("mine")
    err = said(("backup", "--index", own_index, "--to", tmp_path / "copy"), 2)
    assert "there is something at" in err
    assert list(tree(tmp_path / "copy")) == ["notes.txt"]


def test_a_refused_copy_is_not_remembered_as_one(own_index: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    for words in (("copy", "--engine", "flat"), ("export",), ("backup",)):
        assert "there is something at" in said((*words, "--index", own_index, "--to", taken), 2)
    with Store.open(own_index) as store:
        assert taken not in store.copies()


def test_an_index_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    no, new = tmp_path / "no", tmp_path / "new"
    for words in (
        ("add", "--index", no, "--data", tmp_path),
        ("copy", "--index", no, "--to", new, "--engine", "flat"),
        ("backup", "--index", no, "--to", new),
        ("restore", "--from", no, "--index", new),
        ("import", "--index", no, "--from", new),
    ):
        assert f"there is no index at {no}; give the folder of one" in said(words, 2)
    assert not new.exists()


@pytest.mark.parametrize("part", ["store.sqlite", "bundle/weights.safetensors"])
def test_a_damaged_index_is_not_backed_up_and_a_damaged_backup_not_restored(
    own_index: Path, tmp_path: Path, part: str
) -> None:
    if part == "store.sqlite":
        with Store.open(own_index) as store, store._database.transaction() as connection:
            connection.execute("update item set label = 'x' where row = 5")
    else:
        damage(own_index / part)
    for words in (
        ("backup", "--index", own_index, "--to", tmp_path / "copy"),
        ("restore", "--from", own_index, "--index", tmp_path / "copy"),
    ):
        err = said(words, 2)
        assert "not copied, as it is damaged" in err or "was altered" in err
        assert not (tmp_path / "copy").exists()


def test_no_copy_is_made_inside_the_index(own_index: Path) -> None:
    before, inside = tree(own_index), own_index / "copies" / "one"
    for words in (("copy", "--engine", "flat"), ("export",), ("backup",)):
        err = said((words[0], "--index", own_index, "--to", inside, *words[1:]), 2)
        assert "lies inside the index at" in err
    err = said(("restore", "--from", own_index, "--index", inside), 2)
    assert "name a place outside of it" in err
    assert tree(own_index) == before
    with Store.open(own_index) as store:
        assert inside not in store.copies()


def test_a_copy_that_fails_is_not_remembered_and_one_of_before_is(
    own_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(("backup", "--index", own_index, "--to", tmp_path / "lost"), 0)
    shutil.rmtree(tmp_path / "lost")
    err = said(("export", "--index", own_index, "--to", tmp_path / "missing" / "a.parquet"), 1)
    assert "cannot write" in err
    monkeypatch.setattr(Path, "replace", _fail)
    for words in (("copy", "--engine", "flat"), ("backup",)):
        for name in ("new", "lost"):
            err = said((words[0], "--index", own_index, "--to", tmp_path / name, *words[1:]), 1)
            assert "cannot write" in err
            assert not (tmp_path / name).exists()
    with Store.open(own_index) as store:
        assert {p.name for p in store.copies() if p.is_relative_to(tmp_path)} == {"lost"}


def _fail(*_: object) -> None:
    raise OSError(EIO, os.strerror(EIO))


def test_a_disk_that_fails_leaves_no_backup(
    own_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.durable.synchronise", _fail)
    before = sorted(path.name for path in tmp_path.iterdir())
    err = said(("backup", "--index", own_index, "--to", tmp_path / "copy"), 1)
    assert "cannot write" in err
    assert "name a place that can be written and has room" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_compacting_says_what_it_won(own_index: Path) -> None:
    acir("index", "delete", "--index", own_index, "--where", "label=disc")
    before = info(own_index)["size_bytes"]
    won = acir("index", "compact", "--index", own_index, "--json").line()["bytes_won"]
    assert won > 0
    assert info(own_index)["size_bytes"] == before - won


def test_an_index_goes_through_parquet_whole(own_index: Path, tmp_path: Path) -> None:
    before = ids(own_index)
    file = tmp_path / "cells.parquet"
    export = acir("index", "export", "--index", own_index, "--to", file, "--json")
    assert export.line() == {"n": len(before)}
    acir("index", "delete", "--index", own_index, "--where", "label=disc")
    left = len(ids(own_index))
    imported = acir("index", "import", "--index", own_index, "--from", file, "--json").line()
    assert imported == {"new": len(before) - left, "replaced": 0, "unchanged": left}
    assert ids(own_index) == before
    assert acir("index", "verify", "--index", own_index).out == "the index is whole\n"


def test_a_file_of_another_model_is_not_imported(
    own_index: Path, tmp_path: Path, bundle: Path
) -> None:
    file = tmp_path / "foreign.parquet"
    model = load_bundle(bundle).encoder
    with Store.create(tmp_path / "foreign", bits=model.bits, dim=8, engine="flat", model="m2"):
        shutil.copytree(own_index / "bundle", tmp_path / "foreign" / "bundle")
    acir("index", "export", "--index", tmp_path / "foreign", "--to", file)
    err = said(("import", "--index", own_index, "--from", file), 2)
    assert "was encoded by the model m2" in err
