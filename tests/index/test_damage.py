"""A store that a disk or a hand has changed is noticed before an answer rests on it."""

import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from made_entries import create, entry, everything, gallery, plain

from acir.errors import StorageError, StoreError
from acir.index.database import Database
from acir.index.store import Store

FILE = "store.sqlite"


def alter(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / FILE)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create(tmp_path / "index", range(40)).close()
    return tmp_path / "index"


@pytest.mark.parametrize(
    "statement",
    [
        "update item set label = 'classX' where row = 5",
        "update item set path = null where row = 5",
        "update item set path = 17 where row = 5",
        "update item set path = cast(x'ff' as text) where row = 5",
        "update item set patient = '00' where row = 5",
        "update item set pixel_hash = '00' where row = 5",
        "update item set checksum = x'00' where row = 5",
        "update item set pixels = 0 where row = 5",
        "update item set id = 'class1/000004.jpg' where row = 5",
        "update embedding set v = zeroblob(28) where row = 5",
        "update embedding set v = 'text' where row = 5",
        "delete from embedding where row = 5",
        "update thumbnail set png = x'89504e47' where row = 5",
        "update metadata set value = 'val' where row = 5 and key = 'split'",
        "insert into metadata values (5, 'extra', '1')",
        "delete from metadata where row = 5 and key = 'view'",
    ],
)
def test_an_altered_field_is_found_when_read_and_by_verify(folder: Path, statement: str) -> None:
    alter(folder, statement)
    with Store.open(folder) as store:
        position = gallery(store).positions([5])
        with (
            pytest.raises(StoreError, match=r"is damaged: class1/\S+ is not what was stored"),
            store.view() as view,
        ):
            view.entries(position)
        (problem,) = store.verify()
        assert problem.endswith("is not what was stored")
        others = np.delete(np.arange(40), position)
        with store.view() as view:
            assert len(view.entries(others)) == 39


@pytest.mark.parametrize("value", ["x'0102'", "x'010203040506'", "'text'"])
def test_an_altered_code_is_found_before_the_first_query(folder: Path, value: str) -> None:
    alter(folder, f"update item set code = {value} where row = 5")
    with Store.open(folder) as store:
        with pytest.raises(StoreError, match="is damaged in its codes; restore a copy"):
            gallery(store)
        assert len(store.verify()) == 1


@pytest.mark.parametrize("value", ["zeroblob(28)", "'text'", "x'00'"])
def test_an_altered_embedding_is_found_before_it_ranks(folder: Path, value: str) -> None:
    alter(folder, f"update embedding set v = {value} where row = 5")
    with (
        Store.open(folder) as store,
        pytest.raises(StoreError, match="is damaged in its embeddings"),
        store.view() as view,
    ):
        view.embeddings(np.arange(40))


def test_an_id_that_leads_to_another_picture_is_found_before_the_first_query(folder: Path) -> None:
    # The record of the index on the ids: id, row as one byte.
    content = (folder / FILE).read_bytes()
    record = entry(4).id.encode()
    assert content.count(record + b"\5") == 1
    (folder / FILE).write_bytes(content.replace(record + b"\5", record + b"\6"))
    with Store.open(folder) as store:
        with pytest.raises(StoreError, match="is damaged in its codes; restore a copy"):
            gallery(store)
        assert store.verify() != []


def test_rows_without_a_picture_are_found_by_verify(folder: Path) -> None:
    alter(folder, "insert into embedding values (999, x'00')")
    with Store.open(folder) as store:
        assert store.verify() == ["row 999 of table embedding belongs to no picture"]


@pytest.mark.parametrize("value", ["x'00'", "'[]'", "null", "zeroblob(6)"])
def test_an_altered_record_of_changes_is_found_by_verify_and_not_followed(
    folder: Path, value: str
) -> None:
    with Store.open(folder) as reader:
        gallery(reader)
        with Store.open(folder) as writer:
            writer.delete([entry(4).id])
        alter(folder, f"update change set gone = {value} where generation = 2")
        assert entry(4).id not in {one.id for one in everything(reader)}
        assert reader.verify() == ["what changed in generation 2 is not what was recorded"]


