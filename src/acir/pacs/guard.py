"""Decode DICOM files in processes that may die.

A decoder written in C, given bytes that someone damaged on purpose, may end its process, never
return or take all memory. So files are read by children, each bounded in memory and time, and a
child that does not answer is killed and replaced. Those that answer stay warm for the next file.
"""

import atexit
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from queue import LifoQueue
from typing import IO, TypeVar, cast

from acir.errors import GuardError, UnreadableImageError
from acir.pacs.frames import MIDDLE
from acir.pacs.place import Place
from acir.pacs.reader import DicomPicture
from acir.pacs.wire import BrokenWireError, answer_of, line, put, receive_line, shared_memory

SECONDS = 10.0  # for one file
MEMORY = 3 * 2**30  # address space of a child
MOST_WORKERS = 8
START_SECONDS = 60.0
END_SECONDS = 1.0
KEPT_BYTES = 64 * 2**20  # of the shared memory, from one file to the next
CRASHED = "its content made the decoder crash"
ROOT = Path(__file__).parents[2]

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
        self._places: LifoQueue[_Worker | None] = LifoQueue()
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
        asked = {"wanted": "picture", "name": name, "label": label, "frame": frame}
        return self._answer(data, key, asked, DicomPicture)

    def locate(self, data: bytes, key: bytes, name: str) -> Place:
        """Read where the picture of a file lies as `acir.pacs.reader.locate` does.

        Raises:
            UnreadableImageError: As in `read`.
            UsageError: There is no key.
            GuardError: No child can be started.
        """
        return self._answer(data, key, {"wanted": "place", "name": name}, Place)

    def _answer(
        self, data: bytes, key: bytes, asked: dict[str, str | None], kind: type[Result]
    ) -> Result:
        worker = self._alive(self._places.get())
        try:
            worker = worker or _Worker(self._seconds, self._memory)
            return worker.answer(data, {"key": key.hex(), **asked}, kind)
        finally:
            self._places.put(self._alive(worker))

    def _alive(self, worker: "_Worker | None") -> "_Worker | None":
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


class _Worker:
    """One child, the pipes to it and the memory that it shares."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._seconds = seconds
        self._spent = False
        self._memory = shared_memory()
        limits = map(str, (self._memory, most_bytes, 2 * seconds))
        self._process = subprocess.Popen(
            # -P: a folder that someone works in may hold a numpy.py.
            [sys.executable, "-P", "-m", "acir.pacs.child", *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            pass_fds=(self._memory,),
            bufsize=0,
        )
        self._await_ready()

    @property
    def lives(self) -> bool:
        return not self._spent and self._process.poll() is None

    def answer(self, data: bytes, asked: dict[str, str | None], kind: type[Result]) -> Result:
        name = str(asked["name"])
        self._spent = True  # until it has answered
        try:
            put(self._memory, data)
            self._requests.write(line({"size": len(data), **asked}))
            said = receive_line(self._answers.fileno(), self._seconds)
            answer = answer_of(said, self._memory, name)
        except TimeoutError:
            raise UnreadableImageError(
                name, f"decoding it takes more than {self._seconds:g} seconds"
            ) from None
        except (BrokenWireError, OSError):
            raise UnreadableImageError(name, CRASHED) from None
        self._spent = bool(said.get("spent", True))
        if os.fstat(self._memory).st_size > KEPT_BYTES:
            os.ftruncate(self._memory, 0)
        if isinstance(answer, kind):
            return answer
        if isinstance(answer, Exception):
            raise answer
        self._spent = True
        raise UnreadableImageError(name, CRASHED)

    def end(self) -> None:
        """Let the child see the end of its input, and kill one that may not."""
        if self._spent:
            self._process.kill()
        self._requests.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        os.close(self._memory)

    @property
    def _requests(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdin)

    @property
    def _answers(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdout)

    def _await_ready(self) -> None:
        try:
            ready = receive_line(self._answers.fileno(), START_SECONDS).get("kind") == "ready"
        except (TimeoutError, BrokenWireError):
            ready = False
        if not ready:
            self._spent = True
            self.end()
            raise GuardError(
                "the process that decodes DICOM files does not start; to see why, run: "
                "python -m acir.pacs.child"
            )


def _environment() -> dict[str, str]:
    """Give a child what it needs to find its libraries, and no secret that its parent was given."""
    wanted = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    kept = {name: os.environ[name] for name in wanted if name in os.environ}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
