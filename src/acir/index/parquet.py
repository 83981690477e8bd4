"""An index as one Parquet file, which any other program can read: the way out, and in.

A row is a picture, ordered by id; `schema` below says its columns. The file's metadata carry
`acir.model`, `acir.bits` and `acir.dim`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acir.codes import BITS_PER_BYTE
from acir.durable import whole
from acir.errors import ComponentError, StorageError, StoreError
from acir.index.entry import Entry
from acir.index.rows import ZERO
from acir.index.store import Store

BATCH = 1024
NEEDED = ("id", "code", "embedding", "label", "pixel_hash")
TEXTS = ("id", "label", "pixel_hash", "path", "patient")


def write(store: Store, file: Path) -> int:
    """Write all pictures of one state to a new file and return how many.

    Raises:
        ComponentError: pyarrow is not installed.
        StoreError: A picture was altered, or there is something at `file`.
        StorageError: The file cannot be written.
    """
    arrow, parquet = _pyarrow()
    refuse_taken(file)
    layout = schema(store.bits, store.dim).with_metadata(
        {"acir.model": store.model, "acir.bits": str(store.bits), "acir.dim": str(store.dim)}
    )
    try:
        with whole(file) as part, store.view() as view, parquet.ParquetWriter(part, layout) as out:
            count = len(view.gallery.keys)
            for start in range(0, count, BATCH):
                entries = view.entries(np.arange(start, min(start + BATCH, count)))
                out.write_batch(
                    arrow.RecordBatch.from_arrays(_columns(entries, layout), schema=layout)
                )
    except OSError as error:
        raise StorageError(
            f"cannot write {file} ({error.strerror or error}); name a place that can be written "
            "and has room"
        ) from error
    return count


def refuse_taken(file: Path) -> None:
    """Refuse a place for a new file where something is.

    Raises:
        StoreError: There is.
    """
    if file.exists():
        raise StoreError(f"there is something at {file} already; name a new file")


def read(file: Path, store: Store) -> Iterator[Entry]:
    """Yield the pictures of a file that `write` made of an index of the same model.

    Raises:
        ComponentError: pyarrow is not installed.
        StoreError: It is missing, no such file, of another model than the store, or has a text that
            no index can find.
    """
    arrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(file) as opened:
            _check(opened.schema_arrow, file, store)
            for batch in opened.iter_batches(BATCH):
                yield from _entries(batch, file, store)
    except (OSError, arrow.ArrowException) as error:
        raise StoreError(
            f"cannot read {file} as Parquet ({error}); give a file that acir index export wrote"
        ) from error


def holds(file: Path, patient: str) -> bool:
    """Say whether a file that `write` made has pictures of a patient.

    Raises:
        ComponentError: pyarrow is not installed.
        StoreError: It is no such file.
    """
    arrow, parquet = _pyarrow()
    try:
        (column,) = parquet.read_table(file, columns=["patient"]).columns
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise StoreError(f"cannot read {file} as Parquet ({error})") from error
    return patient in column.to_pylist()


def schema(bits: int, dim: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the columns of a file as a `pyarrow.Schema`; those of `NEEDED` are never null."""
    arrow, _ = _pyarrow()
    return arrow.schema(
        [
            arrow.field("id", arrow.string(), nullable=False),
            arrow.field("code", arrow.binary(bits // BITS_PER_BYTE), nullable=False),
            arrow.field("embedding", arrow.list_(arrow.float16(), dim), nullable=False),
            arrow.field("label", arrow.string(), nullable=False),
            arrow.field("pixel_hash", arrow.string(), nullable=False),
            arrow.field("path", arrow.string()),
            arrow.field("patient", arrow.string()),
            arrow.field("thumbnail", arrow.binary()),
            arrow.field("metadata", arrow.map_(arrow.string(), arrow.string())),
        ]
    )


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ComponentError(
            "Parquet files need 'pyarrow', which is not installed. Install it with: pip install "
            "'acir[parquet]'"
        ) from error
    return pyarrow, pyarrow.parquet


def _columns(entries: list[Entry], layout: Any) -> list[Any]:  # noqa: ANN401
    arrow, _ = _pyarrow()
    vectors = arrow.array(np.concatenate([entry.embedding for entry in entries]))
    given = {
        "code": [entry.code.tobytes() for entry in entries],
        "metadata": [sorted(entry.metadata.items()) for entry in entries],
    }
    return [
        arrow.FixedSizeListArray.from_arrays(vectors, type=column.type)
        if column.name == "embedding"
        else arrow.array(
            given.get(column.name) or [getattr(entry, column.name) for entry in entries],
            type=column.type,
        )
        for column in layout
    ]


def _check(given: Any, file: Path, store: Store) -> None:  # noqa: ANN401
    model = (given.metadata or {}).get(b"acir.model", b"").decode(errors="replace")
    if not model:
        raise StoreError(
            f"{file} does not say which model encoded it; give a file that acir index export wrote"
        )
    if model != store.model:
        raise StoreError(
            f"{file} was encoded by the model {model}, the index at {store.folder} by "
            f"{store.model}; add its pictures from their source with acir index add"
        )
    for column in schema(store.bits, store.dim):
        place = given.get_field_index(column.name)
        if place < 0 or given.field(place).type != column.type:
            found = "missing" if place < 0 else str(given.field(place).type)
            raise StoreError(
                f"the column {column.name} of {file} is {found}, expected {column.type}; give a "
                "file that acir index export wrote"
            )


def _entries(batch: Any, file: Path, store: Store) -> Iterator[Entry]:  # noqa: ANN401
    empty = [name for name in NEEDED if batch.column(name).null_count]
    if empty or batch.column("embedding").flatten().null_count:
        raise StoreError(
            f"the column {(*empty, 'embedding')[0]} of {file} has gaps; give a file that acir "
            "index export wrote"
        )
    _refuse_zeros(batch, file)
    vectors = batch.column("embedding").flatten().to_numpy(zero_copy_only=False)
    vectors = vectors.astype(np.float16, copy=False).reshape(-1, store.dim)
    columns = {
        name: batch.column(name).to_pylist() for name in batch.schema.names if name != "embedding"
    }
    for i, vector in enumerate(vectors):
        row = {name: values[i] for name, values in columns.items()}
        yield Entry(
            id=row["id"],
            code=np.frombuffer(row["code"], dtype=np.uint8),
            embedding=vector,
            label=row["label"],
            pixel_hash=row["pixel_hash"],
            path=row["path"],
            patient=row["patient"],
            thumbnail=row["thumbnail"],
            metadata=dict(row["metadata"] or ()),
        )


def _refuse_zeros(batch: Any, file: Path) -> None:  # noqa: ANN401
    """Refuse a text that would be stored, but never be found again; see `ZERO`."""
    metadata = batch.column("metadata")
    texts = [(name, batch.column(name)) for name in TEXTS]
    for name, column in (*texts, ("metadata", metadata.keys), ("metadata", metadata.items)):
        if any(ZERO in text for text in column.to_pylist() if text):
            raise StoreError(
                f"the column {name} of {file} has a text with a zero character, which no index "
                "finds again; write the file without it"
            )
