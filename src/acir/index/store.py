"""An index at rest: one folder whose SQLite file is the only truth.

Engines are built from a view's `gallery` and may be thrown away at any time. A caller keeps a copy
of the model's bundle in the same folder.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from types import MappingProxyType

from acir.errors import StoreError, UsageError
from acir.index import about, changes, copies, letters, rewriting, rows, schema
from acir.index.about import About
from acir.index.chosen import Choice, build
from acir.index.database import Database
from acir.index.entry import Entry
from acir.index.feeds import Feed
from acir.index.filters import collections, matching
from acir.index.folder import make_folder, require_index, size_of
from acir.index.readers import Readers
from acir.index.traffic import AT_LAST, Recorder, Traffic, kept
from acir.index.verification import problems
from acir.index.view import REPAIR, View
from acir.index.writer import ROOM, Added, Writer
from acir.types import Skipped

AUDITED = "audited"  # the setting of an index whose searches and changes are recorded


class Store(AbstractContextManager["Store"]):
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
        said = about.read(database)
        self.bits, self.dim, self.settings = said.bits, said.dim, said.settings
        self.engine, self.model = said.engine, said.model
        self._writer = Writer(database, bits=self.bits, dim=self.dim)
        self._readers = Readers(
            folder,
            bits=self.bits,
            dim=self.dim,
            build=lambda gallery, learned: build(
                Choice(self.engine, self.settings), gallery, folder, learned
            ),
        )
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
        make_folder(folder)
        said = About(bits=bits, dim=dim, engine=engine, model=model, settings=settings)
        database = Database(folder, ROOM)
        schema.create(database, said.written())
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
        require_index(folder)
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

    @property
    def audited(self) -> bool:
        """Whether it was built to have every search and change recorded."""
        return self.settings.get(AUDITED) == "True"

    def __exit__(self, *_: object) -> None:
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
            UsageError: An id has a zero character.
            ValueError: A code or an embedding is not of this store's length.
            StorageError: The disk is full, or another process writes; what was committed before
                remains.
        """
        return self._writer.add(entries)

    def delete(self, ids: Iterable[str]) -> int:
        """Delete pictures by id and overwrite what was stored; return how many there were."""
        wanted = list(ids)
        return self._writer.delete(lambda database: rows.keys_of(database, wanted))

    def delete_where(self, where: Mapping[str, str]) -> int:
        """Delete the pictures that meet every condition, as `delete` does.

        Raises:
            UsageError: There is no condition, or no picture has such a key.
        """
        if not where:
            raise UsageError("deleting needs a condition; give at least one key=value")
        return self._writer.delete(lambda database: matching(database, where))

    def erase(self, ids: Sequence[str], names: Sequence[str]) -> int:
        """Delete pictures by id and the dead letters of these names; return how many pictures.

        The write-ahead log is emptied, unless another process reads from it.
        """
        letters.forget(self._database, names)
        return self.delete(ids)

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
            found = rows.read(database, rows.keys_of(database, ids))
            return {name: entry for _, name, entry in found if entry is not None}

    def info(self) -> dict[str, int | str]:
        """Return what `acir index info` shows; `size_bytes` counts what lies in the folder."""
        with self._readers.database() as database:
            ((count,),) = database.read("select count(*) from item")
            moment = changes.latest(database)
            failed = len(letters.kept(database))
        return {
            "n": count,
            "bits": self.bits,
            "dim": self.dim,
            "engine": self.engine,
            "model": self.model,
            "generation": moment.generation if moment else 0,
            "size_bytes": size_of(self.folder),
            "failed": failed,
        }

    def collections(self) -> dict[str, int]:
        """Return how many pictures each collection has, by name."""
        with self._readers.database() as database:
            return collections(database)

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

    def compact(self) -> int:
        """Write the file anew without the space of what was deleted; return the bytes won.

        Killed at any moment, it leaves the index as it was or compacted. Others may read meanwhile;
        the file shrinks at the latest when the last of them closes it.

        Raises:
            StoreError: Something was altered: a copy should be restored instead.
            StorageError: The disk has no room for a second copy, or another process writes.
        """
        return rewriting.compact(self._database, self.verify())

    def copy_to(self, folder: Path) -> None:
        """Copy one state of the store to a folder that exists, whatever is written meanwhile.

        Where its engine is on a server, the new store has a collection of its own there, which its
        first search makes: two stores that share one would undo each other's changes.

        Raises:
            StorageError: The folder cannot be written, or there is no room.
        """
        with self._readers.database() as database:
            rewriting.copy(database, folder)

    def keep_dead_letters(self, source: str, failed: Sequence[Skipped]) -> None:
        """Remember which pictures of a source could not be read, in the place of those before.

        Args:
            source: What tells the source from others, and tells no one's name.
            failed: The pictures.
        """
        letters.keep(self._database, source, failed)

    def keep_copy(self, place: Path) -> None:
        """Remember that a copy of the index, or a part of it, is made at a place."""
        copies.keep(self._database, place)

    def forget_copy(self, place: Path) -> None:
        """Forget a copy that was not made after all."""
        copies.forget(self._database, place)

    def copies(self) -> dict[Path, str]:
        """Return where copies were made, each with the day in UTC; they may have gone since."""
        with self._readers.database() as database:
            return copies.kept(database)

    def dead_letters(self) -> list[Skipped]:
        """Return the pictures that could not be read and have not come since, by name."""
        with self._readers.database() as database:
            return letters.kept(database)

    def feed(self, pacs: str) -> Feed:
        """Return what the index has of a PACS, by the name that it is known by here."""
        return Feed(pacs, self._readers.database, self._writer.follow)

    def verify(self) -> list[str]:
        """Read everything and return each problem in words; an empty list when all is well."""
        with self._readers.database() as database:
            return problems(database)
