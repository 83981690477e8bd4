"""What an index remembers of its queries: a number and a day, and only of the last ones."""

import os
import shutil
import sqlite3
from datetime import date
from pathlib import Path

import pytest
from made_entries import create, gallery

from acir.errors import StorageError, StoreError
from acir.index import traffic
from acir.index.store import Store

DAY = date(2026, 1, 31)


def run(folder: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "store.sqlite", isolation_level=None)
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file look writable, as to a user without the right; SQLite does the rest."""
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)


def test_p_values_come_back_in_order_with_their_days(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(3)) as store:
        for p, day in ((0.5, DAY), (0.125, DAY), (1.0, date(2026, 2, 1))):
            store.keep_p_value(p, day)
    with Store.open(tmp_path / "index") as store:
        found = store.traffic()
        assert found.p_values.tolist() == [0.5, 0.125, 1.0]
        assert found.days == ("2026-01-31", "2026-01-31", "2026-02-01")
        assert store.verify() == []


def test_nothing_but_number_and_day_is_kept(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        store.keep_p_value(0.5, DAY)
    assert run(tmp_path / "index", "select * from traffic") == [(1, 0.5, "2026-01-31")]


def test_the_last_are_kept_and_the_others_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert traffic.KEPT == 10_000
    monkeypatch.setattr(traffic, "KEPT", 4)
    with create(tmp_path / "index") as store:
        for number in range(1, 10):
            store.keep_p_value(number / 10, DAY)
        assert store.traffic().p_values.tolist() == [0.6, 0.7, 0.8, 0.9]


def test_an_index_that_was_never_asked_remembers_nothing(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        found = store.traffic()
    assert (len(found.p_values), found.days) == (0, ())


def test_remembering_is_no_change_of_the_index(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(3)) as store:
        before = store.info()["generation"]
        store.keep_p_value(0.5, DAY)
        assert store.info()["generation"] == before


@pytest.mark.parametrize(
    "altered", ["p = 0.0", "p = 1.5", "p = 'much'", "day = 'yesterday'", "day = x'00'"]
)
def test_altered_p_values_are_refused(tmp_path: Path, altered: str) -> None:
    with create(tmp_path / "index") as store:
        store.keep_p_value(0.5, DAY)
    run(tmp_path / "index", f"update traffic set {altered}")
    with (
        Store.open(tmp_path / "index") as store,
        pytest.raises(StoreError, match="is damaged in its p-values; restore a copy of it"),
    ):
        store.traffic()


@pytest.mark.usefixtures("read_only")
def test_an_index_that_cannot_be_written_is_read_and_remembers_nothing(tmp_path: Path) -> None:
    create(tmp_path / "index", range(0)).close()
    with Store.open(tmp_path / "index") as store:
        assert len(gallery(store).codes) == 0
        with pytest.raises(StorageError, match="cannot be used now"):
            store.keep_p_value(0.5, DAY)
        assert len(store.traffic().p_values) == 0
    assert [p.name for p in (tmp_path / "index").iterdir()] == ["store.sqlite"]


def test_what_a_writer_has_not_yet_moved_is_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a #1?mode=memory index"  # nothing of a name is an option
    with create(folder, range(3)):
        shutil.copytree(folder, tmp_path / "copy")
        monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
        for place in (folder, tmp_path / "copy"):
            assert (place / "store.sqlite-wal").stat().st_size > 0
            with Store.open(place) as store:
                assert len(gallery(store).codes) == 3


def test_a_query_does_not_wait_for_a_writer_and_is_kept_later(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        with store._database.transaction():
            store.keep_p_value(0.25, DAY)
            assert run(tmp_path / "index", "select * from traffic") == []
        store.keep_p_value(0.5, DAY)
        assert run(tmp_path / "index", "select p from traffic order by row") == [(0.25,), (0.5,)]


def test_what_had_to_wait_is_kept_on_closing(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store, store._database.transaction():
        store.keep_p_value(0.25, DAY)
    with Store.open(tmp_path / "index") as store:
        assert store.traffic().p_values.tolist() == [0.25]


def test_closing_does_not_wait_long_for_a_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "AT_LAST", 0.01)
    with (
        create(tmp_path / "index") as writer,
        writer._database.transaction(),
        Store.open(tmp_path / "index") as reader,
    ):
        reader.keep_p_value(0.25, DAY)
        reader.close()
    with Store.open(tmp_path / "index") as store:
        assert store.traffic().p_values.tolist() == []


def test_a_clock_that_jumps_back_changes_no_order(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        for p, day in ((0.5, DAY), (0.25, date(1970, 1, 1)), (0.75, date(2099, 1, 1))):
            store.keep_p_value(p, day)
        assert store.traffic().p_values.tolist() == [0.5, 0.25, 0.75]
        assert store.traffic().days == ("2026-01-31", "1970-01-01", "2099-01-01")
