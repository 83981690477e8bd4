"""An index of an earlier version is brought up to this one; others are refused."""

import gzip
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from made_entries import (
    back_to_version_1,
    back_to_version_2,
    create,
    entry,
    everything,
    plain,
)

from acir.errors import StoreError
from acir.index import schema
from acir.index.store import Store

# Written by acir of that version: entries 0 to 11, of which 3 was deleted and 5 replaced.
VERSION_2 = Path(__file__).with_name("version_2.sqlite.gz")


def version_1(folder: Path) -> Path:
    create(folder, range(9)).close()
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        connection.execute("update change set generation = 17 where generation = 1")
    back_to_version_1(folder)
    return folder


def version_2(folder: Path) -> Path:
    folder.mkdir()
    (folder / "store.sqlite").write_bytes(gzip.decompress(VERSION_2.read_bytes()))
    return folder


EARLIER = {"1": version_1, "2": version_2}


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


def test_a_file_of_version_2_becomes_this_version_with_all_that_it_held(tmp_path: Path) -> None:
    create(tmp_path / "new").close()
    folder = version_2(tmp_path / "old")
    held = [entry(i, **({"label": "other"} if i == 5 else {})) for i in range(12) if i != 3]
    with Store.open(folder) as store:
        assert store.info()["generation"] == 3
        assert [plain(one) for one in everything(store)] == sorted(
            map(plain, held), key=lambda one: str(one["id"])
        )
        assert store.verify() == []
        with store.view() as view:
            found = view.entries(view.same_pixels(entry(4).pixel_hash))
        assert [one.id for one in found] == sorted(entry(i).id for i in (4, 5))
        store.add([entry(20, pixel_hash=entry(4).pixel_hash)])
        with store.view() as view:
            assert len(view.same_pixels(entry(4).pixel_hash)) == 3
    assert tables(folder) == tables(tmp_path / "new")


def test_what_tests_turn_back_is_as_version_2_wrote_it(tmp_path: Path) -> None:
    create(tmp_path / "back").close()
    back_to_version_2(tmp_path / "back")
    assert tables(tmp_path / "back") == tables(version_2(tmp_path / "old"))


def test_a_hash_that_is_no_text_in_version_2_is_still_found_in_this_one(tmp_path: Path) -> None:
    folder = version_2(tmp_path / "index")
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        connection.execute("update item set pixel_hash = x'ff00' where row = 2")
        connection.execute("update item set pixel_hash = cast(x'ff' as text) where row = 1")
    with Store.open(folder) as store:
        assert sorted(store.verify()) == [f"{entry(i).id} is not what was stored" for i in (0, 1)]


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
    bring_up = schema._bring_up
    monkeypatch.setattr(schema, "_bring_up", lambda given: (bring_up(given), bring_up(given)))
    with Store.open(folder) as store:
        assert store.info()["generation"] == 17


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_version_in_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    folder = EARLIER[version](tmp_path / "index")
    before = tables(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
        with pytest.raises(
            StoreError,
            match=rf"is of version {version} and could not be brought to version 3 .*open it once",
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
