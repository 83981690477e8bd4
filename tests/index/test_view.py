"""A view shows one state, the newest, whatever threads and processes write meanwhile."""

import random
import threading
from pathlib import Path

import numpy as np
import pytest
from made_entries import Spy, create, entry, everything, gallery, plain

from acir.errors import StoreError
from acir.index.engines.flat import Flat
from acir.index.filters import matching
from acir.index.gallery import load
from acir.index.store import Store


def counting(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Count how often a gallery is read as a whole."""
    spy = Spy(load)
    monkeypatch.setattr("acir.index.readers.load", spy)
    return spy


def same(one: Store, other: Store) -> bool:
    a, b = gallery(one), gallery(other)
    return np.array_equal(a.keys, b.keys) and np.array_equal(a.codes, b.codes)


def test_what_another_process_writes_shows_in_the_next_view(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(6)) as reader, Store.open(tmp_path / "index") as writer:
        assert len(gallery(reader).keys) == 6
        writer.add(map(entry, range(6, 9)))
        assert len(gallery(reader).keys) == 9
        writer.delete([entry(0).id])
        assert [one.id for one in everything(reader)] == sorted(entry(i).id for i in range(1, 9))
        writer.add([entry(3, label="changed")])
        assert "changed" in {one.label for one in everything(reader)}


def test_catching_up_reads_only_what_changed_and_equals_reading_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(3)
    with create(tmp_path / "index", range(0, 4000, 2)) as reader:
        gallery(reader)
        with Store.open(tmp_path / "index") as writer:
            for _ in range(25):
                whole = counting(monkeypatch)
                writer.add(entry(rng.randrange(4000)) for _ in range(rng.randrange(20)))
                writer.add(
                    entry(rng.randrange(4000), label=str(rng.random()))
                    for _ in range(rng.randrange(9))
                )
                writer.delete(entry(rng.randrange(4000)).id for _ in range(rng.randrange(20)))
                gallery(reader)
                assert whole.calls == 0
                with Store.open(tmp_path / "index") as fresh:
                    assert same(reader, fresh)
                    assert whole.calls == 1


def test_ids_before_the_first_and_behind_the_last_find_their_place(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(200)) as reader:
        gallery(reader)
        with Store.open(tmp_path / "index") as writer:
            writer.add([entry(900 + i, id=name) for i, name in enumerate("!~a\x01")])
            writer.delete([entry(0).id, entry(3).id, "a"])
        names = [one.id for one in everything(reader)]
        assert names == sorted(names)
        assert len(names) == 201
        assert (names[:2], names[-1]) == (["\x01", "!"], "~")


def test_a_reader_further_behind_than_the_record_reads_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.index.changes.KEPT", 3)
    with create(tmp_path / "index", range(200)) as reader:
        gallery(reader)
        with Store.open(tmp_path / "index") as writer:
            for i in range(4):
                writer.delete([entry(i).id])
            whole = counting(monkeypatch)
            assert len(gallery(reader).keys) == 196
            assert whole.calls == 1


def test_a_view_goes_on_showing_what_was_deleted_after_it_began(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(9)) as reader, Store.open(tmp_path / "index") as writer:
        with reader.view() as seen:
            writer.delete([entry(i).id for i in range(9)])
            writer.add([entry(50)])
            found = seen.entries(np.arange(9))
            assert [plain(one) for one in found] == sorted(
                (plain(entry(i)) for i in range(9)), key=lambda one: str(one["id"])
            )
            assert len(seen.embeddings(np.arange(9))) == 9
            assert seen.select({"label": "class1"}).sum() == 3
            assert seen.same_patient(str(entry(50).patient)).tolist() == []
        assert [one.id for one in everything(reader)] == [entry(50).id]


def test_the_engine_is_that_of_the_view_and_built_once_a_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []

    class Counted(Flat):
        def __init__(self, codes: np.ndarray) -> None:
            built.append(len(codes))
            super().__init__(codes)

    monkeypatch.setattr("acir.index.engines.get", lambda _: Counted)
    with create(tmp_path / "index", range(9)) as store:
        for _ in range(3):
            with store.view() as seen:
                distances, rows = seen.engine.knn(entry(4).code[None], 1)
                (hit,) = seen.entries(rows[0])
                assert (hit.id, distances.tolist()) == (entry(4).id, [[0]])
        store.delete([entry(4).id])
        with store.view() as seen:
            assert seen.engine.knn(entry(4).code[None], 9)[1].shape == (1, 8)
    assert built == [9, 8]


def test_a_filter_is_evaluated_once_a_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Spy(matching)
    monkeypatch.setattr("acir.index.view.matching", asked)
    monkeypatch.setattr("acir.index.view.MASKS", 2)
    with create(tmp_path / "index", range(9)) as store:
        for _ in range(3):
            with store.view() as seen:
                mask = seen.select({"label": "class1", "view": "AP"})
                assert seen.select({"view": "AP", "label": "class1"}) is mask
                with pytest.raises(ValueError, match="read-only"):
                    mask[0] = True
        store.delete([entry(1).id])
        with store.view() as seen:
            for label in ("class1", "class2", "class0", "class1"):
                assert seen.select({"label": label, "view": "AP"}).sum() == 3 - (label == "class1")
    assert asked.calls == 5  # of the last four, the two last are remembered


def test_rows_that_vanish_without_a_record_are_noticed(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(4)) as store:
        gallery(store)
        with store._database.transaction() as connection:
            connection.execute("delete from item where row = 2")
        for read in ("entries", "embeddings"):
            with (
                pytest.raises(StoreError, match="has lost pictures without a record of it; open"),
                store.view() as seen,
            ):
                getattr(seen, read)(np.arange(4))


def test_a_record_of_changes_that_is_gone_is_damage(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(4)) as store:
        with store._database.transaction() as connection:
            connection.execute("delete from change")
        with pytest.raises(StoreError, match="is damaged in its changes; restore a copy"):
            gallery(store)


def test_a_view_that_outlives_its_store_leaves_no_connection(tmp_path: Path) -> None:
    store = create(tmp_path / "index", range(9))
    with store.view() as seen:
        store.close()
        assert len(seen.entries(np.arange(9))) == 9
    assert [f.name for f in (tmp_path / "index").iterdir()] == ["store.sqlite"]


def test_threads_share_a_store(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def ask(store: Store, seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(20):
                with store.view() as seen:
                    n = len(seen.gallery.keys)
                    assert n >= 100
                    assert len(seen.engine.knn(entry(rng.randrange(100)).code[None], n)[1][0]) == n
                    seen.entries(np.array([rng.randrange(n)]))
                if seed == 0:
                    store.add([entry(rng.randrange(200, 400))])
                    store.delete([entry(rng.randrange(200, 400)).id])
        except BaseException as error:
            failed.append(error)

    with create(tmp_path / "index", range(100)) as store:
        threads = [threading.Thread(target=ask, args=(store, seed)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.verify() == []
    assert failed == []


def test_a_reading_connection_may_keep_64_mb_of_pages(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store, store._readers.database() as database:
        assert database.read("pragma cache_size") == [(-65536,)]
