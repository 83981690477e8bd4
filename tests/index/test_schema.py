"""An index of the version before is brought up to this one; others are refused."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from made_entries import back_to_version_1, create, entry, everything, plain

from acir.errors import StoreError
from acir.index import schema
from acir.index.store import Store


def version_1(folder: Path) -> Path:
    create(folder, range(9)).close()
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        connection.execute("update change set generation = 17 where generation = 1")
    back_to_version_1(folder)
    return folder


def tables(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "store.sqlite")
    found = [sql for (sql,) in connection.execute("select sql from sqlite_master order by name")]
    connection.close()
    return found


def test_version_1_becomes_this_version_with_all_that_it_held(tmp_path: Path) -> None:
    create(tmp_path / "new").close()
    folder = version_1(tmp_path / "old")
    with Store.open(folder) as store:
        assert store.info()["generation"] == 17
        assert [plain(one) for one in everything(store)] == sorted(
            (plain(entry(i)) for i in range(9)), key=lambda one: str(one["id"])
        )
        assert store.verify() == []
        store.add([entry(20)])
        assert store.info()["generation"] == 18
    assert tables(folder) == tables(tmp_path / "new")


def test_what_was_altered_in_version_1_is_still_found_in_this_one(tmp_path: Path) -> None:
    folder = version_1(tmp_path / "index")
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        connection.execute("update item set label = 'other' where row = 5")
    with Store.open(folder) as store:
        assert store.verify() == [f"{entry(4).id} is not what was stored"]


def test_a_reader_that_was_kept_out_by_a_faster_migration_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = version_1(tmp_path / "index")
    migrate = schema._from_1
    monkeypatch.setattr(schema, "_from_1", lambda database: (migrate(database), migrate(database)))
    with Store.open(folder) as store:
        assert store.info()["generation"] == 17


def test_version_1_in_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = version_1(tmp_path / "index")
    before = tables(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
        with pytest.raises(
            StoreError, match=r"is of version 1 and could not be brought to version 2 .*open it onc"
        ):
            Store.open(folder)
    assert tables(folder) == before
    Store.open(folder).close()


def test_a_migration_that_fails_half_way_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = version_1(tmp_path / "index")
    before = tables(folder)
    with monkeypatch.context() as patch:
        patch.setattr(
            "acir.index.changes.first", lambda _: ("insert into nowhere values (?)", (1,))
        )
        with pytest.raises(StoreError, match="no such table"):
            Store.open(folder)
    assert tables(folder) == before
    with Store.open(folder) as store:
        assert store.info()["generation"] == 17


def test_version_1_that_does_not_say_its_generation_is_damaged(tmp_path: Path) -> None:
    folder = version_1(tmp_path / "index")
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        connection.execute("update meta set value = 'many' where key = 'generation'")
    with pytest.raises(StoreError, match="it does not say what it holds"):
        Store.open(folder)
