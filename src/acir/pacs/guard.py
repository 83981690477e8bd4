"""Decode DICOM files in processes that may die.

A decoder written in C, given bytes that someone damaged on purpose, may end its process, never
return or take all memory. So files are read by children, each bounded in memory and time, and a
child that does not answer is killed and replaced. Those that answer stay warm for the next file.
"""

import atexit
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from queue import LifoQueue
from typing import TypeVar

from acir.disposable.messages import Message
from acir.disposable.worker import Worker
from acir.pacs.frames import MIDDLE
from acir.pacs.levels import Level
from acir.pacs.place import Place
from acir.pacs.reader import DicomPicture
from acir.pacs.release import Released
from acir.pacs.wire import level_of, located, picture_of, release_of
from acir.privacy.deid import Profile

SECONDS = 10.0  # for one file
MEMORY = 3 * 2**30  # address space of a child
MOST_WORKERS = 8
CHILD = "acir.pacs.child"

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool(AbstractContextManager["Pool"]):
    """Children that read DICOM files, started when they are first needed.

    Several threads may read at once; more than there are workers wait for one another.
    `replaced` counts the children that had to be.

    Args:
        workers: How many children there may be; by default one a processor, at most
            `MOST_WORKERS`.
        seconds: How long one file may take.
        memory: How many bytes a child may map.

    Example:
        with Pool() as pool:
            picture = pool.read(data, key, "DICOM file 1 of 1")
    """

    def __init__(
        self, *, workers: int | None = None, seconds: float = SECONDS, memory: int = MEMORY
    ) -> None:
        self.workers = workers or min(os.cpu_count() or 1, MOST_WORKERS)
        self.replaced = 0
        self._seconds, self._memory = seconds, memory
        # The last one that worked is the first to work again: the fewest are started.
        self._places: LifoQueue[Worker | None] = LifoQueue()
        for _ in range(self.workers):
            self._places.put(None)

    def read(
        self, data: bytes, key: bytes, name: str, label: str | None = None, frame: str = MIDDLE
    ) -> DicomPicture:
        """Read a file as `acir.pacs.reader.read` does, which a child runs.

        Raises:
            UnreadableImageError: It says so, or the child died, was too slow or needed too much
                memory.
            UsageError: There is no key.
            GuardError: No child can be started.
        """
        asked = {"key": key.hex(), "name": name, "label": label, "frame": frame}
        return self._ask({"wanted": "picture", **asked}, data, picture_of)

    def locate(self, data: bytes, key: bytes, name: str) -> tuple[Place, ...]:
        """Read where the slices of a file lie as `acir.pacs.reader.locate` does.

        Raises:
            UnreadableImageError: As in `read`.
            UsageError: There is no key.
            GuardError: No child can be started.
        """
        return self._ask({"wanted": "place", "key": key.hex(), "name": name}, data, located)

    def level(self, head: bytes, key: bytes, name: str, label: str | None = None) -> Level:
        """Read which slide a file is part of as `acir.pacs.levels.level` does.

        Raises:
            UnreadableImageError: As in `read`.
            UsageError: There is no key.
            GuardError: No child can be started.
        """
        asked = {"key": key.hex(), "name": name, "label": label}
        return self._ask({"wanted": "level", **asked}, head, level_of)

    def release(self, data: bytes, profile: Profile, name: str) -> Released:
        """Remove identity from a file as `acir.pacs.release.release` does, which a child runs.

        Raises:
            UnreadableImageError: As in `read`.
            GuardError: No child can be started.
        """
        asked: Message = {
            "wanted": "release",
            "key": profile.key.hex(),
            "name": name,
            "dates": profile.dates,
            "every_picture": profile.every_picture,
        }
        return self._ask(asked, data, release_of)

    def _ask(self, asked: Message, data: bytes, take: Callable[[Message, int], Result]) -> Result:
        worker = self._alive(self._places.get())
        try:
            worker = worker or Worker(CHILD, self._seconds, self._memory)
            return worker.ask(asked, data, take)
        finally:
            self._places.put(self._alive(worker))

    def _alive(self, worker: Worker | None) -> Worker | None:
        """Return a child that can read on, or None after the end of one that cannot."""
        if worker is None or worker.lives:
            return worker
        worker.end()
        self.replaced += 1
        return None

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `work(item)` in the order of the items, some of them worked on ahead.

        `work` runs in threads; what it raises is raised when its turn comes.
        """
        with ThreadPoolExecutor(self.workers) as threads:
            ahead: deque[Future[Result]] = deque()
            try:
                for item in items:
                    ahead.append(threads.submit(work, item))
                    if len(ahead) > self.workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def close(self) -> None:
        """End the children; what is being read is waited for."""
        for _ in range(self.workers):
            if worker := self._places.get():
                worker.end()
        for _ in range(self.workers):
            self._places.put(None)

    def __exit__(self, *_: object) -> None:
        """End the children."""
        self.close()


def warm() -> Pool:
    """Return the pool of this process, which ends with it."""
    return _pool_of(os.getpid())


@cache
def _pool_of(_: int) -> Pool:  # a forked process has a number, and so a pool, of its own
    pool = Pool()
    atexit.register(pool.close)
    return pool
