"""A gallery is caught up from an earlier one only where that is sure to be right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_entries import create, entry, gallery

from acir.index.gallery import Gallery, caught_up, load
from acir.index.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = create(tmp_path / "index", range(200))
    gallery(made)
    return made


def test_nothing_new_and_nothing_gone_is_the_same(store: Store) -> None:
    old = gallery(store)
    with store._readers.database() as database:
        new = caught_up(database, old, [])
    assert new is not None
    assert np.array_equal(new.keys, old.keys)
    assert np.array_equal(new.codes, old.codes)


def test_an_altered_new_code_and_too_many_changes_mean_reading_all(store: Store) -> None:
    old = gallery(store)
    store.add([entry(300)])
    with store._readers.database() as database:
        assert caught_up(database, old, []) is not None
        assert caught_up(database, old, range(1, 20)) is None
    with store._database.transaction() as connection:
        connection.execute("update item set code = x'010203040506' where row = 201")
    with store._readers.database() as database:
        assert caught_up(database, old, []) is None


def test_a_neighbour_that_was_not_there_means_reading_all(store: Store) -> None:
    old = gallery(store)
    store.add([entry(300)])
    (place,) = gallery(store).positions([201])
    without = np.delete(np.arange(200), place - 1)
    with store._readers.database() as database:
        assert caught_up(database, Gallery(old.keys[without], old.codes[without]), []) is None


@pytest.mark.parametrize("part", [1, 7, 199, 200, 1000])
def test_codes_read_in_parts_are_those_of_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr("acir.index.gallery.PART", part)
    # SQLite joins codes as texts: all bytes, with zeros and what is no text.
    every = np.arange(256, dtype=np.uint8).repeat(2).reshape(-1, 2)
    with Store.create(tmp_path / "index", bits=16, dim=12, engine="flat", model="m1") as store:
        store.add(replace(entry(i), code=every[i]) for i in range(256))
        store.delete([entry(i).id for i in (*range(30, 60), 255)])
        with store._readers.database() as database:
            found = load(database, 2)
            expected = database.read("select row, code from item order by id")
    assert found is not None
    assert found.keys.tolist() == [row for row, _ in expected]
    assert [code.tobytes() for code in found.codes] == [code[:-4] for _, code in expected]


@pytest.mark.parametrize("row", [1, 90, 200])
@pytest.mark.parametrize("part", [7, 1000])
def test_a_row_that_the_index_on_ids_has_lost_or_twice_is_an_alteration(
    store: Store, monkeypatch: pytest.MonkeyPatch, part: int, row: int
) -> None:
    monkeypatch.setattr("acir.index.gallery.PART", part)
    lost = f"select row from item where row <> {row}"
    twice = f"select row from item union all select {row}"
    with store._readers.database() as database:
        assert load(database, 2) is not None
        for rows in (lost, twice):
            order = f"select group_concat(row, ' ') from ({rows})"
            monkeypatch.setattr("acir.index.gallery.IN_ORDER", order)
            assert load(database, 2) is None
