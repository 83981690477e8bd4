"""Compacting gives back space, copying takes one state, and neither changes a picture."""

from pathlib import Path

import pytest
from made_entries import create, entry, everything, gallery, plain

from acir.errors import StoreError
from acir.index.store import Store


def test_compacting_gives_back_the_space_of_the_deleted_and_changes_nothing_else(
    tmp_path: Path,
) -> None:
    with create(tmp_path / "index", range(1000)) as store, Store.open(tmp_path / "index") as other:
        store.delete(entry(i).id for i in range(100, 1000))
        keys = gallery(other).keys.tolist()
        expected = [plain(one) for one in everything(other)]
        before = store.info()
        won = store.compact()
        after = store.info()
        assert won == before["size_bytes"] - after["size_bytes"] > 100_000  # type: ignore[operator]
        assert after["generation"] == before["generation"]
        assert gallery(other).keys.tolist() == keys
        assert [plain(one) for one in everything(other)] == expected
        store.add([entry(5000)])
        assert max(gallery(other).keys.tolist()) == 1001  # no row is given twice
        assert other.verify() == []


def test_a_view_goes_on_while_the_file_is_rewritten(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(100)) as store:
        with store.view() as view:
            store.delete(entry(i).id for i in range(50))
            store.compact()
            assert len(view.entries(view.gallery.positions(range(1, 101)))) == 100
        assert len(gallery(store).keys) == 50


def test_a_damaged_index_is_not_rewritten(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(9)) as store:
        with store._database.transaction() as connection:
            connection.execute("update item set label = 'x' where row = 5")
        with pytest.raises(
            StoreError, match=r"was not rewritten, as it is damaged: class1/.*resto"
        ):
            store.compact()


def test_a_copy_is_of_one_state_while_others_write(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with (
        create(tmp_path / "index", range(20)) as store,
        Store.open(tmp_path / "index") as writer,
        store._readers.database() as database,
    ):
        database.read("select count(*) from item")
        writer.add(map(entry, range(20, 40)))
        database.copy_to(tmp_path / "copy" / "store.sqlite")
    with Store.open(tmp_path / "copy") as copy:
        assert [plain(one) for one in everything(copy)] == sorted(
            (plain(entry(i)) for i in range(20)), key=lambda one: str(one["id"])
        )
        assert copy.verify() == []
