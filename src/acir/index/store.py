"""An index at rest: one folder whose SQLite file is the only truth.

Engines are built from a view's `gallery` and may be thrown away at any time. A caller keeps a copy
of the model's bundle in the same folder.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from json import dumps
from pathlib import Path
from time import monotonic
from types import MappingProxyType, TracebackType

from acir.codes import BITS_PER_BYTE
from acir.errors import StorageError, StoreError, UsageError
from acir.index import cache, changes, rows, schema
from acir.index.database import FILE, Database
from acir.index.entry import Entry
from acir.index.filters import matching
from acir.index.readers import Readers
from acir.index.traffic import AT_LAST, Recorder, Traffic, kept
from acir.index.verification import problems
from acir.index.view import REPAIR, View

# Pictures of one transaction, and seconds after which a smaller one is committed: what a crash may
# cost, against the price of a commit.
BATCH, SECONDS = 8192, 1.0
SETTING = "setting."
# A commit touches many pages of every table; they are written once, not each time they change.
ROOM = ("cache_size = -262144",)


@dataclass(frozen=True)
class Added:
    """How many pictures were new, replaced one of the same id, or were there already."""

    new: int = 0
    replaced: int = 0
    unchanged: int = 0


class Store:
    """An index on disk; `create` or `open` it, and close it or use it as a context.

    One process at a time writes, any number read, and each view shows the newest state. Threads may
    share a store.

    Attributes:
        folder: Where it is.
        bits: Length of the codes.
        dim: Length of the embeddings.
        engine: Name of the engine that searches it.
        model: Identity of the bundle that encoded it.
        settings: What the caller asked to be kept.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        """Read what the store says of itself; called by `create` and `open`."""
        self.folder = folder
        self._database = database
        meta = schema.current(database)
        try:
            self.bits, self.dim = int(meta["bits"]), int(meta["dim"])
            self.engine, self.model = meta["engine"], meta["model"]
        except (KeyError, ValueError) as error:
            raise StoreError(
                f"the index at {folder} is damaged: it does not say what it holds; {REPAIR}"
            ) from error
        self.settings = MappingProxyType(
            {k.removeprefix(SETTING): v for k, v in meta.items() if k.startswith(SETTING)}
        )
        self._readers = Readers(folder, bits=self.bits, dim=self.dim, engine=self.engine)
        self._recorder = Recorder(folder)

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        bits: int,
        dim: int,
        engine: str,
        model: str,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> "Store":
        """Make an empty store in a new or empty folder.

        Raises:
            StoreError: There is something in the folder, or it is a file.
            StorageError: The folder cannot be written.
        """
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise StoreError(
                f"there is something at {folder} already; name a new folder, or add to the index "
                "with acir index add"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot make the folder {folder} ({error.strerror}); name one that can be written"
            ) from error
        meta = {"bits": str(bits), "dim": str(dim), "engine": engine, "model": model}
        meta |= {SETTING + key: value for key, value in settings.items()}
        database = Database(folder, ROOM)
        schema.create(database, meta)
        return cls(folder, database)

    @classmethod
    def open(cls, folder: Path, *, model: str | None = None) -> "Store":
        """Open a store that exists; one of the version before is brought up to this one.

        Args:
            folder: Where it is.
            model: Identity of the bundle that will search it; None when any will do.

        Raises:
            StoreError: It is missing, damaged, of another version or of another model.
        """
        if not (folder / FILE).is_file():
            raise StoreError(
                f"there is no index at {folder}; give the folder of one, or build it with "
                "acir index build"
            )
        database = Database(folder, ROOM)
        try:
            store = cls(folder, database)
            if model is not None and model != store.model:
                raise StoreError(
                    f"the index at {folder} was built with the model {store.model}, not with "
                    f"{model}; search it with its own bundle or build it again with this one"
                )
        except BaseException:
            database.close()
            raise
        return store

    def __enter__(self) -> "Store":
        """Return the store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._recorder.close()
        self._readers.close()
        self._database.close()

    def view(self) -> AbstractContextManager[View]:
        """See the newest state for the length of a block, whatever is written meanwhile.

        Raises:
            StoreError: A code was altered.
        """
        return self._readers.view()

    def add(self, entries: Iterable[Entry]) -> Added:
        """Insert entries, each replacing the one of the same id.

        They are committed by the batch while the iterable runs: an interruption loses the batch
        that was being gathered, and adding all again leaves what is there unchanged.

        Raises:
            ValueError: A code or an embedding is not of this store's length.
            StorageError: The disk is full, or another process writes; what was committed before
                remains.
        """
        total = Counter[str]()
        for batch in _batches(entries):
            self._check_lengths(batch)
            with self._database.transaction() as connection:
                written = rows.write(connection, batch)
                if written.changed:
                    changes.record(connection, written.gone)
            total += written.counts
        return Added(**total)

    def delete(self, ids: Iterable[str]) -> int:
        """Delete pictures by id and overwrite what was stored; return how many there were."""
        wanted = list(ids)
        return self._delete(lambda database: _keys(database, wanted))

    def delete_where(self, where: Mapping[str, str]) -> int:
        """Delete the pictures that meet every condition, as `delete` does.

        Raises:
            UsageError: There is no condition, or no picture has such a key.
        """
        if not where:
            raise UsageError("deleting needs a condition; give at least one key=value")
        return self._delete(lambda database: matching(database, where))

    def named(self, ids: Sequence[str]) -> list[Entry]:
        """Return all that is stored of the pictures with these ids, in this order, each checked.

        Raises:
            StoreError: One was altered, or is not there.
        """
        found = self.known(ids)
        for name in ids:
            if name not in found:
                raise StoreError(
                    f"the index at {self.folder} no longer holds {name} as it was stored; search "
                    "again, and see what acir index verify says"
                )
        return [found[name] for name in ids]

    def known(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return all that is stored of those of these ids that are here and not altered."""
        with self._readers.database() as database:
            found = rows.read(database, _keys(database, ids))
            return {name: entry for _, name, entry in found if entry is not None}

    def info(self) -> dict[str, int | str]:
        """Return what `acir index info` shows; `size_bytes` counts what lies in the folder."""
        with self._readers.database() as database:
            ((count,),) = database.read("select count(*) from item")
            moment = changes.latest(database)
        return {
            "n": count,
            "bits": self.bits,
            "dim": self.dim,
            "engine": self.engine,
            "model": self.model,
            "generation": moment.generation if moment else 0,
            "size_bytes": sum(f.stat().st_size for f in self._files()),
        }

    def keep_p_value(self, p_value: float, day: date) -> None:
        """Remember how ordinary a query was, without remembering the query or waiting for the disk.

        Raises:
            StorageError: The index cannot be written.
        """
        self._recorder.keep(p_value, day)

    def traffic(self) -> Traffic:
        """Return the p-values of the last queries.

        Raises:
            StoreError: They were altered.
        """
        self._recorder.flush(AT_LAST)
        with self._readers.database() as database:
            found = kept(database)
        if found is None:
            raise StoreError(f"the index at {self.folder} is damaged in its p-values; {REPAIR}")
        return found

    def verify(self) -> list[str]:
        """Read everything and return each problem in words; an empty list when all is well."""
        with self._readers.database() as database:
            return problems(database)

    def _files(self) -> list[Path]:
        """List the files of the folder, but for SQLite's shared memory: it goes on closing."""
        found = self.folder.rglob("*")
        return [f for f in found if f.is_file() and not f.name.endswith("-shm")]

    def _check_lengths(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            given = len(entry.code) * BITS_PER_BYTE, len(entry.embedding)
            if given != (self.bits, self.dim):
                raise ValueError(
                    f"{entry.id} has {given[0]} bits and {given[1]} dimensions, the index has "
                    f"{self.bits} and {self.dim}"
                )

    def _delete(self, find: Callable[[Database], list[int]]) -> int:
        with self._database.transaction() as connection:
            keys = find(self._database)
            count = rows.delete(connection, keys)
            if count:
                changes.record(connection, keys)
                cache.wipe(self.folder)
        self._database.forget()
        return count


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch, begun = list[Entry](), monotonic()
    for entry in entries:
        batch.append(entry)
        if len(batch) >= BATCH or monotonic() - begun >= SECONDS:
            yield batch
            batch, begun = [], monotonic()
    if batch:
        yield batch


def _keys(database: Database, ids: Sequence[str]) -> list[int]:
    sql = "select row from item where id in (select value from json_each(?))"
    return [row for (row,) in database.read(sql, dumps(ids))]
