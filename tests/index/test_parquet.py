"""A Parquet file holds all that an index holds, for any program."""

import builtins
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_entries import BITS, DIM, create, entry, everything, plain

from acir.errors import ComponentError, StorageError, StoreError
from acir.index import parquet
from acir.index.store import Store
from acir.index.writer import Added

Change = Callable[[pa.Table], pa.Table]
EXTREME = np.array([65504, -65504, 6e-8, -0.0, 0.1, *[1e-3] * (DIM - 5)], dtype=np.float16)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = create(tmp_path / "index", range(40))
    made.add(
        [
            entry(90, path=None, patient=None, thumbnail=None, metadata={}, label=""),
            entry(91, id="ü\U0001d11e", label="a|b", metadata={"ключ": "", "": "x"}),
            entry(92, embedding=EXTREME),
        ]
    )
    return made


@pytest.fixture
def table(store: Store, tmp_path: Path) -> pa.Table:
    parquet.write(store, tmp_path / "file.parquet")
    return pq.read_table(tmp_path / "file.parquet")


def test_a_round_trip_gives_back_every_field(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH", 7)
    assert parquet.write(store, tmp_path / "file.parquet") == 43
    with create(tmp_path / "other") as other:
        assert other.add(parquet.read(tmp_path / "file.parquet", other)) == Added(new=43)
        assert [plain(one) for one in everything(other)] == [
            plain(one) for one in everything(store)
        ]
        assert other.add(parquet.read(tmp_path / "file.parquet", other)) == Added(unchanged=43)
    assert {f.name for f in tmp_path.iterdir()} == {"index", "other", "file.parquet"}


def test_another_program_reads_the_same(store: Store, table: pa.Table) -> None:
    expected = everything(store)
    rows: list[dict[str, Any]] = table.to_pylist()
    assert [row["id"] for row in rows] == [one.id for one in expected]
    for row, one in zip(rows, expected, strict=True):
        assert row["code"] == one.code.tobytes()
        assert np.array_equal(np.array(row["embedding"], np.float16), one.embedding)
        assert (row["label"], row["path"], row["patient"]) == (one.label, one.path, one.patient)
        assert row["thumbnail"] == one.thumbnail
        assert dict(row["metadata"]) == dict(one.metadata)
    assert table.schema.field("embedding").type == pa.list_(pa.float16(), DIM)
    assert table.schema.metadata[b"acir.model"] == b"m1"
    assert table.schema.metadata[b"acir.bits"] == str(BITS).encode()


def test_an_empty_index_makes_an_empty_file(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        assert parquet.write(store, tmp_path / "file.parquet") == 0
        assert store.add(parquet.read(tmp_path / "file.parquet", store)) == Added()


def test_the_file_of_another_model_is_refused(store: Store, tmp_path: Path) -> None:
    parquet.write(store, tmp_path / "file.parquet")
    with (
        Store.create(tmp_path / "other", bits=BITS, dim=DIM, engine="flat", model="m2") as other,
        pytest.raises(StoreError, match=r"was encoded by the model m1, the index at .* by m2; add"),
    ):
        other.add(parquet.read(tmp_path / "file.parquet", other))


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really PAR1", None])
def test_no_parquet_file_is_refused(store: Store, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "file.parquet").write_bytes(content)
    with pytest.raises(
        StoreError, match=r"cannot read .* as Parquet .*that acir index export wrot"
    ):
        store.add(parquet.read(tmp_path / "file.parquet", store))


def altered(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    field = pa.field(name, column.type)
    return table.set_column(table.schema.get_field_index(name), field, column)


def ending_in(name: str, table: pa.Table) -> pa.Table:
    """Return the table with a zero character in the last text of a column."""
    *others, _ = table.column(name).to_pylist()
    return altered(table, name, pa.array([*others, "a\0b"]))


def described_by(words: dict[str, str], table: pa.Table) -> pa.Table:
    """Return the table with these metadata for the last picture."""
    column = table.column("metadata")
    return altered(table, "metadata", pa.array([*column.to_pylist()[:-1], words], column.type))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.drop_columns(["label"]), "the column label of .* is missing, expected string"),
        (
            lambda t: altered(t, "label", pa.array(range(len(t)))),
            "the column label of .* is int64, expected string",
        ),
        (
            lambda t: altered(t, "code", pa.array([b"abc"] * len(t), pa.binary(3))),
            r"the column code of .* is fixed_size_binary\[3\], expected fixed_size_binary\[2\]",
        ),
        (lambda t: altered(t, "id", pa.nulls(len(t), pa.string())), "the column id of .* has gaps"),
        (
            lambda t: altered(
                t, "embedding", pa.array([[None] * DIM] * len(t), pa.list_(pa.float16(), DIM))
            ),
            "the column embedding of .* has gaps",
        ),
        *(
            (partial(ending_in, name), f"the column {name} of .* has a text with a zero character")
            for name in ("id", "label", "pixel_hash", "path", "patient")
        ),
        *(
            (partial(described_by, words), "the column metadata of .* has a text with a zero char")
            for words in ({"key\0": "value"}, {"key": "val\0ue"})
        ),
        (lambda t: t.replace_schema_metadata({}), "does not say which model encoded it"),
    ],
)
def test_other_columns_are_refused_and_nothing_is_added(
    store: Store, table: pa.Table, tmp_path: Path, change: Change, match: str
) -> None:
    pq.write_table(change(table), tmp_path / "changed.parquet")
    generation = store.info()["generation"]
    with pytest.raises(StoreError, match=match):
        store.add(parquet.read(tmp_path / "changed.parquet", store))
    assert store.info()["generation"] == generation


def test_a_file_that_is_there_is_not_written_over(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.parquet").write_text("mine")
    with pytest.raises(StoreError, match=r"there is something at .*mine.parquet already; name a"):
        parquet.write(store, tmp_path / "mine.parquet")
    assert (tmp_path / "mine.parquet").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_said(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*name a place that can be written"):
        parquet.write(store, tmp_path / "nowhere" / "file.parquet")


def test_a_damaged_picture_stops_the_export_and_leaves_no_file(
    store: Store, tmp_path: Path
) -> None:
    with store._database.transaction() as connection:
        connection.execute("update item set label = 'x' where row = 5")
    with pytest.raises(StoreError, match="is not what was stored"):
        parquet.write(store, tmp_path / "file.parquet")
    assert list(tmp_path.glob("file*")) == []


def test_without_pyarrow_it_says_how_to_get_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ComponentError, match=r"not installed. Install it with: .*acir\[parquet\]"):
        parquet.write(store, tmp_path / "file.parquet")
