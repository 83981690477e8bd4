"""Workers behind a bounded queue that is fair between callers."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from acir.errors import AcirError

P = ParamSpec("P")
T = TypeVar("T")


class FullError(AcirError):
    """So many requests wait already that one more would wait too long."""


class LateError(AcirError):
    """A request took too long; what was begun for it ends by itself."""


class Pool:
    """Run blocking work on a few threads; who waits is served in turn, a caller at a time.

    One who asks for a hundred things at once waits for the hundred; another who asks for one
    waits for one of them. Belongs to one event loop.

    Args:
        workers: Threads.
        waiting: Work that may wait, of all callers together.
        seconds: After which a caller is told that it took too long.
    """

    def __init__(self, workers: int, waiting: int, seconds: float) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="acir-worker")
        self._free, self._most, self._seconds = workers, waiting, seconds
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How much work waits for a thread."""
        return sum(map(len, self._queues.values()))

    async def run(self, caller: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Wait for a thread and do the work there.

        Raises:
            FullError: Too much waits already.
            LateError: It took too long.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._turn(caller)
                loop = asyncio.get_running_loop()
                done = loop.run_in_executor(self._threads, partial(work, *args, **kwargs))
                done.add_done_callback(self._ended)
                return await asyncio.shield(done)
        except TimeoutError:
            raise LateError("the answer took too long; ask again later") from None

    def close(self) -> None:
        """Let what was begun end, and begin nothing more."""
        self._threads.shutdown(cancel_futures=True)

    async def _turn(self, caller: str) -> None:
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._most:
            raise FullError("too many requests are waiting; ask again in a moment")
        mine = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            self._leave(caller, mine)
            raise

    def _leave(self, caller: str, mine: asyncio.Future[None]) -> None:
        """Give up a place in the queue, or pass on a turn that came at the same moment."""
        if mine.done() and not mine.cancelled():
            self._next()
            return
        queue = self._queues.get(caller, deque())
        if mine in queue:
            queue.remove(mine)
        if not queue:
            self._queues.pop(caller, None)

    def _ended(self, done: "asyncio.Future[T]") -> None:
        # One who was told that it took too long does not ask for its error any more, and asyncio
        # would write that to standard error, with whatever of a person stands in it.
        if not done.cancelled():
            done.exception()
        self._next()

    def _next(self) -> None:
        """Give the thread to the caller who waited longest since their last turn."""
        while self._queues:
            caller, queue = self._queues.popitem(last=False)
            mine = queue.popleft()
            if queue:
                self._queues[caller] = queue
            if not mine.done():
                mine.set_result(None)
                return
        self._free += 1
