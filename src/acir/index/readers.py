"""Views of an index for any number of threads, each kept up with what other processes write."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock

from acir.codes import BITS_PER_BYTE
from acir.errors import OutdatedError, StorageError, StoreError
from acir.index import cache, changes
from acir.index.changes import Moment
from acir.index.database import FILE, Database, can_be_written
from acir.index.engines.base import Engine
from acir.index.gallery import Gallery, caught_up, load
from acir.index.view import REPAIR, State, View

# The page cache, up to 64 MB a connection: the embeddings of a thousand candidates lie scattered.
READING = ("cache_size = -65536",)


class Readers:
    """Connections that read, and what they derive from the tables.

    Args:
        folder: The folder of the index.
        bits: Length of the codes.
        dim: Length of the embeddings.
        build: Makes the engine of a gallery, given what an earlier one learned.
    """

    def __init__(
        self, folder: Path, *, bits: int, dim: int, build: Callable[[Gallery, bytes | None], Engine]
    ) -> None:
        self._folder = folder
        self._size, self._dim, self._build = bits // BITS_PER_BYTE, dim, build
        self._idle: list[Database] = []
        self._closed = False
        self._process = os.getpid()
        self._lending = Lock()
        self._state: State | None = None
        self._catching_up = Lock()

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Lend a connection, within which one state is seen.

        Raises:
            StoreError: They were closed, or made by a process of which this one is a fork.
        """
        self._refuse_unusable()
        with self._lending:
            database = self._idle.pop() if self._idle else Database(self._folder, READING)
        try:
            with database.snapshot():
                yield database
        except BaseException:
            database.close()
            raise
        with self._lending:
            if self._closed:
                database.close()
            else:
                self._idle.append(database)

    @contextmanager
    def view(self) -> Iterator[View]:
        """See the newest state for the length of the block.

        After an `OutdatedError` in the block, the next view brings the server's copy up to date.

        Raises:
            StoreError: A code was altered.
        """
        with self.database() as database:
            # The first look at the file fixes what the block sees. Under the lock, so that no
            # thread sees less than what another has already caught up with.
            with self._catching_up:
                state = self._newest(database)
            try:
                yield View(database, state, self._dim)
            except OutdatedError:
                state.forget_engine()
                raise

    def close(self) -> None:
        """Close all connections that are not lent; the others are closed when they come back."""
        with self._lending:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
        if self._state is not None:
            self._state.close()

    def _refuse_unusable(self) -> None:
        if self._closed:
            raise StoreError(f"the index at {self._folder} was closed; open it again")
        # SQLite's locks are lost in a fork, which does not know it: both could damage the file.
        if os.getpid() != self._process:
            raise StoreError(
                f"the index at {self._folder} was opened by another process, before a fork; open "
                "it in each process that searches it"
            )

    def _newest(self, database: Database) -> State:
        moment = changes.latest(database)
        if moment is None:
            raise StoreError(f"the index at {self._folder} is damaged in its changes; {REPAIR}")
        if self._state is None or self._state.moment != moment:
            gallery = self._gallery(database, moment)
            self._state = State(moment, gallery, partial(self._engine, moment))
        return self._state

    def _gallery(self, database: Database, moment: Moment) -> Gallery:
        gallery = self._caught_up(database)
        if gallery is not None:
            return gallery
        gallery = load(database, self._size)
        if gallery is None:
            raise StoreError(f"the index at {self._folder} is damaged in its codes; {REPAIR}")
        if len(gallery.keys) >= cache.LEAST:
            self._keep(moment, partial(cache.write, self._folder, moment, gallery))
        return gallery

    def _engine(self, moment: Moment, gallery: Gallery) -> Engine:
        """Build an engine with what an earlier one learned, and keep what this one does."""
        before = cache.read_learned(self._folder)
        engine = self._build(gallery, before)
        if engine.learned not in {None, before}:
            self._keep(moment, partial(cache.write_learned, self._folder, engine.learned or b""))
        return engine

    def _caught_up(self, database: Database) -> Gallery | None:
        """Bring what is in memory, or in the cache, up to date where that is possible."""
        known = (self._state.moment, self._state.gallery) if self._state else None
        known = known or cache.read(self._folder, self._size)
        gone = changes.gone_since(database, known[0]) if known else None
        if known is None or gone is None:
            return None
        return caught_up(database, known[1], gone)

    def _keep(self, moment: Moment, write: Callable[[], None]) -> None:
        """Write a cache, unless somebody writes to the index or there is no room."""
        if not can_be_written(self._folder / FILE):
            return
        with suppress(StorageError, OSError):
            database = Database(self._folder)
            try:
                # No picture may be deleted meanwhile, or its code would stay in the cache.
                with database.transaction(patience=0.0):
                    if changes.latest(database) == moment:
                        write()
            finally:
                database.close()
