"""An index at rest: one folder whose SQLite file is the only truth.

Engines are built from `gallery` and may be thrown away at any time. A caller keeps a copy of the
model's bundle in the same folder.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from json import dumps
from pathlib import Path
from types import MappingProxyType, TracebackType

import numpy as np
from jaxtyping import Bool, Float16, Int

from acir.codes import BITS_PER_BYTE
from acir.errors import StorageError, StoreError, UsageError
from acir.index import cases, letters, rows
from acir.index.database import SCHEMA, TABLES, Database
from acir.index.entry import Entry, unseal
from acir.index.filters import matching
from acir.index.gallery import Gallery, load
from acir.index.traffic import Traffic, keep, kept
from acir.index.verification import problems
from acir.types import Skipped

FILE = "store.sqlite"
# Pictures of one transaction: what a crash may cost, against the price of a commit.
BATCH = 256
SETTING = "setting."
EMBEDDINGS = f"select row, v from embedding where {rows.GIVEN}"
NEXT_GENERATION = "update meta set value = value + 1 where key = 'generation'"
REPAIR = "restore a copy of it or build it again"


@dataclass(frozen=True)
class Added:
    """How many pictures were new, replaced one of the same id, or were there already."""

    new: int = 0
    replaced: int = 0
    unchanged: int = 0


class Store:
    """An index on disk; `create` or `open` it, and close it or use it as a context.

    Positions are those of `gallery`, which ascend with the id. They hold until this store adds
    or deletes; what other processes change shows after opening again.

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
        self._gallery: Gallery | None = None
        meta = self._meta()
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
        meta = {"schema": SCHEMA, "generation": "0", "bits": str(bits), "dim": str(dim)}
        meta |= {"engine": engine, "model": model}
        meta |= {SETTING + key: value for key, value in settings.items()}
        database = Database(folder, FILE)
        with database.transaction() as connection:
            for table in TABLES:
                connection.execute(table)
            connection.executemany("insert into meta values (?, ?)", meta.items())
        return cls(folder, database)

    @classmethod
    def open(cls, folder: Path, *, model: str | None = None) -> "Store":
        """Open a store that exists.

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
        database = Database(folder, FILE)
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
        self._database.close()

    def add(self, entries: Iterable[Entry]) -> Added:
        """Insert entries, each replacing the one of the same id.

        They are committed by the batch while the iterable runs: an interruption loses the batch
        that was being gathered, and adding all again leaves what is there unchanged.

        Raises:
            ValueError: A code or an embedding is not of this store's length.
            StorageError: The disk is full; what was committed before remains.
        """
        total, source = Counter[str](), iter(entries)
        while batch := list(islice(source, BATCH)):
            self._check_lengths(batch)
            with self._database.transaction() as connection:
                outcome = rows.write(connection, batch)
                if outcome["new"] or outcome["replaced"]:
                    connection.execute(NEXT_GENERATION)
                    self._gallery = None
            total += outcome
        return Added(**total)

    def delete(self, ids: Iterable[str]) -> int:
        """Delete pictures by id and overwrite what was stored; return how many there were."""
        return self._delete(self._keys(ids))

    def delete_where(self, where: Mapping[str, str]) -> int:
        """Delete the pictures that meet every condition, as `delete` does.

        Raises:
            UsageError: There is no condition, or no picture has such a key.
        """
        if not where:
            raise UsageError("deleting needs a condition; give at least one key=value")
        return self._delete(matching(self._database, where))

    def gallery(self) -> Gallery:
        """Return all codes, ordered by id.

        Raises:
            StoreError: A code was altered.
        """
        if self._gallery is None:
            self._gallery = load(self._database, self.bits // BITS_PER_BYTE)
        if self._gallery is None:
            raise StoreError(f"the index at {self.folder} is damaged in its codes; {REPAIR}")
        return self._gallery

    def embeddings(self, positions: Int[np.ndarray, " m"]) -> Float16[np.ndarray, "m dim"]:
        """Return embeddings in the order of the positions.

        Raises:
            StoreError: One was altered, or deleted by another process.
        """
        keys = self.gallery().keys[positions].tolist()
        found: dict[int, object] = dict(self._database.read(EMBEDDINGS, dumps(keys)))
        if any(key not in found for key in keys):
            raise self._changed()
        content = unseal([found[key] for key in keys], self.dim * np.dtype(np.float16).itemsize)
        if content is None:
            raise StoreError(f"the index at {self.folder} is damaged in its embeddings; {REPAIR}")
        return content.view("<f2")

    def entries(self, positions: Int[np.ndarray, " m"]) -> list[Entry]:
        """Return all that is stored, in the order of the positions, each checked.

        Raises:
            StoreError: One was altered, or deleted by another process.
        """
        gallery = self.gallery()
        keys = gallery.keys[positions].tolist()
        found = {key: (name, entry) for key, name, entry in rows.read(self._database, keys)}
        if any(key not in found for key in keys):
            raise self._changed()
        result = []
        for key, code in zip(keys, gallery.codes[positions], strict=True):
            name, entry = found[key]
            if entry is None or not np.array_equal(entry.code, code):
                raise StoreError(
                    f"the index at {self.folder} is damaged: {name} is not what was stored; "
                    f"{REPAIR}"
                )
            result.append(entry)
        return result

    def named(self, ids: Sequence[str]) -> list[Entry]:
        """Return all that is stored of the pictures with these ids, in this order, each checked.

        Raises:
            StoreError: One was altered, or is not there.
        """
        positions = self.gallery().positions(self._keys(ids))
        found = {entry.id: entry for entry in self.entries(positions)}
        if any(name not in found for name in ids):
            raise self._changed()
        return [found[name] for name in ids]

    def known(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return all that is stored of those of these ids that are here and not altered."""
        found = rows.read(self._database, self._keys(ids))
        return {name: entry for _, name, entry in found if entry is not None}

    def select(self, where: Mapping[str, str]) -> Bool[np.ndarray, " n"]:
        """Mark the positions of the pictures that meet every condition.

        Args:
            where: Values by key; the key is `label`, of which one class name suffices, or a key
                of the pictures' metadata.

        Raises:
            UsageError: No picture has such a key; the known ones are named.
        """
        gallery = self.gallery()
        if not where:  # every search comes here
            return np.ones(len(gallery.keys), dtype=bool)
        mask = np.zeros(len(gallery.keys), dtype=bool)
        mask[gallery.positions(matching(self._database, where))] = True
        return mask

    def same_pixels(self, pixel_hash: str) -> Int[np.ndarray, " m"]:
        """Return the positions of the pictures with exactly these pixels."""
        return self._positions("select row from item where pixel_hash = ?", pixel_hash)

    def same_patient(self, patient: str) -> Int[np.ndarray, " m"]:
        """Return the positions of a patient's pictures, given the keyed hash."""
        return self._positions("select row from item where patient = ?", patient)

    def positions(self, ids: Iterable[str]) -> Int[np.ndarray, " m"]:
        """Return the positions, ascending, of those of these ids that are here."""
        return self.gallery().positions(self._keys(ids))

    def values(self, positions: Int[np.ndarray, " m"], name: str) -> list[str | None]:
        """Return what each picture has under `label`, `patient` or a key of its metadata.

        Raises:
            UsageError: No picture has such a key; the known ones are named.
        """
        keys = self.gallery().keys[positions].tolist()
        found = cases.values(self._database, keys, name)
        return [found.get(key) for key in keys]

    def members(self, name: str, wanted: Iterable[str]) -> Int[np.ndarray, " m"]:
        """Return the positions, ascending, of the pictures with any of these values."""
        return self.gallery().positions(cases.members(self._database, name, wanted))

    def info(self) -> dict[str, int | str]:
        """Return what `acir index info` shows; `size_bytes` counts what lies in the folder."""
        ((count,),) = self._database.read("select count(*) from item")
        return {
            "n": count,
            "bits": self.bits,
            "dim": self.dim,
            "engine": self.engine,
            "model": self.model,
            "generation": int(self._meta()["generation"]),
            "size_bytes": sum(f.stat().st_size for f in self._files()),
            "failed": len(self.dead_letters()),
        }

    def keep_p_value(self, p_value: float, day: date) -> None:
        """Remember how ordinary a query was, without remembering the query.

        Raises:
            StorageError: The index cannot be written.
        """
        keep(self._database, p_value, day)

    def traffic(self) -> Traffic:
        """Return the p-values of the last queries.

        Raises:
            StoreError: They were altered.
        """
        found = kept(self._database)
        if found is None:
            raise StoreError(f"the index at {self.folder} is damaged in its p-values; {REPAIR}")
        return found

    def keep_dead_letters(self, source: str, failed: Sequence[Skipped]) -> None:
        """Remember which pictures of a source could not be read, in the place of those before.

        Args:
            source: What tells the source from others, and tells no one's name.
            failed: The pictures.
        """
        letters.keep(self._database, source, failed)

    def dead_letters(self) -> list[Skipped]:
        """Return the pictures that could not be read and have not come since, by name."""
        return letters.kept(self._database)

    def verify(self) -> list[str]:
        """Read everything and return each problem in words; an empty list when all is well."""
        return problems(self._database)

    def _files(self) -> list[Path]:
        """List the files of the folder, but for SQLite's shared memory: it goes on closing."""
        found = self.folder.rglob("*")
        return [f for f in found if f.is_file() and not f.name.endswith("-shm")]

    def _meta(self) -> dict[str, str]:
        meta: dict[str, str] = dict(self._database.read("select key, value from meta"))
        if meta.get("schema") != SCHEMA:
            raise StoreError(
                f"the index at {self.folder} is of version {meta.get('schema')}, expected "
                f"{SCHEMA}; build it again with this version of acir"
            )
        return meta

    def _check_lengths(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            given = len(entry.code) * BITS_PER_BYTE, len(entry.embedding)
            if given != (self.bits, self.dim):
                raise ValueError(
                    f"{entry.id} has {given[0]} bits and {given[1]} dimensions, the index has "
                    f"{self.bits} and {self.dim}"
                )

    def _delete(self, keys: Sequence[int]) -> int:
        with self._database.transaction() as connection:
            count = rows.delete(connection, keys)
            if count:
                connection.execute(NEXT_GENERATION)
                self._gallery = None
        self._database.forget()
        return count

    def _keys(self, ids: Iterable[str]) -> list[int]:
        sql = "select row from item where id in (select value from json_each(?))"
        return [row for (row,) in self._database.read(sql, dumps(list(ids)))]

    def _positions(self, sql: str, value: str) -> Int[np.ndarray, " m"]:
        return self.gallery().positions([row for (row,) in self._database.read(sql, value)])

    def _changed(self) -> StoreError:
        return StoreError(f"the index at {self.folder} has changed meanwhile; open it again")
