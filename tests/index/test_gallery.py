"""A gallery is caught up from an earlier one only where that is sure to be right."""

from pathlib import Path

import numpy as np
import pytest
from made_entries import create, entry, gallery

from acir.index.gallery import Gallery, caught_up
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
