"""A store gives back what was put in, in order, and refuses what it is not."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from made_entries import BITS, DIM, create, entry, everything, gallery, plain

from acir.errors import StorageError, StoreError, UsageError
from acir.index import rows
from acir.index.entry import Entry
from acir.index.gallery import IN_ORDER
from acir.index.store import Store
from acir.index.view import PATIENT, PIXELS
from acir.index.writer import Added


def ids(store: Store) -> list[str]:
    return [one.id for one in everything(store)]


def test_a_store_opened_again_gives_back_every_field(tmp_path: Path) -> None:
    bare = entry(7, path=None, patient=None, thumbnail=None, metadata={}, label="")
    with create(tmp_path / "index", range(5)) as store:
        store.add([bare])
    with Store.open(tmp_path / "index", model="m1") as store:
        assert (store.bits, store.dim, store.engine, store.model) == (BITS, DIM, "flat", "m1")
        by_id = {one.id: plain(one) for one in everything(store)}
    assert by_id == {one.id: plain(one) for one in [*map(entry, range(5)), bare]}


def test_settings_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    given = {"thumbnails": "yes", "bits": "of another kind"}
    Store.create(folder, bits=8, dim=4, engine="faiss", model="m", settings=given).close()
    with Store.open(folder) as store:
        assert store.settings == given
        assert store.bits == 8


def test_rows_ascend_with_the_id_whatever_the_order_of_adding(tmp_path: Path) -> None:
    names = ["b", "B", "a/10", "a/9", "é", "𝄞", "\uff5e", "z", "_"]
    with create(tmp_path / "index") as store:
        store.add(entry(i, id=name) for i, name in enumerate(names))
        assert ids(store) == sorted(names)
        codes = {name: entry(i).code.tolist() for i, name in enumerate(names)}
        assert gallery(store).codes.tolist() == [codes[name] for name in sorted(names)]


def test_texts_of_numpy_are_stored_as_texts(tmp_path: Path) -> None:
    names = {
        key: np.str_(value) for key, value in plain(entry(1)).items() if isinstance(value, str)
    }
    words = {np.str_("split"): np.str_("test"), np.str_("view"): np.str_("AP")}
    with create(tmp_path / "index") as store:
        store.add([entry(1, **names, metadata=words)])
        assert store.verify() == []
        assert [plain(one) for one in everything(store)] == [
            plain(entry(1, metadata={"split": "test", "view": "AP"}))
        ]


def test_opening_walks_the_covering_index_without_sorting(tmp_path: Path) -> None:
    create(tmp_path / "index", range(5)).close()
    connection = sqlite3.connect(tmp_path / "index" / "store.sqlite")
    plan = [line[3] for line in connection.execute(f"explain query plan {IN_ORDER}")]
    connection.close()
    assert "SCAN item USING COVERING INDEX sqlite_autoindex_item_1" in plan
    assert not any("TEMP B-TREE" in line for line in plan)


@pytest.mark.parametrize("sql", [PIXELS, PATIENT])
def test_looking_for_pixels_or_a_patient_walks_no_table(tmp_path: Path, sql: str) -> None:
    create(tmp_path / "index", range(5)).close()
    with closing(sqlite3.connect(tmp_path / "index" / "store.sqlite")) as connection:
        values = ("ab",) * sql.count("?")
        plan = [line[3] for line in connection.execute(f"explain query plan {sql}", values)]
    found = {line.partition(" USING ")[0] for line in plan if " item" in line}
    assert found == {"SEARCH item"}


def test_pixels_are_found_in_each_part_of_their_index(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(4)) as store:
        for later in (1 << 17, 5 << 17, 1 << 40):  # as if so many pictures had come and gone
            with closing(sqlite3.connect(store.folder / "store.sqlite")) as other, other:
                other.execute("update sqlite_sequence set seq = ? where name = 'item'", (later,))
            store.add([entry(later, pixel_hash=entry(2).pixel_hash)])
        with store.view() as view:
            found = view.entries(view.same_pixels(entry(2).pixel_hash))
            assert len(view.same_pixels("0")) == 0
        numbers = (2, 3, 1 << 17, 5 << 17, 1 << 40)
        assert [one.id for one in found] == sorted(entry(number).id for number in numbers)


def test_pixels_of_one_number_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "pixels", lambda _: 7)
    with create(tmp_path / "index", range(6)) as store, store.view() as view:
        assert len(view.same_pixels(entry(4).pixel_hash)) == 2
        assert len(view.same_pixels("0")) == 0


def test_an_empty_store_has_an_empty_gallery(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        assert store.verify() == []
        with store.view() as view:
            nothing = np.empty(0, dtype=np.int64)
            assert view.gallery.codes.shape == (0, BITS // 8)
            assert view.embeddings(nothing).shape == (0, DIM)
            assert view.entries(nothing) == []
            assert view.same_pixels("00").tolist() == []
            assert view.select({"label": "class0"}).tolist() == []


def test_embeddings_come_in_the_order_asked_for(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(20)) as store:
        expected = [one.embedding.tolist() for one in everything(store)]
        with store.view() as view:
            found = view.embeddings(np.array([7, 3, 3, 19]))
        assert found.dtype == np.float16
        assert found.tolist() == [expected[i] for i in (7, 3, 3, 19)]


def test_pictures_are_found_by_id_in_the_order_asked_for(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(9)) as store:
        wanted = [entry(i).id for i in (5, 0, 5, 8)]
        assert [plain(one) for one in store.named(wanted)] == [
            plain(entry(i)) for i in (5, 0, 5, 8)
        ]
        with pytest.raises(StoreError, match="no longer holds never there as it was stored"):
            store.named([*wanted, "never there"])


def test_adding_again_changes_nothing(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(10)) as store:
        before = store.info()["generation"]
        assert store.add(map(entry, range(12))) == Added(new=2, unchanged=10)
        assert store.info()["generation"] == before + 1  # type: ignore[operator]
        assert store.add(map(entry, range(12))) == Added(unchanged=12)
        assert store.info()["generation"] == before + 1  # type: ignore[operator]


@pytest.mark.parametrize(
    "changed",
    [
        {"label": "other"},
        {"path": None},
        {"patient": "ff"},
        {"pixel_hash": "ff"},
        {"thumbnail": None},
        {"metadata": {"split": "val"}},
        {"code": np.array([1, 2], dtype=np.uint8)},
        {"embedding": np.ones(DIM, dtype=np.float16)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_change_of_any_field_replaces_the_picture(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    with create(tmp_path / "index", range(3)) as store:
        assert store.add([entry(1, **changed)]) == Added(replaced=1)
        assert plain(everything(store)[1]) == plain(entry(1, **changed))
        assert len(ids(store)) == 3
        assert store.verify() == []


def test_info_has_the_keys_of_the_contract(tmp_path: Path, small_batches: int) -> None:
    with create(tmp_path / "index", range(small_batches + 4)) as store:
        told = store.info()
    files = (tmp_path / "index").rglob("*")
    keys = ["n", "bits", "dim", "engine", "model", "generation", "size_bytes", "failed"]
    assert list(told) == keys
    assert [told[key] for key in ("n", "bits", "dim", "engine", "model", "generation")] == [
        *(small_batches + 4, BITS, DIM, "flat", "m1", 2)  # one for each transaction
    ]
    assert told["size_bytes"] >= sum(f.stat().st_size for f in files) > 0  # type: ignore[operator]


def test_deleting_is_idempotent_and_counts(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(6)) as store:
        gone = [entry(1).id, entry(4).id, "never there"]
        assert store.delete(gone) == 2
        generation = store.info()["generation"]
        assert store.delete(gone) == 0
        assert store.info()["generation"] == generation
        assert ids(store) == sorted(entry(i).id for i in (0, 2, 3, 5))
        assert store.verify() == []


def test_a_row_is_never_given_to_another_picture(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(6)) as store:
        before = set(gallery(store).keys.tolist())
        store.delete([entry(i).id for i in range(6)])
        store.add(map(entry, range(6)))
        assert before.isdisjoint(gallery(store).keys.tolist())


def test_what_is_deleted_is_on_the_disk_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    secret = entry(3, id="secret-id", label="secret-label", metadata={"note": "secret-note"})
    with create(folder, range(3)) as store:
        store.add([secret])
        assert any(b"secret" in f.read_bytes() for f in folder.iterdir())
        store.delete(["secret-id"])
        for file in folder.iterdir():
            content = file.read_bytes()
            assert b"secret" not in content
            assert secret.embedding.tobytes() not in content
            assert secret.thumbnail not in content  # type: ignore[operator]


def test_deleting_by_condition_takes_those_that_meet_all(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(30)) as store:
        assert store.delete_where({"label": "class1", "split": "test"}) == 2  # 10 and 25
        left = [i for i in range(30) if i not in {10, 25}]
        assert ids(store) == sorted(entry(i).id for i in left)
        with pytest.raises(UsageError, match="give at least one key=value"):
            store.delete_where({})
        assert len(ids(store)) == 28


def test_same_pixels_and_same_patient_are_found_by_position(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(12)) as store:
        hits = everything(store)
        with store.view() as view:
            same_pixels = view.same_pixels(entry(4).pixel_hash)
            same_patient = view.same_patient(str(entry(4).patient))
            assert view.same_patient("ff").tolist() == []
        assert [hits[i].id for i in same_pixels] == sorted(entry(i).id for i in (4, 5))
        assert [hits[i].id for i in same_patient] == sorted(entry(i).id for i in (4, 5, 6, 7))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("acir.index.writer.BATCH", 64)
    monkeypatch.setattr("acir.index.writer.SECONDS", float("inf"))
    return 64


def test_a_slow_source_is_committed_by_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.arange(0, 100, 0.4))
    monkeypatch.setattr("acir.index.writer.monotonic", lambda: float(next(clock)))
    seen: list[int] = []
    with create(tmp_path / "index") as store:

        def slow() -> Iterator[Entry]:
            for number in range(7):
                yield entry(number)
                seen.append(len(gallery(store).keys))

        store.add(slow())
    assert seen == [0, 0, 3, 3, 3, 6, 6]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError("broken source")])
def test_an_interruption_keeps_what_was_committed(
    tmp_path: Path, small_batches: int, interruption: BaseException
) -> None:
    def broken() -> Iterator[Entry]:
        yield from map(entry, range(2 * small_batches + 10))
        raise interruption

    with create(tmp_path / "index") as store:
        with pytest.raises((KeyboardInterrupt, ValueError)):
            store.add(broken())
        assert ids(store) == sorted(entry(i).id for i in range(2 * small_batches))
        assert store.verify() == []
        assert store.add(map(entry, range(2 * small_batches + 10))) == Added(
            10, 0, 2 * small_batches
        )


@pytest.mark.parametrize(
    "changed",
    [{"code": np.zeros(4, dtype=np.uint8)}, {"embedding": np.zeros(DIM + 1, dtype=np.float16)}],
)
def test_a_picture_of_another_size_is_refused_with_its_batch(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    with create(tmp_path / "index") as store:
        with pytest.raises(ValueError, match=r"has \d+ bits and \d+ dimensions, the index has 16"):
            store.add([entry(0), entry(1, **changed)])
        assert ids(store) == []


def test_an_id_with_a_zero_character_is_refused_and_finds_none(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        store.add([entry(0, id="a")])
        with pytest.raises(UsageError, match=r"the id 'a\\x00b' has a zero character, which no id"):
            store.add([entry(1), entry(2, id="a\0b")])
        assert store.known(["a\0b", "a\0"]) == {}
        assert store.delete(["a\0b"]) == 0
        assert store.info()["n"] == 1


def test_a_failure_in_the_middle_of_a_batch_leaves_none_of_it(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(3)) as store:
        with pytest.raises(UsageError, match="is no text that an index can hold"):
            store.add([entry(1, label="changed"), entry(5), entry(6, id="\udcff")])
        assert store.add(map(entry, range(3))) == Added(unchanged=3)
        assert len(ids(store)) == 3


def test_a_folder_with_something_in_it_is_not_built_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"there is something at .* already; name a new folder"):
        create(tmp_path)
    with pytest.raises(StoreError, match="there is something at"):
        create(tmp_path / "notes.txt")
    assert [f.name for f in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot make the folder .*name one that can be writ"):
        create(tmp_path / "file" / "index")


def test_a_missing_index_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no index at .*acir index build"):
        Store.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_database_is_no_index(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    connection.execute("create table poems (line text)")
    connection.close()
    with pytest.raises(StoreError, match=r"no index of acir .*no such table"):
        Store.open(tmp_path)


def alter(folder: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "store.sqlite")
    with connection:
        connection.execute(sql, values)
    connection.close()


def test_another_version_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "index").close()
    alter(tmp_path / "index", "update meta set value = '99' where key = 'schema'")
    with pytest.raises(StoreError, match="is of version 99, expected 3; open it with the acir"):
        Store.open(tmp_path / "index")


def test_another_model_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "index").close()
    with pytest.raises(StoreError, match="was built with the model m1, not with m2; search it"):
        Store.open(tmp_path / "index", model="m2")


@pytest.mark.parametrize(
    "sql", ["delete from meta where key = 'engine'", "update meta set value = 'x' where key='bits'"]
)
def test_a_store_that_does_not_say_what_it_holds_is_damaged(tmp_path: Path, sql: str) -> None:
    create(tmp_path / "index").close()
    alter(tmp_path / "index", sql)
    with pytest.raises(StoreError, match="it does not say what it holds"):
        Store.open(tmp_path / "index")