@pytest.mark.parametrize("content", [b"not a database, but long enough to be one" * 50, b"PK\3\4"])
def test_a_file_that_is_no_database_is_refused(folder: Path, content: bytes) -> None:
    (folder / FILE).write_bytes(content)
    with pytest.raises(
        StoreError, match=r"is damaged, truncated or no index of acir .*; restore a copy"
    ):
        Store.open(folder)


def test_an_empty_file_is_refused(folder: Path) -> None:
    (folder / FILE).write_bytes(b"")
    with pytest.raises(StoreError, match="no index of acir"):
        Store.open(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(folder: Path, share: float) -> None:
    content = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(StoreError, match="is damaged"), Store.open(folder) as store:
        everything(store)


def read_all(folder: Path) -> list[dict[str, object]]:
    with Store.open(folder) as store, store.view() as view:
        positions = np.arange(len(view.gallery.keys))
        assert len(view.embeddings(positions)) == len(positions)
        return [plain(one) for one in view.entries(positions)]


def assert_flips_never_change_what_is_read(folder: Path, tmp_path: Path, rounds: int) -> None:
    """Flip bytes one at a time: what is read is right, or it is refused."""
    expected = [plain(entry(i)) for i in sorted(range(40), key=lambda i: entry(i).id)]
    content = (folder / FILE).read_bytes()
    rng = random.Random(2)
    refused = 0
    for i in range(rounds):
        copy = tmp_path / f"copy{i}"
        copytree(folder, copy)
        altered = bytearray(content)
        altered[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (copy / FILE).write_bytes(altered)
        try:
            assert read_all(copy) == expected
        except (StoreError, StorageError):
            refused += 1
    assert refused > rounds / 10


def test_a_flipped_bit_never_changes_what_is_read(folder: Path, tmp_path: Path) -> None:
    assert_flips_never_change_what_is_read(folder, tmp_path, 60)


@pytest.mark.soak
def test_thousands_of_flipped_bits_never_change_what_is_read(folder: Path, tmp_path: Path) -> None:
    assert_flips_never_change_what_is_read(folder, tmp_path, 3000)


def test_a_folder_that_is_gone_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot be used now .*unable to open"):
        Database(tmp_path / "gone")


def test_a_full_disk_keeps_what_was_stored(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(200)) as store:
        ((pages,),) = store._database.read("pragma page_count")
        store._database.read(f"pragma max_page_count = {pages + 3}")
        with pytest.raises(StorageError, match=r"the disk is full: .*; free some space"):
            store.add(map(entry, range(200, 2000)))
        assert store.verify() == []
        store._database.read(f"pragma max_page_count = {10 * pages}")
        assert store.add(map(entry, range(500))).unchanged >= 200
        assert store.verify() == []


FILL = """
import sys
from pathlib import Path
from made_entries import create, entry, gallery
from acir.errors import StorageError
from acir.index.store import Store

folder = Path(sys.argv[1])
store = create(folder, range(300))
try:
    store.add(map(entry, range(300, 100_000)))
except StorageError as error:
    print(error.exit_code, error)
store.close()
with Store.open(folder) as store:
    print(len(gallery(store).keys) >= 300, store.verify())
"""


def test_a_disk_that_is_really_full_keeps_what_was_stored(tmp_path: Path) -> None:
    # A disk of 2 MB that only this child process sees and that goes with it.
    mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=2m none "$1" && shift && "$@"']
    command = [*mount, "sh", str(tmp_path)]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a test mount a small disk")
    here = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    fill = [sys.executable, "-c", FILL, str(tmp_path / "index")]
    done = subprocess.run(
        [*command, "env", f"PYTHONPATH={here}", *fill], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("1 the disk is full: ")
    assert second == "True []"
