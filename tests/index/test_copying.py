"""A copy for another engine holds the same rows under the same numbers."""

import sqlite3
from pathlib import Path

import pytest
from made_entries import create, entry, plain

from acir.errors import StoreError
from acir.index.chosen import Choice
from acir.index.copying import copy_store
from acir.index.database import FILE
from acir.index.store import Store


def rows(folder: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(folder / FILE) as connection:
        found = connection.execute("select row, id from item order by row").fetchall()
    connection.close()
    return found


def test_all_is_there_but_the_engine_is_another(tmp_path: Path) -> None:
    with create(tmp_path / "one", range(300)) as store:
        store.delete([entry(7).id])
        choice = Choice("pgvector", {"server": "postgresql:///db", "collection": "acir_1"})
        with copy_store(store, tmp_path / "two", choice) as copy:
            assert (copy.engine, dict(copy.settings)) == ("pgvector", dict(choice.settings))
            ids = [entry(n).id for n in range(300) if n != 7]
            assert [plain(one) for one in copy.named(sorted(ids))] == [
                plain(one) for one in store.named(sorted(ids))
            ]
            assert copy.verify() == []
    assert rows(tmp_path / "one") == rows(tmp_path / "two")


def test_a_copy_of_a_copy_forgets_the_server(tmp_path: Path) -> None:
    with create(tmp_path / "one", range(3)) as store:
        there = Choice("pgvector", {"server": "postgresql:///db", "collection": "acir_1"})
        with copy_store(store, tmp_path / "two", there) as copy:
            copy_store(copy, tmp_path / "three", Choice("flat")).close()
    with Store.open(tmp_path / "three") as store:
        assert (store.engine, dict(store.settings)) == ("flat", {})


def test_the_number_of_a_deleted_row_is_not_given_again_by_the_copy(tmp_path: Path) -> None:
    with create(tmp_path / "one", range(5)) as store:
        last = rows(tmp_path / "one")[-1]
        store.delete([last[1]])
        with copy_store(store, tmp_path / "two", Choice("flat")) as copy:
            copy.add([entry(50)])
    assert rows(tmp_path / "two")[-1][0] > last[0]


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "notes.txt").write_text("mine", encoding="utf-8")
    store = create(tmp_path / "one", range(3))
    with store, pytest.raises(StoreError, match=r"there is something at .*two already"):
        copy_store(store, tmp_path / "two", Choice("flat"))
    assert [f.name for f in (tmp_path / "two").iterdir()] == ["notes.txt"]


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pulled(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acir.index.copying._set_engine", pulled)
    with create(tmp_path / "one", range(3)) as store, pytest.raises(KeyboardInterrupt):
        copy_store(store, tmp_path / "two", Choice("flat"))
    assert not (tmp_path / "two").exists()
